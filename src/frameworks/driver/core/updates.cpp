// SPDX-License-Identifier: Apache-2.0
// Events from the master: delivered to the framework in their order; updates once, then
// acknowledged.
#include <algorithm>

#include "frameworks/driver/core/internal.hpp"
#include "model/task_state.hpp"

namespace mesolith::frameworks::driver {
namespace {

using mesos::v1::scheduler::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

void reconcile(State& state, Time now, Effects& effects) {
  state.next_reconcile =
      state.unanswered.empty() ? never : saturating_add(now, state.reconcile_wait);
  Call call;
  call.set_type(Call::RECONCILE);
  call.mutable_reconcile();
  for (const TaskId& id : state.unanswered) {
    const LiveTask& task = state.tasks.at(id);
    auto& asked = *call.mutable_reconcile()->add_tasks();
    asked.mutable_task_id()->set_value(id.value);
    if (!task.agent_id.empty()) asked.mutable_agent_id()->set_value(task.agent_id);
    if (static_cast<size_t>(call.reconcile().tasks_size()) < state.options.reconcile_batch)
      continue;
    send(state, call, effects);
    call.mutable_reconcile()->clear_tasks();
  }
  if (call.reconcile().tasks_size() > 0) send(state, std::move(call), effects);
}

void on_subscribed(State& state, Time now, const SchedulerEvent& event, Effects& effects) {
  const auto& subscribed = event.subscribed();
  state.phase = Phase::subscribed;
  state.framework_id = subscribed.framework_id().value();
  state.heartbeat_interval = seconds_or(subscribed.heartbeat_interval_seconds(), {});
  state.backoff = {};
  effects.push_back(Deliver{event});
  if (state.was_subscribed) {
    for (const auto& [id, task] : state.tasks) state.unanswered.insert(id);
    state.reconcile_wait = state.options.reconcile_retry_min;
    reconcile(state, now, effects);
    for (auto& [id, kill] : state.kills) kill.next = now;
    retry_kills(state, now, effects);
  }
  state.was_subscribed = true;
}

// True when what took our place is an earlier attempt of our own. Forgiven once per attempt, so
// that two who really share an id don't take turns for ever.
bool displaced_by_ourselves(State& state, Time now, const SchedulerEvent& event) {
  if (event.error().message() != "Framework failed over") return false;
  if (state.given_up == 0 || now > state.given_up_until) return false;
  --state.given_up;
  return true;
}

void acknowledge(const State& state, const mesos::v1::TaskStatus& status, Effects& effects) {
  Call call;
  call.set_type(Call::ACKNOWLEDGE);
  *call.mutable_acknowledge()->mutable_agent_id() = status.agent_id();
  *call.mutable_acknowledge()->mutable_task_id() = status.task_id();
  call.mutable_acknowledge()->set_uuid(status.uuid());
  send(state, std::move(call), effects);
}

void on_update(State& state, const SchedulerEvent& event, Effects& effects) {
  const mesos::v1::TaskStatus& status = event.update().status();
  const TaskId id(status.task_id().value());
  const bool terminal = model::is_terminal(status.state());
  state.unanswered.erase(id);
  const auto found = state.tasks.find(id);
  const bool again = found != state.tasks.end() && status.has_uuid() && !status.uuid().empty() &&
                     found->second.last_uuid == status.uuid();
  if (!again) effects.push_back(Deliver{event});
  if (found != state.tasks.end()) {
    found->second.last_uuid = status.uuid();
    if (status.has_agent_id()) found->second.agent_id = status.agent_id().value();
    if (terminal) {
      state.tasks.erase(found);
      state.kills.erase(id);
    }
  } else if (!terminal) {  // of an earlier run of this framework
    state.tasks[id].agent_id = status.agent_id().value();
    state.tasks[id].last_uuid = status.uuid();
  }
  if (status.has_uuid() && !status.uuid().empty()) acknowledge(state, status, effects);
}

}  // namespace

void retry_reconcile(State& state, Time now, Effects& effects) {
  if (state.next_reconcile > now) return;
  state.reconcile_wait = std::min(state.reconcile_wait * 2, state.options.reconcile_retry_max);
  reconcile(state, now, effects);
}

void on(State& state, Time now, const Received& received, Effects& effects) {
  if (state.phase != Phase::subscribing && state.phase != Phase::subscribed) return;
  const SchedulerEvent& event = received.event;
  if (event.type() == SchedulerEvent::SUBSCRIBED) on_subscribed(state, now, event, effects);
  if (state.heartbeat_interval > Duration::zero()) {
    state.silent_deadline =
        saturating_add(now, state.heartbeat_interval * state.options.heartbeats_missed_max);
  }
  switch (event.type()) {
    case SchedulerEvent::SUBSCRIBED:
    case SchedulerEvent::HEARTBEAT:
    case SchedulerEvent::UNKNOWN:
      return;
    case SchedulerEvent::UPDATE:
      return on_update(state, event, effects);
    case SchedulerEvent::ERROR:
      if (displaced_by_ourselves(state, now, event)) {
        effects.push_back(Disconnect{});
        return lose(state, now, "an earlier subscription of ours arrived late", effects);
      }
      state.phase = Phase::aborted;
      state.next_attempt = state.silent_deadline = never;
      effects.push_back(Disconnect{});
      effects.push_back(Abort{event.error().message()});
      return;
    default:
      effects.push_back(Deliver{event});
  }
}

}  // namespace mesolith::frameworks::driver
