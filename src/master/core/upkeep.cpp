// SPDX-License-Identifier: Apache-2.0
// Agents taken out of service: deactivated (nothing of them is offered), drained (their tasks are
// killed too), gone (for ever). All of it is durable, and holds for agents that are away.
#include <fmt/format.h>

#include <algorithm>

#include "master/core/operator_calls.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::DrainInfo;
using registry::Agent;

// What the registry holds of an agent that is not gone; nothing when it is unknown.
std::optional<registry::Agent> record_of(const State& state, const AgentId& id) {
  registry::Agent record;
  record.set_standing(registry::Agent::ADMITTED);
  if (const auto known = state.agents.find(id); known != state.agents.end()) {
    *record.mutable_info() = known->second.info;
  } else if (const auto away = state.recovered_agents.find(id);
             away != state.recovered_agents.end()) {
    *record.mutable_info() = away->second.info;
  } else if (const auto lost = state.unreachable_agents.find(id);
             lost != state.unreachable_agents.end()) {
    *record.mutable_info() = lost->second.info;
    record.set_standing(registry::Agent::UNREACHABLE);
    record.mutable_since()->set_nanoseconds(lost->second.since.time_since_epoch().count());
  } else {
    return std::nullopt;
  }
  return record;
}

// Its standing is being written: what is written now might come too late or too early.
bool in_transition(const State& state, const AgentId& id) {
  if (state.leaving_agents.contains(id)) return true;
  if (const auto known = state.agents.find(id); known != state.agents.end()) {
    if (known->second.marking_unreachable) return true;
  }
  if (const auto away = state.recovered_agents.find(id); away != state.recovered_agents.end()) {
    if (away->second.marking_unreachable) return true;
  }
  return std::ranges::any_of(state.pending, [&](const auto& entry) {
    const auto* admission = std::get_if<PendingAdmission>(&entry.second);
    return admission && admission->agent_id == id;
  });
}

constexpr const char* transition_text =
    "The agent is being admitted, marked unreachable or marked gone; try again";

// The agent's record as it is to be, or nothing when the call was answered with a refusal.
std::optional<registry::Agent> change_of(Turn turn, const OperatorCalled& called,
                                         const AgentId& id) {
  if (turn.state.leaving_agents.contains(id)) {
    answer(turn, called.request, 409, "Agent is being marked gone");
    return std::nullopt;
  }
  auto record = record_of(turn.state, id);
  if (!record) {
    answer(turn, called.request, 400, "Unknown agent");
  } else if (in_transition(turn.state, id)) {
    answer(turn, called.request, 503, transition_text);
    return std::nullopt;
  }
  return record;
}

void persist_call(Turn turn, registry::Agent record, const OperatorCalled& called) {
  keep_deactivation(turn.state, record);
  Persist change;
  change.agents.push_back(std::move(record));
  persist(turn, std::move(change), PendingCall{called});
}

void persist_gone(Turn turn, registry::Agent record, const AgentId& id,
                  std::optional<RequestId> request) {
  turn.state.leaving_agents.insert(id);
  record.set_standing(registry::Agent::GONE);
  record.mutable_since()->set_nanoseconds(turn.now.time_since_epoch().count());
  Persist change;
  change.agents.push_back(std::move(record));
  persist(turn, std::move(change), PendingGone{id, request});
}

bool can_drain(const master::Agent& agent) {
  return std::ranges::any_of(agent.capabilities, [](const auto& one) {
    return one.type() == mesos::v1::AgentInfo::Capability::AGENT_DRAINING;
  });
}

Result<mesos::v1::DrainConfig> config_of(const OperatorCall::DrainAgent& wanted) {
  mesos::v1::DrainConfig config;
  config.set_mark_gone(wanted.mark_gone());
  if (!wanted.has_max_grace_period()) return config;
  const auto& grace = wanted.max_grace_period();
  constexpr int64_t seconds_max = 365LL * 24 * 3600;
  if (grace.seconds() < 0 || grace.nanos() < 0) {
    return failure(Code::invalid, "'max_grace_period' must not be negative");
  }
  const int64_t nanoseconds =
      std::min<int64_t>(grace.seconds(), seconds_max) * 1'000'000'000 + grace.nanos();
  config.mutable_max_grace_period()->set_nanoseconds(nanoseconds);
  return config;
}

void tell_of_drain(Turn turn, const master::Agent& agent, const Deactivation* deactivation) {
  MasterEvent event;
  event.set_type(MasterEvent::DRAIN);
  event.mutable_drain();
  if (deactivation && deactivation->drain) {
    *event.mutable_drain()->mutable_config() = deactivation->drain->config();
  }
  send(turn, agent, std::move(event));
}

}  // namespace

void keep_deactivation(const State& state, registry::Agent& record) {
  const auto found = state.deactivated_agents.find(AgentId(record.info().id().value()));
  if (found == state.deactivated_agents.end()) return;
  record.set_deactivated(true);
  if (!found->second.drain) return;
  *record.mutable_drain() = *found->second.drain;
  record.mutable_drain_started()->set_nanoseconds(
      found->second.drain_started.time_since_epoch().count());
}

