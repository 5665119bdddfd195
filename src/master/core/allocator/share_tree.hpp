// SPDX-License-Identifier: Apache-2.0
// The two levels of fair sharing: a tree of roles, and in each role its frameworks
// (mesos-api.md 7.1). Siblings stand in the order of dominant share over weight, then of
// allocations ever made, then of their names. A change of an allocation moves only what it touches;
// a change of the cluster's total or of a weight moves everything, at the next walk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "base/id.hpp"
#include "model/quantities.hpp"

namespace mesolith::master::allocator {

// Dominant share of `allocated`: the largest part of a total, over names with a total that are not
// excluded.
struct Dominance {
  double share = 0;
  model::Name name;
};
Dominance dominance(const model::Quantities& allocated, const model::Quantities& total,
                    const std::set<std::string>& excluded);

class ShareTree {
 public:
  explicit ShareTree(std::set<std::string> excluded);
  ~ShareTree();

  void set_total(const model::Quantities& total);
  const model::Quantities& total() const { return total_; }
  void set_weight(const std::string& role, double weight);
  double weight(const std::string& role) const;

  // A client takes part in walks while it is active; its allocation counts in any case.
  void add(const std::string& role, const FrameworkId& framework);  // inactive
  void remove(const std::string& role, const FrameworkId& framework);
  bool contains(const std::string& role, const FrameworkId& framework) const;
  void set_active(const std::string& role, const FrameworkId& framework, bool active);

  void allocate(const std::string& role, const FrameworkId& framework,
                const model::Quantities& amount);
  void release(const std::string& role, const FrameworkId& framework,
               const model::Quantities& amount);

  Dominance role_share(const std::string& role) const;  // over weight
  Dominance framework_share(const std::string& role, const FrameworkId& framework) const;

  // Calls visit(role, framework) for each active client in order until it returns false. The tree
  // must not change meanwhile.
  template <class Visit>
  void walk(Visit&& visit);

 private:
  using Order = std::tuple<double, uint64_t, std::string>;  // share, allocations ever, name

  struct Client {
    model::Quantities allocated;
    uint64_t allocations = 0;
    bool active = false;
    Order order;  // as in `clients_in_order` while active
  };
  struct Node {
    std::string path;
    Node* parent = nullptr;
    double weight = 1;
    model::Quantities allocated;  // of the subtree
    uint64_t allocations = 0;
    size_t active_below = 0;  // active clients of the subtree
    Order order;              // as in the parent's `children_in_order` while active_below > 0
    std::map<std::string, std::unique_ptr<Node>> children;
    std::map<Order, Node*> children_in_order;
    // The role's own clients, which compete with its children as one: the virtual child ".".
    model::Quantities own_allocated;
    uint64_t own_allocations = 0;
    std::map<FrameworkId, Client> clients;
    std::map<Order, FrameworkId> clients_in_order;
  };

  Node& node(const std::string& role);
  const Node* find(const std::string& role) const;
  double share(const model::Quantities& allocated) const;
  void change(const std::string& role, const FrameworkId& framework,
              const model::Quantities& amount, bool add);
  void place(Node& node);  // among its siblings
  void place(Node& node, const FrameworkId& id, Client& client);
  void refresh();  // all orders, after a change of the total or a weight
  void refresh(Node& node);
  double own_share(const Node& node) const;
  template <class Visit>
  bool walk(const Node& node, Visit& visit) const;

  std::set<std::string> excluded_;
  model::Quantities total_;
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
    for (const auto& [order, id] : node.clients_in_order) {
      if (!visit(node.path, id)) return false;
    }
    return true;
  };
  bool own_pending = !node.clients_in_order.empty();
  const Order own_order{own_share(node), node.own_allocations, node.path + "/."};
  for (const auto& [order, child] : node.children_in_order) {
    if (own_pending && own_order < order) {
      own_pending = false;
      if (!own()) return false;
    }
    if (!walk(*child, visit)) return false;
  }
  return !own_pending || own();
}

}  // namespace mesolith::master::allocator
