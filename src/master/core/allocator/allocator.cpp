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
  CHECK(found != state.frameworks.end() && found->second.known);
  return found->second;
}

FrameworkEntry& entry_of(Allocator::State& state, const FrameworkId& id) {
  const auto [found, inserted] = state.frameworks.try_emplace(id);
  found->second.id = &found->first;
  return found->second;
}

AgentEntry& agent_of(Allocator::State& state, const AgentId& id) {
  const auto found = state.agents.find(id);
  CHECK(found != state.agents.end());
  return found->second;
}

void hold(Allocator::State& state, FrameworkEntry& framework, AgentEntry& agent,
          const model::Resources& resources, ShareTree::Count count) {
  if (resources.empty()) return;
  for_each_role(resources, [&](const std::string& role, const model::Quantities& amount) {
    state.shares.allocate(role, *framework.id, framework, amount, count);
  });
  state.quotas.charge(resources);
  holding(agent, framework).resources += resources;
}

// The framework's entry goes as well when nothing more is known of it.
void let_go(Allocator::State& state, const FrameworkId& id, AgentEntry& agent,
            const model::Resources& resources) {
  const auto framework = state.frameworks.find(id);
  if (framework == state.frameworks.end()) return;
  const auto held = std::ranges::find(agent.held, &framework->second, &Holding::framework);
  if (held == agent.held.end()) return;
  for_each_role(resources, [&](const std::string& role, const model::Quantities& amount) {
    state.shares.release(role, id, amount);
  });
  if (!state.quotas.empty()) {
    state.quotas.credit(resources);
    state.all_dirty = true;  // what a limit held back anywhere may now be offered
  }
  held->resources -= resources;
  if (!held->resources.empty()) return;
  agent.held.erase(held);
  if (--framework->second.agents_held == 0 && !framework->second.known) {
    state.frameworks.erase(framework);
  }
}

bool has_shared(const model::Resources& resources) {
  return std::ranges::any_of(resources.entries(), &model::Entry::shared);
}

// From the beginning. A shared volume stays available however many hold it.
void reckon_available(AgentEntry& agent) {
  model::Resources held;
  for (const Holding& holding : agent.held) held += holding.resources.unallocated().non_shared();
  agent.overcommitted = !agent.total.contains(held);
  agent.available = agent.total - held;
  note_available(agent);
}

void give_back(AgentEntry& agent, const model::Resources& resources) {
  if (agent.overcommitted || has_shared(resources)) return reckon_available(agent);
  agent.available += resources.unallocated();
  note_available(agent);
}

}  // namespace

