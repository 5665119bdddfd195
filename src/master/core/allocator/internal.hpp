// SPDX-License-Identifier: Apache-2.0
// The allocator's state, and what its files share.
#pragma once

#include "master/core/allocator/allocator.hpp"
#include "master/core/allocator/filters.hpp"
#include "master/core/allocator/share_tree.hpp"

namespace mesolith::master::allocator {

struct FrameworkEntry {
  std::set<std::string> roles, suppressed;
  FrameworkTraits traits;
  bool active = true;
  std::map<AgentId, model::Resources> held;  // offered and used, allocation roles set
};

struct AgentEntry {
  model::Resources total;
  model::Resources available;  // unallocated
  bool active = true;
  bool multi_role = true;
  bool plain =
      true;  // nothing reserved, revocable or shared in `available`: anybody may have all of it
  bool gpus = false;
};

enum class Reason {
  filtered,
  suppressed,
  needs_gpu_capability,
  needs_multi_role_agent,
  nothing_for_role,
  too_small,
};

struct Passed {
  FrameworkId framework_id;
  std::string role;
  Reason reason = Reason::filtered;
  Time until = never;  // of a filter
};

struct Record {  // a Decision before it is put into words
  uint64_t number = 0;
  Time when{};
  AgentId agent_id;
  model::Resources resources;
  FrameworkId framework_id;
  std::string role;
  Dominance role_before, role_after, framework_before, framework_after;
  std::vector<Passed> passed_over;
};

inline constexpr size_t passed_over_max = 8;  // per record

struct Allocator::State {
  explicit State(Options given)
      : options(std::move(given)), shares(options.fair_sharing_excluded) {}

  Options options;
  ShareTree shares;
  Filters filters;
  std::map<FrameworkId, FrameworkEntry> frameworks;
  std::map<AgentId, AgentEntry> agents;
  model::Quantities total;
  std::set<AgentId> dirty;
  bool all_dirty = false;
  std::deque<Record> records;
  uint64_t next_record = 1;
};

// The part of `available` that may be offered to the framework in this role, or why there is none.
struct Candidate {
  model::Resources resources;
  std::optional<Passed> refused;
};
Candidate candidate(const Allocator::State& state, Time now, const AgentId& agent_id,
                    const AgentEntry& agent, const FrameworkId& framework_id,
                    const std::string& role);

bool allocatable(const Options& options, const model::Resources& resources);
void note_available(AgentEntry& agent);  // after `available` changed
std::string describe(Time now, const Passed& passed);
Decision describe(const Record& record);

}  // namespace mesolith::master::allocator
