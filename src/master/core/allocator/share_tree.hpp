// SPDX-License-Identifier: Apache-2.0
// The two levels of fair sharing: a tree of roles, and in each role its frameworks
// (mesos-api.md 7.1). Siblings stand in the order of dominant share over weight, then of
// allocations ever made, then of their names. A change of an allocation moves only what it touches;
// a change of the cluster's total or of a weight moves everything, at the next walk. A role is in
// the tree while something in or below it has a client.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "base/id.hpp"
#include "master/core/allocator/ranking.hpp"
#include "model/quantities.hpp"

namespace mesolith::master::allocator {

struct FrameworkEntry;

// Dominant share: the largest part of a total, over names with a total that are not excluded.
struct Dominance {
  double share = 0;
  model::Name name;
};

class ShareTree {
 public:
  struct Node;
  struct Client {  // a framework in a role
    Node* node = nullptr;
    FrameworkEntry* framework = nullptr;
    const FrameworkId* id = nullptr;
    model::Quantities allocated;
    bool subscribed = false;
    bool active = false;
    Rank rank;  // current while active and the tree is not stale
    size_t place = 0;
  };
  struct Node {  // a role
    std::string path, own_path;
    Node* parent = nullptr;
    double weight = 1;
    model::Quantities allocated;  // of the subtree
    size_t active_below = 0;      // active clients of the subtree
    Rank rank;                    // current while active_below > 0 and the tree is not stale
    size_t place = 0;
    std::map<std::string, std::unique_ptr<Node>> children;
    Ranking<Node> ranked_children;
    // The role's own clients, which compete with its children as one: the virtual child ".".
    model::Quantities own_allocated;
    uint64_t own_allocations = 0;
    std::map<FrameworkId, Client> clients;
    Ranking<Client> ranked_clients;
  };

  explicit ShareTree(std::set<std::string> excluded);
  ~ShareTree();

  void set_total(const model::Quantities& total);
  void set_weight(const std::string& role, double weight);
  double weight(const std::string& role) const;

  // A client takes part in walks while it is active; its allocation counts in any case. It is
  // forgotten when it neither is subscribed nor has an allocation.
  void subscribe(const std::string& role, const FrameworkId& id, FrameworkEntry& framework);
  void unsubscribe(const std::string& role, const FrameworkId& id);
  void set_active(const std::string& role, const FrameworkId& id, bool active);

  enum class Count { allocation, change };  // whether it is one more of the "allocations ever"
  void allocate(const std::string& role, const FrameworkId& id, FrameworkEntry& framework,
                const model::Quantities& amount, Count count);
  void allocate(Client& client, const model::Quantities& amount, Count count);
  void release(const std::string& role, const FrameworkId& id, const model::Quantities& amount);

  double role_share(const std::string& role) const;  // over weight; 0 when there is no such role
  double framework_share(const std::string& role, const FrameworkId& id) const;
  Dominance dominance(const model::Quantities& allocated) const;

  // Calls visit(Client&) for each active client in order until it returns false. The tree must not
  // change meanwhile; ranks are current.
  template <class Visit>
  void walk(Visit&& visit);

 private:
  Node& node(const std::string& role);
  const Node* find(const std::string& role) const;
  Client* find(const std::string& role, const FrameworkId& id);
  Client& client(const std::string& role, const FrameworkId& id, FrameworkEntry& framework);
  double share(const model::Quantities& allocated) const;
  void set_active(Client& client, bool active);
  void settle(Client& client);  // it and its role and all above find their places again
  void forget_if_idle(Client& client);
  void refresh();  // all ranks, after a change of the total, a weight or the numbers of names
  void refresh(Node& node);
  template <class Visit>
  bool walk(const Node& node, Visit& visit) const;

  std::set<std::string> excluded_;
  model::Quantities counted_total_;  // without what is excluded
  std::map<std::string, double> weights_;
  std::unique_ptr<Node> root_;
  std::map<std::string, Node*> by_path_;
  bool stale_ = false;
};

template <class Visit>
void ShareTree::walk(Visit&& visit) {
  if (stale_) refresh();
  walk(*root_, visit);
}

template <class Visit>
bool ShareTree::walk(const Node& node, Visit& visit) const {
  const auto own = [&] {
    Ranking<Client>::Cursor clients(node.ranked_clients);
    while (Client* client = clients.next()) {
      if (!visit(*client)) return false;
    }
    return true;
  };
  if (node.ranked_children.empty()) return own();
  bool own_pending = !node.ranked_clients.empty();
  const double own_share = own_pending ? share(node.own_allocated) : 0;
  Ranking<Node>::Cursor children(node.ranked_children);
  while (Node* child = children.next()) {
    if (own_pending && std::tie(own_share, node.own_allocations, node.own_path) <
                           std::tie(child->rank.share, child->rank.allocations, child->path)) {
      own_pending = false;
      if (!own()) return false;
    }
    if (!walk(*child, visit)) return false;
  }
  return !own_pending || own();
}

}  // namespace mesolith::master::allocator
