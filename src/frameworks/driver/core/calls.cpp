// SPDX-License-Identifier: Apache-2.0
// What a framework asks for, and what becomes of it while no master listens.
#include "frameworks/driver/core/internal.hpp"
#include "model/framework_info.hpp"

namespace mesolith::frameworks::driver {
namespace {

using mesos::v1::scheduler::Call;

template <class Fn>
void for_each_launch(const Call& call, Fn fn) {
  for (const auto& operation : call.accept().operations()) {
    for (const auto& task : operation.launch().task_infos()) fn(task);
    for (const auto& task : operation.launch_group().task_group().tasks()) fn(task);
  }
}

void drop_launches(const Call& call, Time now, Effects& effects) {
  for_each_launch(call, [&](const mesos::v1::TaskInfo& task) {
    Deliver deliver;
    deliver.event.set_type(mesos::v1::scheduler::Event::UPDATE);
    mesos::v1::TaskStatus& status = *deliver.event.mutable_update()->mutable_status();
    *status.mutable_task_id() = task.task_id();
    *status.mutable_agent_id() = task.agent_id();
    status.set_state(mesos::v1::TASK_DROPPED);
    status.set_source(mesos::v1::TaskStatus::SOURCE_MASTER);
    status.set_reason(mesos::v1::TaskStatus::REASON_MASTER_DISCONNECTED);
    status.set_message("The launch was not sent: no master is connected");
    status.set_timestamp(to_seconds(now));
    effects.push_back(std::move(deliver));
  });
}

void note_suppression(State& state, const Call& call) {
  const auto roles = model::roles_of(state.options.info);
  const bool suppress = call.type() == Call::SUPPRESS;
  const auto& named = suppress ? call.suppress().roles() : call.revive().roles();
  const std::set<std::string> chosen =
      named.empty() ? roles : std::set<std::string>(named.begin(), named.end());
  for (const std::string& role : chosen) {
    if (suppress) {
      state.suppressed.insert(role);
    } else {
      state.suppressed.erase(role);
    }
  }
}

}  // namespace

void on(State& state, Time now, const Requested& requested, Effects& effects) {
  const bool connected = state.phase == Phase::subscribed;
  const Call& call = requested.call;
  switch (call.type()) {
    case Call::ACCEPT:
      if (!connected) return drop_launches(call, now, effects);
      for_each_launch(call, [&](const mesos::v1::TaskInfo& task) {
        state.tasks[TaskId(task.task_id().value())].agent_id = task.agent_id().value();
      });
      break;
    case Call::KILL: {
      const TaskId id(call.kill().task_id().value());
      if (state.tasks.contains(id)) {
        state.kills[id] = {call, saturating_add(now, state.options.kill_retry)};
      }
      break;
    }
    case Call::SUPPRESS:
    case Call::REVIVE:
      note_suppression(state, call);
      break;
    default:
      break;
  }
  if (connected) send(state, call, effects);
}

void retry_kills(State& state, Time now, Effects& effects) {
  for (auto& [id, kill] : state.kills) {
    if (kill.next > now) continue;
    kill.next = saturating_add(now, state.options.kill_retry);
    send(state, kill.call, effects);
  }
}

void send(const State& state, Call call, Effects& effects) {
  call.mutable_framework_id()->set_value(state.framework_id);
  effects.push_back(Send{std::move(call)});
}

}  // namespace mesolith::frameworks::driver
