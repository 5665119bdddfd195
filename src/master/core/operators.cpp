// SPDX-License-Identifier: Apache-2.0
// The operator event stream (mesos-api.md 3.1, SUBSCRIBE): a snapshot, then each change of agents,
// frameworks and tasks, so that a subscriber who applies them holds what GET_STATE would say.
#include "master/core/internal.hpp"
#include "master/core/snapshot.hpp"

namespace mesolith::master {
namespace {

void send(Turn turn, StreamId stream, OperatorEvent event) {
  turn.effects.push_back(SendToOperators{{stream}, std::move(event)});
}

OperatorEvent heartbeat() {
  OperatorEvent event;
  event.set_type(OperatorEvent::HEARTBEAT);
  return event;
}

void schedule_heartbeat(Turn turn, StreamId stream) {
  const Time next = saturating_add(turn.now, turn.state.options.heartbeat_interval);
  turn.state.operators[stream] = next;
  turn.state.operator_heartbeats.insert({next, stream});
}

void announce(Turn turn, OperatorEvent event) {
  SendToOperators out;
  for (const auto& [stream, next_heartbeat] : turn.state.operators) out.streams.push_back(stream);
  out.event = std::move(event);
  turn.effects.push_back(std::move(out));
}

mesos::v1::master::Response::GetFrameworks::Framework shown(const State& state,
                                                            const Framework& framework) {
  auto out = describe(state, framework);
  out.mutable_unregistered_time()->set_nanoseconds(
      framework.unregistered.time_since_epoch().count());
  return out;
}

}  // namespace

void on(Turn turn, const OperatorSubscribing& subscribing) {
  State& state = turn.state;
  while (!state.operators.empty() && state.operators.size() >= state.options.operator_streams_max) {
    const StreamId oldest = state.operators.begin()->first;
    forget_operator(state, oldest);
    turn.effects.push_back(CloseStream{oldest});
  }
  OperatorEvent event;
  event.set_type(OperatorEvent::SUBSCRIBED);
  fill(event.mutable_subscribed()->mutable_get_state(), state);
  event.mutable_subscribed()->set_heartbeat_interval_seconds(
      to_seconds(state.options.heartbeat_interval));
  send(turn, subscribing.stream, std::move(event));
  send(turn, subscribing.stream, heartbeat());
  schedule_heartbeat(turn, subscribing.stream);
}

void forget_operator(State& state, StreamId stream) {
  const auto found = state.operators.find(stream);
  if (found == state.operators.end()) return;
  state.operator_heartbeats.erase({found->second, stream});
  state.operators.erase(found);
}

void send_operator_heartbeats(Turn turn) {
  auto& heartbeats = turn.state.operator_heartbeats;
  while (!heartbeats.empty() && heartbeats.begin()->first <= turn.now) {
    const StreamId stream = heartbeats.begin()->second;
    heartbeats.erase(heartbeats.begin());
    send(turn, stream, heartbeat());
    schedule_heartbeat(turn, stream);
  }
}

void announce_added(Turn turn, const mesos::v1::Task& task) {
  if (turn.state.operators.empty()) return;
  OperatorEvent event;
  event.set_type(OperatorEvent::TASK_ADDED);
  *event.mutable_task_added()->mutable_task() = task;
  announce(turn, std::move(event));
}

void announce_updated(Turn turn, const mesos::v1::Task& task, mesos::v1::TaskState before,
                      const mesos::v1::TaskStatus& status) {
  using mesos::v1::TaskStatus;
  if (turn.state.operators.empty()) return;
  const bool checked = status.reason() == TaskStatus::REASON_TASK_CHECK_STATUS_UPDATED ||
                       status.reason() == TaskStatus::REASON_TASK_HEALTH_CHECK_STATUS_UPDATED;
  if (before == task.state() && !checked) return;
  OperatorEvent event;
  event.set_type(OperatorEvent::TASK_UPDATED);
  *event.mutable_task_updated()->mutable_framework_id() = task.framework_id();
  *event.mutable_task_updated()->mutable_status() = status;
  event.mutable_task_updated()->mutable_status()->clear_data();
  event.mutable_task_updated()->set_state(task.state());
  announce(turn, std::move(event));
}

void announce_added(Turn turn, const Framework& framework) {
  if (turn.state.operators.empty()) return;
  OperatorEvent event;
  event.set_type(OperatorEvent::FRAMEWORK_ADDED);
  *event.mutable_framework_added()->mutable_framework() = shown(turn.state, framework);
  announce(turn, std::move(event));
}

void announce_updated(Turn turn, const Framework& framework) {
  if (turn.state.operators.empty()) return;
  OperatorEvent event;
  event.set_type(OperatorEvent::FRAMEWORK_UPDATED);
  *event.mutable_framework_updated()->mutable_framework() = shown(turn.state, framework);
  announce(turn, std::move(event));
}

void announce_removed(Turn turn, const Framework& framework) {
  if (turn.state.operators.empty()) return;
  OperatorEvent event;
  event.set_type(OperatorEvent::FRAMEWORK_REMOVED);
  *event.mutable_framework_removed()->mutable_framework_info() = framework.info;
  announce(turn, std::move(event));
}

void announce_added(Turn turn, const Agent& agent) {
  if (turn.state.operators.empty()) return;
  OperatorEvent event;
  event.set_type(OperatorEvent::AGENT_ADDED);
  *event.mutable_agent_added()->mutable_agent() = describe(turn.state, agent);
  announce(turn, std::move(event));
}

void announce_removed(Turn turn, const AgentId& id) {
  if (turn.state.operators.empty()) return;
  OperatorEvent event;
  event.set_type(OperatorEvent::AGENT_REMOVED);
  event.mutable_agent_removed()->mutable_agent_id()->set_value(id.value);
  announce(turn, std::move(event));
}

}  // namespace mesolith::master
