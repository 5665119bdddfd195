// SPDX-License-Identifier: Apache-2.0
// One run over the dirty agents (mesos-api.md 7.3, stage 2): on each agent the first framework in
// order that may have what is free there takes all of it; what is reserved for other roles is then
// offered to those.
#include <algorithm>

#include "master/core/allocator/internal.hpp"
#include "model/roles.hpp"

namespace mesolith::master::allocator {
namespace {

struct Taken {
  FrameworkId framework_id;
  std::string role;
  model::Resources resources;
  std::vector<Passed> passed_over;
};

std::vector<AgentId> dirty_agents(Allocator::State& state) {
  std::vector<AgentId> agents;
  const auto wanted = [&](const AgentEntry& agent) {
    return agent.active && !agent.available.empty();
  };
  if (state.all_dirty) {
    for (const auto& [id, agent] : state.agents) {
      if (wanted(agent)) agents.push_back(id);
    }
  } else {
    for (const AgentId& id : state.dirty) {
      if (wanted(state.agents.at(id))) agents.push_back(id);
    }
  }
  state.dirty.clear();
  state.all_dirty = false;
  return agents;
}

bool has_reservations(const AgentEntry& agent) {
  const auto entries = agent.available.entries();
  return std::any_of(entries.begin(), entries.end(),
                     [](const model::Entry& entry) { return entry.reserved() || entry.shared(); });
}

// Who takes what on one agent. `agent.available` shrinks; shares move only afterwards, as the
// original has it.
std::vector<Taken> walk_agent(Allocator::State& state, Time now, const AgentId& id,
                              AgentEntry& agent) {
  std::vector<Taken> taken;
  std::vector<Passed> passed_over;
  state.shares.walk([&](const std::string& role, const FrameworkId& framework_id) {
    Candidate found = candidate(state, now, id, agent, framework_id, role);
    if (found.refused) {
      if (passed_over.size() < passed_over_max) passed_over.push_back(*std::move(found.refused));
      return true;
    }
    agent.available -= found.resources;
    note_available(agent);
    taken.push_back(
        {framework_id, role, found.resources.allocated_to(role), std::exchange(passed_over, {})});
    return has_reservations(agent);
  });
  return taken;
}

void keep_record(Allocator::State& state, Record record) {
  record.number = state.next_record++;
  state.records.push_back(std::move(record));
  while (state.records.size() > state.options.decisions_max) state.records.pop_front();
}

}  // namespace

void note_available(AgentEntry& agent) {
  const auto entries = agent.available.entries();
  agent.plain = std::all_of(entries.begin(), entries.end(),
                            [](const model::Entry& entry) { return entry.plain(); });
}

bool allocatable(const Options& options, const model::Resources& resources) {
  if (options.min_allocatable.empty()) return !resources.empty();
  return std::any_of(
      options.min_allocatable.begin(), options.min_allocatable.end(),
      [&](const model::Quantities& least) { return resources.has_scalar_of(least); });
}

Candidate candidate(const Allocator::State& state, Time now, const AgentId& agent_id,
                    const AgentEntry& agent, const FrameworkId& framework_id,
                    const std::string& role) {
  const FrameworkEntry& framework = state.frameworks.at(framework_id);
  const FrameworkTraits& traits = framework.traits;
  const auto refuse = [&](Reason reason, Time until = never) {
    return Candidate{{}, Passed{framework_id, role, reason, until}};
  };
  if (agent.gpus && state.options.filter_gpu_resources && !traits.gpu_resources) {
    return refuse(Reason::needs_gpu_capability);
  }
  const bool nested = role.find('/') != std::string::npos;
  if (!agent.multi_role && (traits.multi_role || nested))
    return refuse(Reason::needs_multi_role_agent);
  Candidate found;
  if (agent.plain) {
    found.resources = agent.available;
  } else {
    found.resources = agent.available.allocatable_to(role).filter([&](const model::Entry& entry) {
      if (entry.revocable() && !traits.revocable_resources) return false;
      if (entry.shared() && !traits.shared_resources) return false;
      return !entry.reserved() || entry.traits->reservations.size() < 2 ||
             traits.reservation_refinement;
    });
  }
  if (found.resources.empty()) return refuse(Reason::nothing_for_role);
  if (!allocatable(state.options, found.resources)) return refuse(Reason::too_small);
  if (const auto until = state.filters.keeps_back(framework_id, role, agent_id, found.resources)) {
    return refuse(Reason::filtered, *until);
  }
  return found;
}

std::vector<Grant> Allocator::allocate(Time now, Rng& rng) {
  State& state = *state_;
  for (const AgentId& id : state.filters.expire(now)) state.dirty.insert(id);
  std::vector<AgentId> agents = dirty_agents(state);
  rng.shuffle(agents);
  std::vector<Grant> grants;
  grants.reserve(agents.size());
  for (const AgentId& id : agents) {
    AgentEntry& agent = state.agents.at(id);
    for (Taken& taken : walk_agent(state, now, id, agent)) {
      Record record;
      record.when = now;
      record.agent_id = id;
      record.framework_id = taken.framework_id;
      record.role = taken.role;
      record.resources = taken.resources;
      record.passed_over = std::move(taken.passed_over);
      record.role_before = state.shares.role_share(taken.role);
      record.framework_before = state.shares.framework_share(taken.role, taken.framework_id);
      state.shares.allocate(taken.role, taken.framework_id, taken.resources.quantities());
      state.frameworks.at(taken.framework_id).held[id] += taken.resources;
      record.role_after = state.shares.role_share(taken.role);
      record.framework_after = state.shares.framework_share(taken.role, taken.framework_id);
      keep_record(state, std::move(record));
      grants.push_back(
          {std::move(taken.framework_id), std::move(taken.role), id, std::move(taken.resources)});
    }
  }
  return grants;
}

}  // namespace mesolith::master::allocator
