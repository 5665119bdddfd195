// SPDX-License-Identifier: Apache-2.0
// The allocator's books: who is there, what is held by whom. The run itself is in allocate.cpp.
#include "master/core/allocator/allocator.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "master/core/allocator/internal.hpp"

namespace mesolith::master::allocator {
namespace {

// Calls fn(role, quantities) for each allocation role in `held`.
template <class Fn>
void for_each_role(const model::Resources& held, Fn fn) {
  const std::vector<std::string> roles = held.allocation_roles();
  if (roles.size() == 1) return fn(roles.front(), held.quantities());
  for (const std::string& role : roles) fn(role, held.allocated_part(role).quantities());
}

void update_activity(Allocator::State& state, const FrameworkId& id, const FrameworkEntry& entry) {
  for (const std::string& role : entry.roles) {
    state.shares.set_active(role, id, entry.active && !entry.suppressed.contains(role));
  }
}

FrameworkEntry& framework_of(Allocator::State& state, const FrameworkId& id) {
  const auto found = state.frameworks.find(id);
  CHECK(found != state.frameworks.end());
  return found->second;
}

AgentEntry& agent_of(Allocator::State& state, const AgentId& id) {
  const auto found = state.agents.find(id);
  CHECK(found != state.agents.end());
  return found->second;
}

void hold(Allocator::State& state, const FrameworkId& framework, const AgentId& agent,
          const model::Resources& resources) {
  for_each_role(resources, [&](const std::string& role, const model::Quantities& amount) {
    state.shares.add(role, framework);
    state.shares.allocate(role, framework, amount);
  });
  const auto entry = state.frameworks.find(framework);
  if (entry != state.frameworks.end()) entry->second.held[agent] += resources;
}

void let_go(Allocator::State& state, const FrameworkId& framework, const AgentId& agent,
            const model::Resources& resources) {
  for_each_role(resources, [&](const std::string& role, const model::Quantities& amount) {
    state.shares.release(role, framework, amount);
  });
  const auto entry = state.frameworks.find(framework);
  if (entry == state.frameworks.end()) return;
  const auto held = entry->second.held.find(agent);
  if (held == entry->second.held.end()) return;
  held->second -= resources;
  if (held->second.empty()) entry->second.held.erase(held);
}

}  // namespace

Allocator::Allocator(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Allocator::~Allocator() = default;
Allocator::Allocator(Allocator&&) noexcept = default;
Allocator& Allocator::operator=(Allocator&&) noexcept = default;

void Allocator::add_framework(const FrameworkId& id, const std::set<std::string>& roles,
                              FrameworkTraits traits, const std::set<std::string>& suppressed) {
  CHECK(!state_->frameworks.contains(id));
  FrameworkEntry& entry = state_->frameworks[id];
  entry.roles = roles;
  entry.suppressed = suppressed;
  entry.traits = traits;
  for (const std::string& role : roles) state_->shares.add(role, id);
  update_activity(*state_, id, entry);
  state_->all_dirty = true;
}

void Allocator::update_framework(const FrameworkId& id, const std::set<std::string>& roles,
                                 FrameworkTraits traits, const std::set<std::string>& suppressed) {
  FrameworkEntry& entry = framework_of(*state_, id);
  for (const std::string& role : entry.roles) {
    if (roles.contains(role)) continue;
    state_->filters.erase(id, role);
    state_->shares.set_active(role, id, false);  // tracked on while it holds something there
  }
  for (const std::string& role : roles) state_->shares.add(role, id);
  entry.roles = roles;
  entry.suppressed = suppressed;
  entry.traits = traits;
  update_activity(*state_, id, entry);
  state_->all_dirty = true;
}

void Allocator::activate_framework(const FrameworkId& id) {
  FrameworkEntry& entry = framework_of(*state_, id);
  entry.active = true;
  update_activity(*state_, id, entry);
  state_->all_dirty = true;
}

void Allocator::deactivate_framework(const FrameworkId& id) {
  FrameworkEntry& entry = framework_of(*state_, id);
  entry.active = false;
  update_activity(*state_, id, entry);
  state_->filters.erase(id);
}

void Allocator::remove_framework(const FrameworkId& id) {
  FrameworkEntry& entry = framework_of(*state_, id);
  for (const auto& [agent, resources] : std::map(entry.held)) recover({}, id, agent, resources, {});
  state_->filters.erase(id);
  for (const std::string& role : entry.roles) state_->shares.remove(role, id);
  state_->frameworks.erase(id);
}

void Allocator::add_agent(const AgentId& id, const model::Resources& total, bool multi_role_capable,
                          const std::map<FrameworkId, model::Resources>& used) {
  CHECK(!state_->agents.contains(id));
  AgentEntry& agent = state_->agents[id];
  agent.total = agent.available = total;
  agent.multi_role = multi_role_capable;
  agent.gpus = total.scalar(model::gpus) > 0;
  state_->total += total.quantities();
  state_->shares.set_total(state_->total);
  for (const auto& [framework, resources] : used) {
    agent.available -= resources.unallocated();
    hold(*state_, framework, id, resources);
  }
  note_available(agent);
  state_->dirty.insert(id);
}

void Allocator::update_agent(const AgentId& id, const model::Resources& total) {
  AgentEntry& agent = agent_of(*state_, id);
  const model::Resources in_use = agent.total - agent.available;
  state_->total -= agent.total.quantities();
  state_->total += total.quantities();
  state_->shares.set_total(state_->total);
  agent.total = total;
  agent.available = total - in_use;
  agent.gpus = total.scalar(model::gpus) > 0;
  note_available(agent);
  state_->dirty.insert(id);
}

void Allocator::activate_agent(const AgentId& id) {
  agent_of(*state_, id).active = true;
  state_->dirty.insert(id);
}

void Allocator::deactivate_agent(const AgentId& id) {
  agent_of(*state_, id).active = false;
}

void Allocator::remove_agent(const AgentId& id) {
  AgentEntry& agent = agent_of(*state_, id);
  for (auto& [framework_id, framework] : state_->frameworks) {
    const auto held = framework.held.find(id);
    if (held == framework.held.end()) continue;
    const model::Resources resources = held->second;
    let_go(*state_, framework_id, id, resources);
  }
  state_->total -= agent.total.quantities();
  state_->shares.set_total(state_->total);
  state_->filters.erase(id);
  state_->dirty.erase(id);
  state_->agents.erase(id);
}

void Allocator::recover(Time now, const FrameworkId& framework_id, const AgentId& agent_id,
                        const model::Resources& resources, Duration refuse) {
  AgentEntry& agent = agent_of(*state_, agent_id);
  let_go(*state_, framework_id, agent_id, resources);
  agent.available += resources.unallocated();
  note_available(agent);
  state_->dirty.insert(agent_id);
  if (refuse <= Duration::zero() || !framework_of(*state_, framework_id).active) return;
  const Duration lifetime = std::max(refuse, state_->options.allocation_interval);
  state_->filters.add(framework_id, resources.allocation_role(), agent_id, resources.unallocated(),
                      saturating_add(now, lifetime));
}

void Allocator::update_allocation(const FrameworkId& framework_id, const AgentId& agent_id,
                                  const model::Resources& from, const model::Resources& to) {
  AgentEntry& agent = agent_of(*state_, agent_id);
  let_go(*state_, framework_id, agent_id, from);
  hold(*state_, framework_id, agent_id, to);
  agent.total -= from.unallocated();
  agent.total += to.unallocated();
}

void Allocator::update_available(const AgentId& agent_id, const model::Resources& from,
                                 const model::Resources& to) {
  AgentEntry& agent = agent_of(*state_, agent_id);
  CHECK(agent.available.contains(from));
  agent.available -= from;
  agent.available += to;
  agent.total -= from;
  agent.total += to;
  note_available(agent);
  state_->dirty.insert(agent_id);
}

void Allocator::suppress(const FrameworkId& id, const std::set<std::string>& roles) {
  FrameworkEntry& entry = framework_of(*state_, id);
  entry.suppressed.insert(roles.begin(), roles.end());
  update_activity(*state_, id, entry);
}

void Allocator::revive(const FrameworkId& id, const std::set<std::string>& roles) {
  FrameworkEntry& entry = framework_of(*state_, id);
  for (const std::string& role : roles) {
    entry.suppressed.erase(role);
    state_->filters.erase(id, role);
  }
  update_activity(*state_, id, entry);
  state_->all_dirty = true;
}

void Allocator::set_weight(const std::string& role, double weight) {
  state_->shares.set_weight(role, weight);
}
double Allocator::weight(const std::string& role) const {
  return state_->shares.weight(role);
}
bool Allocator::dirty() const {
  return state_->all_dirty || !state_->dirty.empty();
}
Time Allocator::next_deadline() const {
  return state_->filters.next_deadline();
}
double Allocator::role_share(const std::string& role) const {
  return state_->shares.role_share(role).share;
}

double Allocator::framework_share(const FrameworkId& framework, const std::string& role) const {
  return state_->shares.framework_share(role, framework).share;
}

model::Resources Allocator::allocated(const std::string& role) const {
  model::Resources sum;
  for (const auto& [id, framework] : state_->frameworks) {
    for (const auto& [agent, held] : framework.held) sum += held.allocated_part(role);
  }
  return sum;
}

size_t Allocator::active_filters(const std::string& role) const {
  return state_->filters.count(role);
}

}  // namespace mesolith::master::allocator
