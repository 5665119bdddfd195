// SPDX-License-Identifier: Apache-2.0
// Everything that waits for time. A timer is (when, what for, whose container); its field beside
// the thing it is for tells whether it is set.
#include "agent/core/internal.hpp"
#include "base/check.hpp"

namespace mesolith::agent {
namespace {

Time& field_of(Executor& executor, Timer kind) {
  switch (kind) {
    case Timer::kill:
      CHECK(executor.command);
      return executor.command->kill_deadline;
    case Timer::completion:
      CHECK(executor.command);
      return executor.command->completion_deadline;
    case Timer::registration:
      return executor.registration_deadline;
    case Timer::shutdown:
      return executor.shutdown_deadline;
    case Timer::heartbeat:
      break;
  }
  return executor.next_heartbeat;
}

void expire(Context& context, Timer kind, const ContainerId& container_id) {
  State& state = context.state;
  const auto [framework_id, executor_id] = state.containers.at(container_id);
  Framework& framework = state.frameworks.at(framework_id);
  Executor& executor = framework.executors.at(executor_id);
  set_timer(state, executor, kind, field_of(executor, kind), never);
  switch (kind) {
    case Timer::kill:
    case Timer::shutdown:
      context.effects.push_back(DestroyContainer{container_id});
      return;
    case Timer::completion:
      command_completion_reached(context, framework, executor);
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
    case Timer::heartbeat: {
      mesos::v1::executor::Event event;
      event.set_type(mesos::v1::executor::Event::HEARTBEAT);
      send(context, executor, std::move(event));
      set_timer(state, executor, kind, executor.next_heartbeat,
                saturating_add(context.now, state.options.executor_heartbeat_interval));
      return;
    }
  }
}

}  // namespace

void set_timer(State& state, const Executor& executor, Timer kind, Time& field, Time value) {
  if (field == value) return;
  if (field != never) state.timers.erase({field, kind, executor.container_id});
  field = value;
  if (value != never) state.timers.emplace(value, kind, executor.container_id);
}

void cancel_timers(State& state, Executor& executor) {
  for (const Timer kind :
       {Timer::kill, Timer::completion, Timer::registration, Timer::shutdown, Timer::heartbeat}) {
    if (!executor.command && (kind == Timer::kill || kind == Timer::completion)) continue;
    set_timer(state, executor, kind, field_of(executor, kind), never);
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
