// SPDX-License-Identifier: Apache-2.0
// Quotas of top-level roles (mesos-api.md 7.4): a guarantee is kept free for a role until it has
// it, a limit is what it may have at most. Both hold for the whole subtree: what counts is what is
// reserved to it, held or not, and what it holds (or is offered) of the unreserved. Scalars only;
// revocable resources neither count nor are cut. Without any quota nothing is counted.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "model/quantities.hpp"
#include "model/resources.hpp"

namespace mesolith::master::allocator {

struct Quota {
  model::Quantities guarantees;
  model::Limits limits;  // a name that is absent has none
  bool empty() const { return guarantees.empty() && limits.empty(); }
};

// "eng" of "eng/dev".
std::string_view top_level(std::string_view role);

class Quotas {
 public:
  bool empty() const { return quotas_.empty(); }
  bool guaranteeing() const { return !required_.empty(); }  // some guarantee is not fulfilled

  // An empty quota is none. What is consumed is counted anew by the caller: clear(), then charges.
  void set(const std::string& role, Quota quota);
  void clear();

  // What a role holds or no longer holds; allocation roles set.
  void charge(const model::Resources& held);
  void credit(const model::Resources& held);
  // Reservations of an agent's total.
  void charge_reserved(const model::Resources& total);
  void credit_reserved(const model::Resources& total);

  // A run begins: so much is free everywhere, unreserved and not revocable.
  void set_headroom(const model::Quantities& headroom) { headroom_ = headroom; }
  // A role takes `part` of what is free, which is not allocated yet.
  void take(std::string_view role, const model::Resources& part);

  model::Quantities unfulfilled(std::string_view role) const;      // of its guarantee
  model::Quantities consumed(std::string_view role) const;         // of a role with a quota
  const model::Quantities& required() const { return required_; }  // by all guarantees

  // What of `offer` the role may have: within its limit, and without touching what others'
  // guarantees need.
  model::Resources cut(std::string_view role, const model::Resources& offer) const;

 private:
  struct Entry {
    Quota quota;
    model::Quantities consumed;
  };
  const Entry* find(std::string_view role) const;
  Entry* find(std::string_view role);
  void count(const model::Resources& resources, bool more, bool reserved);
  void reckon_required();

  std::map<std::string, Entry, std::less<>> quotas_;  // by top-level role
  model::Quantities required_;
  model::Quantities headroom_;
};

}  // namespace mesolith::master::allocator