Allocator::Allocator(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Allocator::~Allocator() = default;
Allocator::Allocator(Allocator&&) noexcept = default;
Allocator& Allocator::operator=(Allocator&&) noexcept = default;

void Allocator::add_framework(const FrameworkId& id, const std::set<std::string>& roles,
                              FrameworkTraits traits, const std::set<std::string>& suppressed) {
  FrameworkEntry& entry = entry_of(*state_, id);
  CHECK(!entry.known);
  entry.known = entry.active = true;
  entry.roles = roles;
  entry.suppressed = suppressed;
  entry.traits = traits;
  for (const std::string& role : roles) state_->shares.subscribe(role, id, entry);
  update_activity(*state_, id, entry);
  state_->all_dirty = true;
}

void Allocator::update_framework(const FrameworkId& id, const std::set<std::string>& roles,
                                 FrameworkTraits traits, const std::set<std::string>& suppressed) {
  FrameworkEntry& entry = framework_of(*state_, id);
  for (const std::string& role : entry.roles) {
    if (roles.contains(role)) continue;
    state_->filters.erase(id, role);
    state_->shares.unsubscribe(role, id);  // tracked on while it holds something there
  }
  for (const std::string& role : roles) state_->shares.subscribe(role, id, entry);
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
  state_->filters.erase(id);
  for (auto& [agent_id, agent] : state_->agents) {
    if (entry.agents_held == 0) break;
    const auto held = std::ranges::find(agent.held, &entry, &Holding::framework);
    if (held == agent.held.end()) continue;
    const model::Resources resources = held->resources;
    let_go(*state_, id, agent, resources);
    give_back(agent, resources);
    mark_dirty(*state_, agent);
  }
  CHECK(entry.agents_held == 0);
  for (const std::string& role : entry.roles) state_->shares.unsubscribe(role, id);
  state_->frameworks.erase(id);
}

void Allocator::add_agent(const AgentId& id, const model::Resources& total, bool multi_role_capable,
                          const std::map<FrameworkId, model::Resources>& used) {
  const auto [position, inserted] = state_->agents.try_emplace(id);
  CHECK(inserted);
  AgentEntry& agent = position->second;
  agent.id = &position->first;
  agent.total = total;
  agent.multi_role = multi_role_capable;
  agent.gpus = total.scalar(model::gpus) > 0;
  state_->total += total.quantities();
  state_->shares.set_total(state_->total);
  state_->quotas.charge_reserved(total);
  for (const auto& [framework, resources] : used) {
    hold(*state_, entry_of(*state_, framework), agent, resources, ShareTree::Count::allocation);
  }
  reckon_available(agent);
  mark_dirty(*state_, agent);
}

void Allocator::update_agent(const AgentId& id, const model::Resources& total) {
  AgentEntry& agent = agent_of(*state_, id);
  state_->total -= agent.total.quantities();
  state_->total += total.quantities();
  state_->shares.set_total(state_->total);
  state_->quotas.credit_reserved(agent.total);
  state_->quotas.charge_reserved(total);
  agent.total = total;
  agent.gpus = total.scalar(model::gpus) > 0;
  reckon_available(agent);
  mark_dirty(*state_, agent);
}

void Allocator::describe_agent(const AgentId& id, const mesos::v1::AgentInfo& info) {
  AgentEntry& agent = agent_of(*state_, id);
  *agent.info.mutable_attributes() = info.attributes();
  agent.info.set_hostname(info.hostname());
  if (info.has_domain()) *agent.info.mutable_domain() = info.domain();
}

model::Resources Allocator::available(const AgentId& id) const {
  return agent_of(*state_, id).available;
}

void Allocator::activate_agent(const AgentId& id) {
  AgentEntry& agent = agent_of(*state_, id);
  agent.active = true;
  mark_dirty(*state_, agent);
}

void Allocator::deactivate_agent(const AgentId& id) {
  agent_of(*state_, id).active = false;
}

void Allocator::remove_agent(const AgentId& id) {
  AgentEntry& agent = agent_of(*state_, id);
  while (!agent.held.empty()) {
    const Holding last = agent.held.back();
    let_go(*state_, FrameworkId(*last.framework->id), agent, last.resources);
  }
  state_->total -= agent.total.quantities();
  state_->shares.set_total(state_->total);
  state_->quotas.credit_reserved(agent.total);
  state_->filters.erase(id);
  std::erase(state_->dirty, &agent);
  state_->agents.erase(id);
}

void Allocator::recover(Time now, const FrameworkId& framework_id, const AgentId& agent_id,
                        const model::Resources& resources, Duration refuse) {
  AgentEntry& agent = agent_of(*state_, agent_id);
  let_go(*state_, framework_id, agent, resources);
  give_back(agent, resources);
  mark_dirty(*state_, agent);
  if (refuse <= Duration::zero() || resources.empty()) return;
  const FrameworkEntry& framework = framework_of(*state_, framework_id);
  const std::string& role = resources.allocation_role();
  if (!framework.active || !framework.roles.contains(role)) return;
  const Duration lifetime = std::max(refuse, state_->options.allocation_interval);
  state_->filters.add(framework_id, role, agent_id, resources.unallocated(),
                      saturating_add(now, lifetime));
}

void Allocator::update_allocation(const FrameworkId& framework_id, const AgentId& agent_id,
                                  const model::Resources& from, const model::Resources& to) {
  AgentEntry& agent = agent_of(*state_, agent_id);
  hold(*state_, framework_of(*state_, framework_id), agent, to, ShareTree::Count::change);
  let_go(*state_, framework_id, agent, from);
  agent.total -= from.unallocated();
  agent.total += to.unallocated();
  state_->quotas.credit_reserved(from);
  state_->quotas.charge_reserved(to);
  if (has_shared(from) || has_shared(to)) reckon_available(agent);
}

void Allocator::use_again(const FrameworkId& framework_id, const AgentId& agent_id,
                          const model::Resources& shared) {
  CHECK(shared.non_shared().empty());
  hold(*state_, framework_of(*state_, framework_id), agent_of(*state_, agent_id), shared,
       ShareTree::Count::change);
}

void Allocator::update_available(const AgentId& agent_id, const model::Resources& from,
                                 const model::Resources& to) {
  AgentEntry& agent = agent_of(*state_, agent_id);
  CHECK(agent.available.contains(from));
  agent.available -= from;
  agent.available += to;
  agent.total -= from;
  agent.total += to;
  state_->quotas.credit_reserved(from);
  state_->quotas.charge_reserved(to);
  note_available(agent);
  mark_dirty(*state_, agent);
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
void Allocator::set_quota(const std::string& role, Quota quota) {
  CHECK(top_level(role) == role);
  state_->quotas.set(role, std::move(quota));
  state_->quotas.clear();
  for (const auto& [id, agent] : state_->agents) {
    state_->quotas.charge_reserved(agent.total);
    for (const Holding& held : agent.held) state_->quotas.charge(held.resources);
  }
  state_->all_dirty = true;
}

model::Quantities Allocator::consumed(const std::string& role) const {
  Quotas counted;
  counted.set(std::string(top_level(role)), {{{model::cpus, 1}}, {}});  // any, so that it counts
  for (const auto& [id, agent] : state_->agents) {
    counted.charge_reserved(agent.total);
    for (const Holding& held : agent.held) counted.charge(held.resources);
  }
  return counted.consumed(role);
}

model::Quantities Allocator::headroom() const {
  model::Quantities free;
  for (const auto& [id, agent] : state_->agents) {
    if (agent.active) free += agent.available.unreserved().non_revocable().quantities();
  }
  return free;
}

model::Quantities Allocator::required_headroom() const {
  return state_->quotas.required();
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
  return state_->shares.role_share(role);
}

double Allocator::framework_share(const FrameworkId& framework, const std::string& role) const {
  return state_->shares.framework_share(role, framework);
}

model::Resources Allocator::allocated(const std::string& role) const {
  model::Resources sum;
  for (const auto& [id, agent] : state_->agents) {
    for (const Holding& held : agent.held) sum += held.resources.allocated_part(role);
  }
  return sum;
}

size_t Allocator::active_filters(const std::string& role) const {
  return state_->filters.count(role);
}

}  // namespace mesolith::master::allocator
