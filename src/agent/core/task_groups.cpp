// SPDX-License-Identifier: Apache-2.0
// Executors of type DEFAULT (mesos-api.md 2.5): the agent runs their groups itself. The tasks of a
// group start together, each in a container and a sandbox of its own; when one fails or is killed,
// the rest of its group is killed. The executor ends once it has no task left.
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using Phase = Executor::Phase;

std::vector<TaskId> live_tasks(const Executor& executor) {
  std::vector<TaskId> live;
  for (const auto& [id, task] : executor.tasks) {
    if (!model::is_terminal(task.state)) live.push_back(id);
  }
  return live;
}

}  // namespace

bool is_idle(const Executor& executor) {
  return executor.queued.empty() && live_tasks(executor).empty();
}

void start_groups(Context& context, Framework& framework, Executor& executor) {
  while (!executor.queued.empty()) {
    const auto& tasks = executor.queued.front().tasks;
    const bool durable =
        std::ranges::all_of(tasks, [&](const TaskId& id) { return executor.tasks.at(id).durable; });
    if (!durable) return;  // later ones wait behind it
    if (executor.phase == Phase::registering) executor.phase = Phase::running;
    executor.ever_delivered = true;
    for (const TaskId& id : tasks) {
      start_command(context, framework, executor, executor.tasks.at(id));
    }
    executor.queued.pop_front();
  }
}

void group_task_ended(Context& context, Framework& framework, Executor& executor,
                      const Task& task) {
  if (task.state != mesos::v1::TASK_FINISHED) {
    for (const TaskId& id : live_tasks(executor)) {
      Task& other = executor.tasks.at(id);
      // One whose end has killed others meanwhile may have ended with them.
      if (other.group != task.group || model::is_terminal(other.state)) continue;
      const Command& command = *other.command;
      if (command.gone || command.killed || command.completion_reached) continue;
      kill_command(context, framework, executor, other, kill_grace(other, std::nullopt));
    }
  }
  end_when_idle(context, executor);
}

void shut_down_groups(Context& context, Framework& framework, Executor& executor) {
  if (executor.phase == Phase::terminating || executor.phase == Phase::terminated) return;
  executor.phase = Phase::terminating;
  put_executor(context, framework, executor);
  executor.queued.clear();
  const Duration most = shutdown_grace(context.state, executor);
  for (const TaskId& id : live_tasks(executor)) {
    Task& task = executor.tasks.at(id);
    if (model::is_terminal(task.state)) continue;
    kill_command(context, framework, executor, task,
                 std::min(kill_grace(task, std::nullopt), most));
  }
  end_when_idle(context, executor);
}

void end_when_idle(Context& context, const Executor& executor) {
  if (is_idle(executor)) when_durable(context, IdleDurable{executor.container_id});
}

void group_executor_idle(Context& context, const ContainerId& id) {
  State& state = context.state;
  const auto found = state.containers.find(id);
  if (found == state.containers.end()) return;
  const Owner owner = found->second;
  Framework& framework = state.frameworks.at(owner.framework);
  Executor& executor = framework.executors.at(owner.executor);
  if (is_idle(executor)) end_executor(context, framework, executor, 0, std::nullopt);
}

}  // namespace mesolith::agent
