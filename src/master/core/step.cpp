// SPDX-License-Identifier: Apache-2.0
#include "master/core/step.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "master/core/operator_calls.hpp"

namespace mesolith::master {
namespace {

// The first deadline of an ordered set of (time, id).
template <class Set>
Time first(const Set& deadlines) {
  return deadlines.empty() ? never : deadlines.begin()->first;
}

}  // namespace

void step(State& state, Time now, const Event& event, Effects& effects) {
  const Turn turn{state, now, effects};
  std::visit([&](const auto& happened) { on(turn, happened); }, event);
}

Time next_deadline(const State& state, Time now) {
  if (!state.recovered) return never;
  if (state.allocator.dirty() || state.inverse_offers_due) return now;
  return std::min(
      {first(state.heartbeats), first(state.failovers), first(state.pings),
       first(state.reregistrations), first(state.offer_expirations),
       first(state.operator_heartbeats),
       state.inverse_filters.empty() ? never : std::get<0>(*state.inverse_filters.begin()),
       state.allocator.next_deadline()});
}

void on(Turn turn, const Tick&) {
  if (!turn.state.recovered) return;
  send_heartbeats(turn);
  send_operator_heartbeats(turn);
  expire_frameworks(turn);
  ping_agents(turn);
  expire_agents(turn);
  expire_offers(turn);
  make_offers(turn);
  make_inverse_offers(turn);
}

void on(Turn turn, const StreamClosed& closed) {
  State& state = turn.state;
  forget_operator(state, closed.stream);
  if (const auto framework = state.framework_streams.find(closed.stream);
      framework != state.framework_streams.end()) {
    return disconnect_framework(turn, state.frameworks.at(framework->second));
  }
  if (const auto agent = state.agent_streams.find(closed.stream);
      agent != state.agent_streams.end()) {
    return disconnect_agent(turn, state.agents.at(agent->second));
  }
  for (auto& [ticket, pending] : state.pending) {
    auto* admission = std::get_if<PendingAdmission>(&pending);
    if (admission && admission->subscribing.stream == closed.stream) {
      admission->subscribing.stream = 0;
    }
  }
}

void on(Turn turn, const FrameworkTornDown& torn_down) {
  if (turn.state.frameworks.contains(torn_down.framework_id)) {
    remove_framework(turn, torn_down.framework_id);
  }
}

void on(Turn turn, const FrameworkCalled& called) {
  Framework* framework = find_framework(turn.state, called.call.framework_id().value());
  if (!framework) return;
  const SchedulerCall& call = called.call;
  ++framework->counters.calls;
  ++framework->counters.calls_by_type[SchedulerCall::Type_Name(call.type())];
  switch (call.type()) {
    case SchedulerCall::TEARDOWN:
      return remove_framework(turn, framework->id);
    case SchedulerCall::ACCEPT:
      return accept(turn, *framework, call);
    case SchedulerCall::DECLINE:
      return decline(turn, *framework, call);
    case SchedulerCall::UPDATE_FRAMEWORK:
      return update_framework(turn, *framework, call);
    case SchedulerCall::ACCEPT_INVERSE_OFFERS:
      return accept_inverse_offers(turn, *framework, call);
    case SchedulerCall::DECLINE_INVERSE_OFFERS:
      return decline_inverse_offers(turn, *framework, call);
    case SchedulerCall::REVIVE:
      return revive(turn, *framework, call);
    case SchedulerCall::SUPPRESS:
      return suppress(turn, *framework, call);
    case SchedulerCall::KILL:
      return kill(turn, *framework, call);
    case SchedulerCall::SHUTDOWN:
      return shutdown_executor(turn, *framework, call);
    case SchedulerCall::ACKNOWLEDGE:
      return acknowledge(turn, *framework, call);
    case SchedulerCall::RECONCILE:
      return reconcile(turn, *framework, call);
    case SchedulerCall::ACKNOWLEDGE_OPERATION_STATUS:
      return acknowledge_operation(turn, *framework, call);
    case SchedulerCall::RECONCILE_OPERATIONS:
      return reconcile_operations(turn, *framework, call);
    case SchedulerCall::MESSAGE:
      return message_executor(turn, *framework, call);
    case SchedulerCall::REQUEST:
      return count(turn.state, "messages_resource_request");
    default:
      return count(turn.state, "dropped_messages");
  }
}

void on(Turn turn, const AgentCalled& called) {
  const auto found = turn.state.agents.find(AgentId(called.call.agent_id().value()));
  if (found == turn.state.agents.end()) return;
  Agent& agent = found->second;
  switch (called.call.type()) {
    case AgentCall::UPDATE:
      return update_task(turn, agent, called.call.update());
    case AgentCall::MESSAGE:
      return message_framework(turn, agent.id, called.call.message());
    case AgentCall::EXECUTOR_EXITED:
      return executor_exited(turn, agent, called.call.executor_exited());
    case AgentCall::OPERATION_UPDATE:
      return update_operation(turn, agent, called.call.operation_update());
    case AgentCall::PONG:
      agent.pong_since_ping = true;
      agent.pings_missed = 0;
      return;
    case AgentCall::UNREGISTER:
      count(turn.state, "messages_unregister_slave");
      count(turn.state, "slave_removals/reason_unregistered");
      return remove_agent(turn, agent.id, "the agent unregistered");
    default:
      return;
  }
}

void send(Turn turn, Framework& framework, SchedulerEvent event) {
  if (!framework.connected) return;
  ++framework.counters.events;
  ++framework.counters.events_by_type[SchedulerEvent::Type_Name(event.type())];
  turn.effects.push_back(SendToFramework{framework.stream, std::move(event)});
}

void send(Turn turn, const Agent& agent, MasterEvent event) {
  if (!agent.connected || agent.stream == 0) return;
  turn.effects.push_back(SendToAgent{agent.stream, std::move(event)});
}

void count(State& state, std::string_view name, uint64_t by) {
  state.metrics.counters["master/" + std::string(name)] += by;
}

void persist(Turn turn, Persist change, Pending pending) {
  change.ticket = turn.state.next_ticket++;
  turn.state.pending.emplace(change.ticket, std::move(pending));
  turn.effects.push_back(std::move(change));
}

void on(Turn turn, const RegistryPersisted& persisted) {
  const auto found = turn.state.pending.find(persisted.ticket);
  CHECK(found != turn.state.pending.end());
  Pending pending = std::move(found->second);
  turn.state.pending.erase(found);
  if (auto* admission = std::get_if<PendingAdmission>(&pending)) {
    admitted(turn, std::move(*admission));
  } else if (auto* unreachable = std::get_if<PendingUnreachable>(&pending)) {
    became_unreachable(turn, std::move(*unreachable));
  } else if (const auto* call = std::get_if<PendingCall>(&pending)) {
    call_durable(turn, call->called);
  } else if (const auto* gone = std::get_if<PendingGone>(&pending)) {
    became_gone(turn, *gone);
  } else if (std::holds_alternative<PendingStart>(pending)) {
    turn.state.recovered = true;
    turn.state.elected = turn.now;
  }
}

}  // namespace mesolith::master
