// SPDX-License-Identifier: Apache-2.0
#include "master/core/allocator/share_tree.hpp"

#include "base/check.hpp"
#include "model/roles.hpp"

namespace mesolith::master::allocator {

ShareTree::ShareTree(std::set<std::string> excluded)
    : excluded_(std::move(excluded)), root_(std::make_unique<Node>()) {}
ShareTree::~ShareTree() = default;

double ShareTree::share(const model::Quantities& allocated) const {
  double most = 0;
  allocated.for_each([&](const model::Name& name, model::Millis amount) {
    const model::Millis all = name.known() == model::Name::other_id
                                  ? counted_total_.get(name)
                                  : counted_total_.get(name.known());
    if (all > 0) most = std::max(most, static_cast<double>(amount) / static_cast<double>(all));
  });
  return most;
}

Dominance ShareTree::dominance(const model::Quantities& allocated) const {
  Dominance most;
  allocated.for_each([&](const model::Name& name, model::Millis amount) {
    const model::Millis all = counted_total_.get(name);
    const double part = all > 0 ? static_cast<double>(amount) / static_cast<double>(all) : 0;
    if (part > most.share) most = {part, name};
  });
  return most;
}

void ShareTree::set_total(const model::Quantities& total) {
  model::Quantities counted = total;
  for (const std::string& name : excluded_) counted.set(name, 0);
  if (counted == counted_total_) return;
  counted_total_ = std::move(counted);
  stale_ = true;
}

void ShareTree::set_weight(const std::string& role, double weight) {
  CHECK(weight > 0);
  weights_[role] = weight;
  if (const auto found = by_path_.find(role); found != by_path_.end())
    found->second->weight = weight;
  stale_ = true;
}

double ShareTree::weight(const std::string& role) const {
  const auto found = weights_.find(role);
  return found == weights_.end() ? 1.0 : found->second;
}

ShareTree::Node& ShareTree::node(const std::string& role) {
  if (const auto found = by_path_.find(role); found != by_path_.end()) return *found->second;
  const std::string above(model::roles::parent(role));
  Node& parent = above.empty() ? *root_ : node(above);
  const auto position = parent.children.emplace(role, std::make_unique<Node>()).first;
  Node* created = position->second.get();
  created->path = role;
  created->own_path = role + "/.";
  created->parent = &parent;
  created->weight = weight(role);
  by_path_[role] = created;
  if (!number_by_name(parent.children, position,
                      [](auto& child) -> Rank& { return child.second->rank; }))
    stale_ = true;
  return *created;
}

const ShareTree::Node* ShareTree::find(const std::string& role) const {
  const auto found = by_path_.find(role);
  return found == by_path_.end() ? nullptr : found->second;
}

ShareTree::Client* ShareTree::find(const std::string& role, const FrameworkId& id) {
  const auto node = by_path_.find(role);
  if (node == by_path_.end()) return nullptr;
  const auto found = node->second->clients.find(id);
  return found == node->second->clients.end() ? nullptr : &found->second;
}

ShareTree::Client& ShareTree::client(const std::string& role, const FrameworkId& id,
                                     FrameworkEntry& framework) {
  Node& own = node(role);
  const auto [found, inserted] = own.clients.try_emplace(id);
  if (inserted) {
    found->second.node = &own;
    found->second.framework = &framework;
    found->second.id = &found->first;
    if (!number_by_name(own.clients, found,
                        [](auto& client) -> Rank& { return client.second.rank; }))
      stale_ = true;
  }
  return found->second;
}

void ShareTree::subscribe(const std::string& role, const FrameworkId& id,
                          FrameworkEntry& framework) {
  client(role, id, framework).subscribed = true;
}

void ShareTree::unsubscribe(const std::string& role, const FrameworkId& id) {
  Client* found = find(role, id);
  if (!found) return;
  set_active(*found, false);
  found->subscribed = false;
  forget_if_idle(*found);
}

void ShareTree::set_active(const std::string& role, const FrameworkId& id, bool active) {
  Client* found = find(role, id);
  CHECK(found);
  set_active(*found, active);
}

void ShareTree::set_active(Client& client, bool active) {
  if (client.active == active) return;
  client.active = active;
  if (active) {
    client.rank.share = share(client.allocated);
    client.node->ranked_clients.insert(client);
  } else {
    client.node->ranked_clients.erase(client);
  }
  for (Node* above = client.node; above != root_.get(); above = above->parent) {
    if (!active && above->active_below == 1) above->parent->ranked_children.erase(*above);
    above->active_below += active ? 1 : -1;
    if (active && above->active_below == 1) {
      above->rank.share = share(above->allocated) / above->weight;
      above->parent->ranked_children.insert(*above);
    }
  }
}

void ShareTree::forget_if_idle(Client& client) {
  if (client.subscribed || !client.allocated.empty()) return;
  Node* own = client.node;
  own->clients.erase(FrameworkId(*client.id));
  while (own != root_.get() && own->clients.empty() && own->children.empty()) {
    Node* above = own->parent;
    const std::string path = own->path;
    by_path_.erase(path);
    above->children.erase(path);
    own = above;
  }
}

void ShareTree::settle(Client& client) {
  if (stale_) return;
  if (client.active) {
    client.rank.share = share(client.allocated);
    client.node->ranked_clients.moved(client);
  }
  for (Node* above = client.node; above != root_.get(); above = above->parent) {
    if (above->active_below == 0) continue;
    above->rank.share = share(above->allocated) / above->weight;
    above->parent->ranked_children.moved(*above);
  }
}

void ShareTree::allocate(const std::string& role, const FrameworkId& id, FrameworkEntry& framework,
                         const model::Quantities& amount, Count count) {
  allocate(client(role, id, framework), amount, count);
}

void ShareTree::allocate(Client& client, const model::Quantities& amount, Count count) {
  const uint64_t one = count == Count::allocation ? 1 : 0;
  client.allocated += amount;
  client.rank.allocations += one;
  client.node->own_allocated += amount;
  client.node->own_allocations += one;
  for (Node* above = client.node; above != root_.get(); above = above->parent) {
    above->allocated += amount;
    above->rank.allocations += one;
  }
  settle(client);
}

void ShareTree::release(const std::string& role, const FrameworkId& id,
                        const model::Quantities& amount) {
  Client* found = find(role, id);
  if (!found) return;
  found->allocated -= amount;
  found->node->own_allocated -= amount;
  for (Node* above = found->node; above != root_.get(); above = above->parent) {
    above->allocated -= amount;
  }
  settle(*found);
  forget_if_idle(*found);
}

double ShareTree::role_share(const std::string& role) const {
  const Node* found = find(role);
  return found ? share(found->allocated) / found->weight : 0;
}

double ShareTree::framework_share(const std::string& role, const FrameworkId& id) const {
  const Node* found = find(role);
  if (!found) return 0;
  const auto client = found->clients.find(id);
  return client == found->clients.end() ? 0 : share(client->second.allocated);
}

void ShareTree::refresh(Node& own) {
  own.ranked_clients.clear();
  for (auto& [id, client] : own.clients) {
    if (!client.active) continue;
    client.rank.share = share(client.allocated);
    own.ranked_clients.insert(client);
  }
  own.ranked_children.clear();
  for (auto& [path, child] : own.children) {
    refresh(*child);
    if (child->active_below == 0) continue;
    child->rank.share = share(child->allocated) / child->weight;
    own.ranked_children.insert(*child);
  }
}

void ShareTree::refresh() {
  refresh(*root_);
  stale_ = false;
}

}  // namespace mesolith::master::allocator
