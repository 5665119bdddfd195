// SPDX-License-Identifier: Apache-2.0
// Custom executors: started, given tasks, ended (mesos-api.md 2.3).
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;
using Phase = Executor::Phase;

void tell_exited(Context& context, const Executor& executor, int status) {
  protocol::AgentCall call;
  call.set_type(protocol::AgentCall::EXECUTOR_EXITED);
  auto* exited = call.mutable_executor_exited();
  *exited->mutable_framework_id() = model::to_proto(executor.framework_id);
  *exited->mutable_executor_id() = model::to_proto(executor.id);
  exited->set_status(status);
  if (context.state.registered) {
    send(context, std::move(call));
  } else {
    context.state.exits_to_tell.push_back(std::move(call));
  }
}

TaskStatus killed_during_launch(Context& context, const Executor& executor, const TaskId& id) {
  TaskStatus status =
      make_status(context, id, executor.id, mesos::v1::TASK_KILLED, TaskStatus::SOURCE_AGENT,
                  "Killed before delivery to the executor");
  status.set_reason(TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  return status;
}

// Every task that has not ended ends with its executor.
void fail_tasks(Context& context, Framework& framework, Executor& executor,
                std::optional<uint64_t> memory_limit_bytes) {
  const Termination termination = executor.termination.value_or(Termination{});
  for (auto& [id, task] : executor.tasks) {
    if (model::is_terminal(task.state)) continue;
    TaskStatus status =
        make_status(context, id, executor.id, termination.state, TaskStatus::SOURCE_AGENT,
                    termination.message.empty() ? "Executor terminated" : termination.message);
    status.set_reason(termination.reason);
    if (memory_limit_bytes) {
      status.set_state(mesos::v1::TASK_FAILED);
      status.set_reason(limitation_of(status, *memory_limit_bytes));
    }
    update_task(context, framework, executor, task, std::move(status));
  }
}

}  // namespace

void start_executor(Context& context, Framework& framework, Executor& executor) {
  State& state = context.state;
  if (executor.phase != Phase::registering) return;
  set_timer(state, executor.container_id, Timer::registration, executor.registration_deadline,
            saturating_add(context.now, state.options.executor_registration_timeout));
  request_container(context, framework, executor);
}

void deliver(Context& context, Framework& framework, Executor& executor) {
  if (executor.phase != Phase::running || executor.stream == 0) return;
  bool resized = false;
  while (!executor.queued.empty()) {
    const Executor::Queued& next = executor.queued.front();
    const bool durable = std::ranges::all_of(
        next.tasks, [&](const TaskId& id) { return executor.tasks.at(id).durable; });
    if (!durable) return;  // later ones wait behind it
    if (!resized) context.effects.push_back(size_of(executor));
    resized = true;
    mesos::v1::executor::Event event;
    if (next.group) {
      event.set_type(mesos::v1::executor::Event::LAUNCH_GROUP);
    } else {
      event.set_type(mesos::v1::executor::Event::LAUNCH);
    }
    for (const TaskId& id : next.tasks) {
      Task& task = executor.tasks.at(id);
      task.delivered = true;
      link_volumes(context, framework, executor, task.info);
      if (next.group) {
        *event.mutable_launch_group()->mutable_task_group()->add_tasks() = task.info;
      } else {
        *event.mutable_launch()->mutable_task() = task.info;
      }
    }
    executor.ever_delivered = true;
    executor.queued.pop_front();
    send(context, executor, std::move(event));
  }
}

void kill_task(Context& context, Framework& framework, Executor& executor, Task& task,
               const std::optional<mesos::v1::KillPolicy>& policy) {
  if (model::is_terminal(task.state)) return;
  const TaskId id = model::id_of(task.info.task_id());
  const auto queued = std::ranges::find_if(executor.queued, [&](const Executor::Queued& each) {
    return std::ranges::find(each.tasks, id) != each.tasks.end();
  });
  if (queued != executor.queued.end()) {
    const std::vector<TaskId> group = std::move(queued->tasks);
    executor.queued.erase(queued);
    for (const TaskId& each : group) {
      Task& one = executor.tasks.at(each);
      update_task(context, framework, executor, one, killed_during_launch(context, executor, each));
      if (one.command) release_container(context, framework, one.command->container_id, false);
    }
    if (!executor.is_custom()) return end_when_idle(context, executor);
    if (!executor.ever_delivered && is_idle(executor)) {
      shut_down_executor(context, framework, executor);
    }
    return;
  }
  if (executor.phase == Phase::terminated) return;
  if (task.command) {
    kill_command(context, framework, executor, task, kill_grace(task, policy));
    return;
  }
  task.kill_policy = policy;
  if (executor.stream == 0) {
    task.kill_pending = true;
    return;
  }
  task.kill_pending = false;
  mesos::v1::executor::Event event;
  event.set_type(mesos::v1::executor::Event::KILL);
  *event.mutable_kill()->mutable_task_id() = task.info.task_id();
  if (policy) *event.mutable_kill()->mutable_kill_policy() = *policy;
  send(context, executor, std::move(event));
}

void shut_down_executor(Context& context, Framework& framework, Executor& executor) {
  State& state = context.state;
  if (executor.kind == Executor::Kind::group) {
    shut_down_groups(context, framework, executor);
    return;
  }
  if (executor.is_command()) {
    if (executor.phase == Phase::terminated) return;
    Task& task = executor.tasks.begin()->second;
    kill_command(context, framework, executor, task, kill_grace(task, std::nullopt));
    return;
  }
  if (executor.phase == Phase::terminating || executor.phase == Phase::terminated) return;
  if (!executor.container_requested) {
    end_executor(context, framework, executor, 0, std::nullopt);
    return;
  }
  executor.phase = Phase::terminating;
  set_timer(state, executor.container_id, Timer::registration, executor.registration_deadline,
            never);
  put_executor(context, framework, executor);
  if (executor.stream == 0) {  // nobody to ask
    context.effects.push_back(DestroyContainer{executor.container_id});
    return;
  }
  mesos::v1::executor::Event event;
  event.set_type(mesos::v1::executor::Event::SHUTDOWN);
  send(context, executor, std::move(event));
  set_timer(state, executor.container_id, Timer::shutdown, executor.shutdown_deadline,
            saturating_add(context.now, shutdown_grace(state, executor)));
}

void destroy_executor(Context& context, Framework& framework, Executor& executor,
                      Termination termination) {
  log::warning("executor {} of framework {}: {}", executor.id.value, framework.id.value,
               termination.message);
  executor.termination = std::move(termination);
  executor.phase = Phase::terminating;
  put_executor(context, framework, executor);
  context.effects.push_back(DestroyContainer{executor.container_id});
}

void end_executor(Context& context, Framework& framework, Executor& executor, int status,
                  std::optional<uint64_t> memory_limit_bytes) {
  close_stream(context, executor);
  executor.queued.clear();
  end_container(context, framework, executor);
  const ExecutorId id = executor.id;
  // The master hears of the executor first: FAILURE comes before TASK_FAILED.
  if (!framework.terminating) tell_exited(context, executor, status);
  fail_tasks(context, framework, executor, memory_limit_bytes);
  if (framework.terminating) {
    while (!executor.tasks.empty()) {
      const TaskId task_id = executor.tasks.begin()->first;
      const bool last = executor.tasks.size() == 1;
      complete_task(context, framework, executor, task_id);
      if (last) return;
    }
  }
  remove_if_done(context, framework, id);
}

}  // namespace mesolith::agent
