// SPDX-License-Identifier: Apache-2.0
#include "master/core/allocator/share_tree.hpp"

#include "base/check.hpp"
#include "model/roles.hpp"

namespace mesolith::master::allocator {

Dominance dominance(const model::Quantities& allocated, const model::Quantities& total,
                    const std::set<std::string>& excluded) {
  Dominance most;
  allocated.for_each([&](const model::Name& name, model::Millis amount) {
    const model::Millis all = total.get(name);
    if (all <= 0 || (!excluded.empty() && excluded.contains(name.str()))) return;
    const double share = static_cast<double>(amount) / static_cast<double>(all);
    if (share > most.share) most = {share, name};
  });
  return most;
}

ShareTree::ShareTree(std::set<std::string> excluded)
    : excluded_(std::move(excluded)), root_(std::make_unique<Node>()) {}
ShareTree::~ShareTree() = default;

double ShareTree::share(const model::Quantities& allocated) const {
  return dominance(allocated, total_, excluded_).share;
}

double ShareTree::own_share(const Node& node) const {
  return share(node.own_allocated);
}

void ShareTree::set_total(const model::Quantities& total) {
  total_ = total;
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
  auto& created = parent.children[role];
  created = std::make_unique<Node>();
  created->path = role;
  created->parent = &parent;
  created->weight = weight(role);
  by_path_[role] = created.get();
  return *created;
}

const ShareTree::Node* ShareTree::find(const std::string& role) const {
  const auto found = by_path_.find(role);
  return found == by_path_.end() ? nullptr : found->second;
}

void ShareTree::add(const std::string& role, const FrameworkId& framework) {
  node(role).clients.try_emplace(framework);
}

void ShareTree::remove(const std::string& role, const FrameworkId& framework) {
  set_active(role, framework, false);
  node(role).clients.erase(framework);
}

bool ShareTree::contains(const std::string& role, const FrameworkId& framework) const {
  const Node* found = find(role);
  return found && found->clients.contains(framework);
}

void ShareTree::set_active(const std::string& role, const FrameworkId& framework, bool active) {
  Node& own = node(role);
  const auto found = own.clients.find(framework);
  if (found == own.clients.end() || found->second.active == active) return;
  Client& client = found->second;
  if (active) {
    client.active = true;
    client.order = {share(client.allocated), client.allocations, framework.value};
    own.clients_in_order.emplace(client.order, framework);
  } else {
    own.clients_in_order.erase(client.order);
    client.active = false;
  }
  for (Node* above = &own; above != root_.get(); above = above->parent) {
    if (!active && above->active_below == 1) above->parent->children_in_order.erase(above->order);
    above->active_below += active ? 1 : -1;
    if (active && above->active_below == 1) {
      above->order = {share(above->allocated) / above->weight, above->allocations, above->path};
      above->parent->children_in_order.emplace(above->order, above);
    }
  }
}

void ShareTree::place(Node& moved) {
  if (moved.active_below == 0 || stale_) return;
  auto& siblings = moved.parent->children_in_order;
  siblings.erase(moved.order);
  moved.order = {share(moved.allocated) / moved.weight, moved.allocations, moved.path};
  siblings.emplace(moved.order, &moved);
}

void ShareTree::place(Node& own, const FrameworkId& id, Client& client) {
  if (!client.active || stale_) return;
  auto moved = own.clients_in_order.extract(client.order);
  client.order = {share(client.allocated), client.allocations, id.value};
  CHECK(!moved.empty());
  moved.key() = client.order;
  own.clients_in_order.insert(std::move(moved));
}

void ShareTree::change(const std::string& role, const FrameworkId& framework,
                       const model::Quantities& amount, bool add) {
  Node& own = node(role);
  const auto apply = [&](model::Quantities& allocated, uint64_t& allocations) {
    if (add) {
      allocated += amount;
      ++allocations;
    } else {
      allocated -= amount;
    }
  };
  if (const auto found = own.clients.find(framework); found != own.clients.end()) {
    apply(found->second.allocated, found->second.allocations);
    place(own, framework, found->second);
  }
  apply(own.own_allocated, own.own_allocations);
  for (Node* above = &own; above != root_.get(); above = above->parent) {
    apply(above->allocated, above->allocations);
    place(*above);
  }
}

void ShareTree::allocate(const std::string& role, const FrameworkId& framework,
                         const model::Quantities& amount) {
  change(role, framework, amount, true);
}

void ShareTree::release(const std::string& role, const FrameworkId& framework,
                        const model::Quantities& amount) {
  change(role, framework, amount, false);
}

Dominance ShareTree::role_share(const std::string& role) const {
  const Node* found = find(role);
  if (!found) return {};
  Dominance most = dominance(found->allocated, total_, excluded_);
  most.share /= found->weight;
  return most;
}

Dominance ShareTree::framework_share(const std::string& role, const FrameworkId& framework) const {
  const Node* found = find(role);
  if (!found) return {};
  const auto client = found->clients.find(framework);
  if (client == found->clients.end()) return {};
  return dominance(client->second.allocated, total_, excluded_);
}

void ShareTree::refresh(Node& own) {
  own.clients_in_order.clear();
  for (auto& [id, client] : own.clients) {
    if (!client.active) continue;
    client.order = {share(client.allocated), client.allocations, id.value};
    own.clients_in_order.emplace(client.order, id);
  }
  own.children_in_order.clear();
  for (auto& [path, child] : own.children) {
    refresh(*child);
    if (child->active_below == 0) continue;
    child->order = {share(child->allocated) / child->weight, child->allocations, child->path};
    own.children_in_order.emplace(child->order, child.get());
  }
}

void ShareTree::refresh() {
  refresh(*root_);
  stale_ = false;
}

}  // namespace mesolith::master::allocator
