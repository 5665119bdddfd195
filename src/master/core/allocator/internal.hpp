// SPDX-License-Identifier: Apache-2.0
// The allocator's state, and what its files share. Invariant: of each agent, `available` is `total`
// without what is held there, and what is held there is what the share tree counts.
#pragma once

#include "master/core/allocator/allocator.hpp"
#include "master/core/allocator/filters.hpp"
#include "master/core/allocator/share_tree.hpp"

namespace mesolith::master::allocator {

struct FrameworkEntry {
  const FrameworkId* id = nullptr;  // its key
  bool known = false;               // else only something of it runs: it has not been added yet
  std::set<std::string> roles, suppressed;
  FrameworkTraits traits;
  bool active = false;
  size_t agents_held = 0;  // on how many agents it holds something
};

struct Holding {
  FrameworkEntry* framework = nullptr;
  model::Resources resources;  // offered and used, allocation roles set; not empty
};

struct AgentEntry {
  const AgentId* id = nullptr;  // its key
  model::Resources total;
  model::Resources available;
  std::vector<Holding> held;  // one for each framework
  mesos::v1::AgentInfo info;  // what offer constraints look at
  bool active = true;
  bool multi_role = true;
  bool plain = true;  // nothing in `available` is reserved, revocable, shared or a special disk
  bool gpus = false;
  bool overcommitted = false;  // more is held than `total`, which shrank
  bool dirty = false;          // is in State::dirty
  bool left_over = false;      // the last run found nobody for it, and that is on record
};

enum class Reason {
  none,
  filtered,
  needs_gpu_capability,
  needs_multi_role_agent,
  constrained,
  nothing_for_role,
  too_small,
  over_quota,
};

struct Passed {
  FrameworkId framework_id;
  std::string role;
  Reason reason = Reason::none;
  Time until = never;  // of a filter
};

struct Record {  // a Decision before it is put into words
  uint64_t number = 0;
  Time when{};
  AgentId agent_id;
  model::Resources resources;
  FrameworkId framework_id;
  std::string role;
  model::Name dominant;
  double role_before = 0, role_after = 0, framework_before = 0, framework_after = 0;
  std::vector<Passed> passed_over;
};

inline constexpr size_t passed_over_max = 8;  // per record

struct Allocator::State {
  explicit State(Options given)
      : options(std::move(given)), shares(options.fair_sharing_excluded) {}

  Options options;
  ShareTree shares;
  Filters filters;
  Quotas quotas;
  std::map<FrameworkId, FrameworkEntry> frameworks;
  std::map<AgentId, AgentEntry> agents;
  model::Quantities total;
  std::vector<AgentEntry*> dirty;
  bool all_dirty = false;
  std::vector<Record> records;  // a ring: record n is at n % decisions_max
  uint64_t next_record = 1;
};

// What of `available` may be offered to a framework in a role, or why nothing may.
struct Candidate {
  Reason refused = Reason::none;
  Time until = never;       // of a filter
  bool everything = false;  // all that is available, and `part` is not set
  model::Resources part;
};
Candidate candidate(const Allocator::State& state, const Filters::OfAgent* filters,
                    const AgentEntry& agent, const FrameworkEntry& framework,
                    const std::string& role);

bool allocatable(const Options& options, const model::Resources& resources);
void note_available(AgentEntry& agent);  // after `available` changed
void mark_dirty(Allocator::State& state, AgentEntry& agent);
Holding& holding(AgentEntry& agent, FrameworkEntry& framework);  // there already, or an empty one
std::string describe(Time now, const Passed& passed);
Decision describe(const Record& record);

}  // namespace mesolith::master::allocator