void recover_deactivation(State& state, const registry::Agent& record) {
  if (!record.deactivated() || record.standing() == registry::Agent::GONE) return;
  Deactivation& deactivation = state.deactivated_agents[AgentId(record.info().id().value())];
  if (!record.has_drain()) return;
  deactivation.drain = record.drain();
  deactivation.drain_started = Time{Duration(record.drain_started().nanoseconds())};
}

void begin_drain(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const auto& wanted = called.call.drain_agent();
  const AgentId id(wanted.agent_id().value());
  auto record = change_of(turn, called, id);
  if (!record) return;
  const auto known = state.agents.find(id);
  if (known != state.agents.end() && !can_drain(known->second)) {
    return answer(turn, called.request, 400, "Agent is not capable of draining");
  }
  auto config = config_of(wanted);
  if (!config) return answer(turn, called.request, 400, config.error().message);
  Deactivation& deactivation = state.deactivated_agents[id];
  DrainInfo& drain = deactivation.drain.emplace();
  drain.set_state(mesos::v1::DRAINING);
  *drain.mutable_config() = *std::move(config);
  deactivation.drain_started = turn.now;
  persist_call(turn, *std::move(record), called);
}

void begin_deactivation(Turn turn, const OperatorCalled& called) {
  const AgentId id(called.call.deactivate_agent().agent_id().value());
  auto record = change_of(turn, called, id);
  if (!record) return;
  turn.state.deactivated_agents.try_emplace(id);
  persist_call(turn, *std::move(record), called);
}

void begin_reactivation(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const AgentId id(called.call.reactivate_agent().agent_id().value());
  auto record = change_of(turn, called, id);
  if (!record) return;
  if (!state.agents.contains(id)) {
    return answer(turn, called.request, 409, "Agent is not registered");
  }
  const auto found = state.deactivated_agents.find(id);
  if (found == state.deactivated_agents.end()) {
    return answer(turn, called.request, 400, "Agent is not deactivated");
  }
  if (found->second.drain && found->second.drain->state() == mesos::v1::DRAINING) {
    return answer(turn, called.request, 400, "Agent is still being drained");
  }
  state.deactivated_agents.erase(found);
  persist_call(turn, *std::move(record), called);
}

void begin_gone(Turn turn, const OperatorCalled& called) {
  const AgentId id(called.call.mark_agent_gone().agent_id().value());
  if (turn.state.gone_agents.contains(id)) return answer(turn, called.request, 200);
  auto record = record_of(turn.state, id);
  if (!record) {
    return answer(turn, called.request, 404, fmt::format("Agent '{}' not found", id.value));
  }
  if (in_transition(turn.state, id)) return answer(turn, called.request, 503, transition_text);
  persist_gone(turn, *std::move(record), id, called.request);
}

void deactivate(Turn turn, const AgentId& id) {
  State& state = turn.state;
  const auto known = state.agents.find(id);
  if (known == state.agents.end()) return;
  known->second.active = false;
  state.allocator.deactivate_agent(id);
  for (const OfferId& offer : std::set<OfferId>(known->second.offers)) rescind(turn, offer);
}

void drain(Turn turn, const AgentId& id) {
  State& state = turn.state;
  deactivate(turn, id);
  const auto known = state.agents.find(id);
  const auto found = state.deactivated_agents.find(id);
  if (known == state.agents.end() || found == state.deactivated_agents.end()) return;
  tell_of_drain(turn, known->second, &found->second);
  check_drained(turn, id);
}

void reactivate(Turn turn, const AgentId& id) {
  State& state = turn.state;
  const auto known = state.agents.find(id);
  if (known == state.agents.end() || state.deactivated_agents.contains(id)) return;
  tell_of_drain(turn, known->second, nullptr);
  if (!known->second.connected) return;
  known->second.active = true;
  state.allocator.activate_agent(id);
}

void check_drained(Turn turn, const AgentId& id) {
  State& state = turn.state;
  const auto found = state.deactivated_agents.find(id);
  if (found == state.deactivated_agents.end() || !found->second.drain) return;
  DrainInfo& drain = *found->second.drain;
  const auto known = state.agents.find(id);
  if (drain.state() != mesos::v1::DRAINING || known == state.agents.end()) return;
  if (!known->second.tasks.empty() || !known->second.operations.empty()) return;
  if (in_transition(state, id)) return;
  drain.set_state(mesos::v1::DRAINED);
  auto record = record_of(state, id);
  if (drain.config().mark_gone()) return persist_gone(turn, *std::move(record), id, {});
  keep_deactivation(state, *record);
  Persist change;
  change.agents.push_back(*std::move(record));
  persist(turn, std::move(change), PendingRemoval{});
}

}  // namespace mesolith::master
