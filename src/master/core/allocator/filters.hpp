// SPDX-License-Identifier: Apache-2.0
// What frameworks declined and do not want to see for a while (mesos-api.md 7.5): a filter keeps
// back an offer that holds no more than was refused. Any increase in any resource passes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "model/resources.hpp"

namespace mesolith::master::allocator {

class Filters {
 public:
  struct Filter {
    uint64_t id = 0;
    model::Resources refused;
    Time until{};
  };
  using Owner = std::pair<FrameworkId, std::string>;  // a framework in a role
  using OfAgent = std::map<Owner, std::vector<Filter>>;

  void add(const FrameworkId&, const std::string& role, const AgentId&, model::Resources refused,
           Time until);
  // All filters on one agent; null when there are none. Good until the filters change.
  const OfAgent* on(const AgentId&) const;
  // Until when the offer is kept back; nothing when it passes.
  static std::optional<Time> keeps_back(const OfAgent*, const FrameworkId&, const std::string& role,
                                        const model::Resources& offer);
  void erase(const FrameworkId&);
  void erase(const FrameworkId&, const std::string& role);
  void erase(const AgentId&);
  // Ends what is due; the agents concerned.
  std::set<AgentId> expire(Time now);
  Time next_deadline() const {
    return expirations_.empty() ? never : std::get<0>(*expirations_.begin());
  }
  size_t count(const std::string& role) const;

 private:
  using Owners = std::map<Owner, std::set<AgentId>>;
  Owners::iterator drop(Owners::iterator owner);
  void forget_expirations(const Owner&, const AgentId&, const std::vector<Filter>& filters);

  std::map<AgentId, OfAgent> filters_;
  Owners owners_;  // where each has filters
  std::set<std::tuple<Time, uint64_t, Owner, AgentId>> expirations_;
  uint64_t next_id_ = 0;
};

}  // namespace mesolith::master::allocator
