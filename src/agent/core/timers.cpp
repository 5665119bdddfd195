// SPDX-License-Identifier: Apache-2.0
// Everything that waits for time. A timer is (when, what for, whose container); its field beside
// the thing it is for tells whether it is set.
#include "agent/core/internal.hpp"
#include "base/check.hpp"

namespace mesolith::agent {
namespace {

Time& field_of(Executor& executor, Timer kind) {
  switch (kind) {
    case Timer::registration:
      return executor.registration_deadline;
    case Timer::shutdown:
      return executor.shutdown_deadline;
    default:
      break;
  }
  CHECK(kind == Timer::heartbeat);
  return executor.next_heartbeat;
}

Time& field_of(Command& command, Timer kind) {
  switch (kind) {
    case Timer::kill:
      return command.kill_deadline;
    case Timer::completion:
      return command.completion_deadline;
    case Timer::check:
      return command.check.due;
    default:
      break;
  }
  CHECK(kind == Timer::health);
  return command.health.due;
}

void expire(Context& context, Framework& framework, Executor& executor, Task& task, Timer kind) {
  Command& command = *task.command;
  set_timer(context.state, command.container_id, kind, field_of(command, kind), never);
  switch (kind) {
    case Timer::kill:
      context.effects.push_back(DestroyContainer{command.container_id});
      return;
    case Timer::completion:
      command_completion_reached(context, framework, executor, task);
      return;
    default:
      watch_due(context, framework, executor, task, kind);
  }
}

void expire(Context& context, Timer kind, const ContainerId& container_id) {
  State& state = context.state;
  const Owner& owner = state.containers.at(container_id);
  Framework& framework = state.frameworks.at(owner.framework);
  Executor& executor = framework.executors.at(owner.executor);
  if (!owner.task.empty()) {
    expire(context, framework, executor, executor.tasks.at(owner.task), kind);
    return;
  }
  set_timer(state, container_id, kind, field_of(executor, kind), never);
  switch (kind) {
    case Timer::shutdown:
      context.effects.push_back(DestroyContainer{container_id});
      return;
    case Timer::registration:
      if (executor.recovered) {
        destroy_executor(context, framework, executor,
                         {framework.partition_aware ? mesos::v1::TASK_GONE : mesos::v1::TASK_LOST,
                          mesos::v1::TaskStatus::REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
                          "Executor did not reregister within " +
                              format_duration(state.options.executor_reregistration_timeout)});
      } else {
        destroy_executor(
            context, framework, executor,
            {mesos::v1::TASK_FAILED, mesos::v1::TaskStatus::REASON_EXECUTOR_REGISTRATION_TIMEOUT,
             "Executor did not register within " +
                 format_duration(state.options.executor_registration_timeout)});
      }
      return;
    default: {
      mesos::v1::executor::Event event;
      event.set_type(mesos::v1::executor::Event::HEARTBEAT);
      send(context, executor, std::move(event));
      set_timer(state, container_id, kind, executor.next_heartbeat,
                saturating_add(context.now, state.options.executor_heartbeat_interval));
      return;
    }
  }
}

}  // namespace

void set_timer(State& state, const ContainerId& id, Timer kind, Time& field, Time value) {
  if (field == value) return;
  if (field != never) state.timers.erase({field, kind, id});
  field = value;
  if (value != never) state.timers.emplace(value, kind, id);
}

void cancel_timers(State& state, Executor& executor) {
  for (const Timer kind : {Timer::registration, Timer::shutdown, Timer::heartbeat}) {
    set_timer(state, executor.container_id, kind, field_of(executor, kind), never);
  }
}

void cancel_timers(State& state, Command& command) {
  for (const Timer kind : {Timer::kill, Timer::completion, Timer::check, Timer::health}) {
    set_timer(state, command.container_id, kind, field_of(command, kind), never);
  }
}

void on_tick(Context& context) {
  State& state = context.state;
  while (!state.timers.empty() && std::get<0>(*state.timers.begin()) <= context.now) {
    const auto [when, kind, container_id] = *state.timers.begin();
    expire(context, kind, container_id);
  }
  while (!state.retries.empty() && state.retries.begin()->first <= context.now) {
    resend(context, TaskKey(state.retries.begin()->second));
  }
  while (!state.operation_retries.empty() &&
         state.operation_retries.begin()->first <= context.now) {
    resend_operation(context, std::string(state.operation_retries.begin()->second));
  }
  if (state.ping_deadline <= context.now || state.subscribe_at <= context.now) {
    subscribe(context);
  }
  collect_garbage(context);
}

}  // namespace mesolith::agent
