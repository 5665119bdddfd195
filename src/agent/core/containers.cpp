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

}  // namespace

Termination failure_of(const Framework& framework, const ContainerLaunchFailed& event) {
  using Cause = ContainerLaunchFailed::Cause;
  if (event.cause == Cause::user_unknown) {
    return {dropped(&framework), TaskStatus::REASON_EXECUTOR_TERMINATED, event.message};
  }
  return {mesos::v1::TASK_FAILED, TaskStatus::REASON_CONTAINER_LAUNCH_FAILED,
          "Failed to launch container: " + event.message};
}

std::optional<Owned> owner_of(State& state, const ContainerId& id) {
  const auto found = state.containers.find(id);
  if (found == state.containers.end()) return std::nullopt;
  const Owner& owner = found->second;
  Framework& framework = state.frameworks.at(owner.framework);
  Executor& executor = framework.executors.at(owner.executor);
  Task* task = owner.task.empty() ? nullptr : &executor.tasks.at(owner.task);
  return Owned{framework, executor, task};
}

void on_launched(Context& context, const ContainerLaunched& event) {
  if (context.state.probes.contains(event.container_id)) return;
  const auto owner = owner_of(context.state, event.container_id);
  if (!owner) {
    // What was given up while it was launched, and what nobody knows, is ended.
    context.effects.push_back(DestroyContainer{event.container_id});
    return;
  }
  auto& [framework, executor, task] = *owner;
  if (task) {
    task->command->pid = event.pid;
    if (executor.is_command()) executor.pid = event.pid;
    command_launched(context, framework, executor, *task);
    return;
  }
  executor.pid = event.pid;
  if (executor.termination ||
      (executor.phase == Executor::Phase::terminating && executor.stream == 0)) {
    context.effects.push_back(DestroyContainer{event.container_id});
  }
}

void on_launch_failed(Context& context, const ContainerLaunchFailed& event) {
  if (look_failed(context, event)) return;
  const auto owner = owner_of(context.state, event.container_id);
  if (!owner) return;
  auto& [framework, executor, task] = *owner;
  if (event.cause != ContainerLaunchFailed::Cause::destroyed) {
    log::warning("container {} could not be launched: {}", event.container_id.value, event.message);
    count(context.state, "slave/container_launch_errors");
  }
  if (event.cause == ContainerLaunchFailed::Cause::fetch_failed) {
    count(context.state, "containerizer/fetcher/task_fetches_failed");
  }
  if (task) {
    command_launch_failed(context, framework, executor, *task, event);
    return;
  }
  if (!executor.termination) executor.termination = failure_of(framework, event);
  end_executor(context, framework, executor, -1, std::nullopt);
}

void on_exited(Context& context, const ContainerExited& event) {
  State& state = context.state;
  if (state.ending.contains(event.container_id) || look_ended(context, event)) return;
  const auto owner = owner_of(state, event.container_id);
  if (!owner) {
    context.effects.push_back(AcknowledgeContainer{event.container_id});
    return;
  }
  auto& [framework, executor, task] = *owner;
  if (task) {
    command_ended(context, framework, executor, *task, event);
  } else {
    end_executor(context, framework, executor, event.status, event.memory_limit_bytes);
  }
}

void release_container(Context& context, const Framework& framework, const ContainerId& id,
                       bool known) {
  State& state = context.state;
  state.containers.erase(id);
  if (!known) return;
  if (!framework.checkpoint) {
    context.effects.push_back(AcknowledgeContainer{id});
    return;
  }
  state.ending.insert(id);
  when_durable(context, EndDurable{id});
}

void end_container(Context& context, const Framework& framework, Executor& executor) {
  cancel_timers(context.state, executor);
  executor.phase = Executor::Phase::terminated;
  release_container(context, framework, executor.container_id, executor.container_requested);
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
