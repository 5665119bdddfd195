// SPDX-License-Identifier: Apache-2.0
// What frameworks declined and do not want to see for a while (mesos-api.md 7.5): a filter keeps
// back an offer that holds no more than was refused. Any increase in any resource passes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "model/resources.hpp"

namespace mesolith::master::allocator {

class Filters {
 public:
  void add(const FrameworkId&, const std::string& role, const AgentId&, model::Resources refused,
           Time until);
  // Until when the offer is kept back; nothing when it passes.
  std::optional<Time> keeps_back(const FrameworkId&, const std::string& role, const AgentId&,
                                 const model::Resources& offer) const;
  void erase(const FrameworkId&);
  void erase(const FrameworkId&, const std::string& role);
  void erase(const AgentId&);
  // Ends what is due; the agents concerned.
  std::set<AgentId> expire(Time now);
  Time next_deadline() const {
    return expirations_.empty() ? never : std::get<0>(*expirations_.begin());
  }
  size_t count(const std::string& role) const;
  // The latest end of any filter of this framework in this role, with its agent.
  std::optional<std::pair<Time, AgentId>> latest(const FrameworkId&, const std::string& role) const;

 private:
  using Key = std::tuple<FrameworkId, std::string, AgentId>;
  struct Filter {
    uint64_t id = 0;
    model::Resources refused;
    Time until{};
  };
  using Map = std::map<Key, std::vector<Filter>>;
  Map::iterator drop(Map::iterator position);

  Map filters_;
  std::set<std::tuple<Time, uint64_t, Key>> expirations_;
  uint64_t next_id_ = 0;
};

}  // namespace mesolith::master::allocator
