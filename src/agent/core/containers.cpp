// SPDX-License-Identifier: Apache-2.0
// What the launcher tells of containers. The launcher repeats the end of a container until it is
// acknowledged, and that is done only once what follows from it is durable.
#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;

Termination failure_of(const Framework& framework, const ContainerLaunchFailed& event) {
  using Cause = ContainerLaunchFailed::Cause;
  if (event.cause == Cause::user_unknown) {
    return {dropped(&framework), TaskStatus::REASON_EXECUTOR_TERMINATED, event.message};
  }
  return {mesos::v1::TASK_FAILED, TaskStatus::REASON_CONTAINER_LAUNCH_FAILED,
          "Failed to launch container: " + event.message};
}

void command_launch_failed(Context& context, Framework& framework, Executor& executor,
                           const ContainerLaunchFailed& event) {
  if (executor.command->killed) {
    command_ended(context, framework, executor, ContainerExited{event.container_id});
    return;
  }
  const Termination termination = failure_of(framework, event);
  Task& task = executor.tasks.begin()->second;
  TaskStatus status = make_status(context, model::id_of(task.info.task_id()), executor.id,
                                  termination.state, TaskStatus::SOURCE_AGENT, termination.message);
  status.set_reason(termination.reason);
  update_task(context, framework, executor, task, std::move(status));
  end_container(context, framework, executor);
  if (framework.terminating) {
    complete_task(context, framework, executor, TaskId(executor.tasks.begin()->first));
  }
}

}  // namespace

std::optional<std::pair<Framework*, Executor*>> owner_of(State& state, const ContainerId& id) {
  const auto found = state.containers.find(id);
  if (found == state.containers.end()) return std::nullopt;
  Framework& framework = state.frameworks.at(found->second.first);
  return std::pair(&framework, &framework.executors.at(found->second.second));
}

void on_launched(Context& context, const ContainerLaunched& event) {
  const auto owner = owner_of(context.state, event.container_id);
  if (!owner) {
    // Killed before its launch was asked for cannot be; what nobody knows is ended.
    context.effects.push_back(DestroyContainer{event.container_id});
    return;
  }
  auto [framework, executor] = *owner;
  executor->pid = event.pid;
  if (executor->command) {
    command_launched(context, *framework, *executor);
  } else if (executor->termination ||
             (executor->phase == Executor::Phase::terminating && executor->stream == 0)) {
    context.effects.push_back(DestroyContainer{event.container_id});
  }
}

void on_launch_failed(Context& context, const ContainerLaunchFailed& event) {
  const auto owner = owner_of(context.state, event.container_id);
  if (!owner) return;
  auto [framework, executor] = *owner;
  if (event.cause != ContainerLaunchFailed::Cause::destroyed) {
    log::warning("container {} could not be launched: {}", event.container_id.value, event.message);
    count(context.state, "slave/container_launch_errors");
  }
  if (event.cause == ContainerLaunchFailed::Cause::fetch_failed) {
    count(context.state, "containerizer/fetcher/task_fetches_failed");
  }
  if (executor->command) {
    command_launch_failed(context, *framework, *executor, event);
    return;
  }
  if (!executor->termination) executor->termination = failure_of(*framework, event);
  end_executor(context, *framework, *executor, -1, std::nullopt);
}

void on_exited(Context& context, const ContainerExited& event) {
  State& state = context.state;
  if (state.ending.contains(event.container_id)) return;
  const auto owner = owner_of(state, event.container_id);
  if (!owner) {
    context.effects.push_back(AcknowledgeContainer{event.container_id});
    return;
  }
  auto [framework, executor] = *owner;
  if (executor->command) {
    command_ended(context, *framework, *executor, event);
  } else {
    end_executor(context, *framework, *executor, event.status, event.memory_limit_bytes);
  }
}

void end_container(Context& context, const Framework& framework, Executor& executor) {
  State& state = context.state;
  cancel_timers(state, executor);
  executor.phase = Executor::Phase::terminated;
  state.containers.erase(executor.container_id);
  if (!executor.container_requested) return;  // the launcher never heard of it
  if (!framework.checkpoint) {
    context.effects.push_back(AcknowledgeContainer{executor.container_id});
    return;
  }
  state.ending.insert(executor.container_id);
  when_durable(context, EndDurable{executor.container_id});
}

TaskStatus::Reason limitation_of(TaskStatus& status, uint64_t bytes) {
  constexpr double mebibyte = 1024.0 * 1024.0;
  const double mebibytes = static_cast<double>(bytes) / mebibyte;
  mesos::v1::Resource* resource = status.mutable_limitation()->add_resources();
  resource->set_name("mem");
  resource->set_type(mesos::v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(mebibytes);
  status.set_message("Memory limit exceeded: " + std::to_string(static_cast<uint64_t>(mebibytes)) +
                     " MB");
  return TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY;
}

}  // namespace mesolith::agent
