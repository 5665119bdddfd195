// SPDX-License-Identifier: Apache-2.0
// Frameworks, executors and tasks as a tree: how it is searched, and how what has ended leaves it
// for the history.
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "model/framework_info.hpp"
#include "model/ids.hpp"

namespace mesolith::agent {

Framework* find_framework(State& state, const FrameworkId& id) {
  const auto found = state.frameworks.find(id);
  return found == state.frameworks.end() ? nullptr : &found->second;
}

Executor* find_executor(Framework& framework, const ExecutorId& id) {
  const auto found = framework.executors.find(id);
  return found == framework.executors.end() ? nullptr : &found->second;
}

Executor* executor_of_task(Framework& framework, const TaskId& id) {
  const auto found = framework.tasks.find(id);
  return found == framework.tasks.end() ? nullptr : find_executor(framework, found->second);
}

void set_info(Framework& framework, const mesos::v1::FrameworkInfo& info) {
  using Capability = mesos::v1::FrameworkInfo::Capability;
  framework.info = info;
  framework.partition_aware = model::has_capability(info, Capability::PARTITION_AWARE);
  framework.task_killing = model::has_capability(info, Capability::TASK_KILLING_STATE);
}

Framework& framework_for(Context& context, const mesos::v1::FrameworkInfo& info) {
  State& state = context.state;
  const FrameworkId id = model::id_of(info.id());
  if (Framework* known = find_framework(state, id)) return *known;
  Framework framework;
  framework.id = id;
  framework.checkpoint = info.checkpoint();
  set_info(framework, info);
  // It was idle: its history goes on.
  auto& completed = state.completed_frameworks;
  const auto before = std::find_if(completed.begin(), completed.end(),
                                   [&](const Framework& each) { return each.id == id; });
  if (before != completed.end()) {
    framework.completed_executors = std::move(before->completed_executors);
    completed.erase(before);
  }
  Framework& added = state.frameworks.emplace(id, std::move(framework)).first->second;
  if (added.checkpoint) put_framework(context, added);
  return added;
}

void complete_task(Context& context, Framework& framework, Executor& executor, const TaskId& id) {
  State& state = context.state;
  const auto found = executor.tasks.find(id);
  CHECK(found != executor.tasks.end());
  if (executor.is_command()) executor.info = executor_info(executor);
  executor.completed_tasks.push_back(to_proto(framework, executor, found->second, state.id));
  if (executor.completed_tasks.size() > state.options.completed_tasks_max) {
    executor.completed_tasks.pop_front();
  }
  executor.tasks.erase(found);
  framework.tasks.erase(id);
  if (framework.checkpoint) {
    erase(context, task_key({framework.id, id}));
    erase(context, updates_key({framework.id, id}));
  }
  remove_if_done(context, framework, executor.id);
}

void remove_if_done(Context& context, Framework& framework, const ExecutorId& id) {
  const auto found = framework.executors.find(id);
  CHECK(found != framework.executors.end());
  Executor& executor = found->second;
  if (executor.phase != Executor::Phase::terminated || !executor.tasks.empty()) return;
  if (framework.checkpoint) erase(context, executor_key(executor));
  leave_sandbox(context, executor);
  framework.completed_executors.push_back(std::move(executor));
  framework.executors.erase(found);
  if (framework.completed_executors.size() > context.state.options.completed_executors_max) {
    framework.completed_executors.pop_front();
  }
  remove_framework_if_idle(context, FrameworkId(framework.id));
}

void remove_framework_if_idle(Context& context, const FrameworkId& id) {
  State& state = context.state;
  const auto found = state.frameworks.find(id);
  if (found == state.frameworks.end() || !found->second.executors.empty()) return;
  if (found->second.checkpoint) erase(context, framework_key(id));
  state.completed_frameworks.push_back(std::move(found->second));
  state.frameworks.erase(found);
  if (state.completed_frameworks.size() > state.options.completed_frameworks_max) {
    state.completed_frameworks.pop_front();
  }
}

void shut_down_framework(Context& context, const FrameworkId& id) {
  Framework* framework = find_framework(context.state, id);
  drop_updates(context, id);
  if (!framework || framework->terminating) return;
  framework->terminating = true;
  std::vector<ExecutorId> executors;
  for (const auto& [executor_id, executor] : framework->executors) executors.push_back(executor_id);
  for (const ExecutorId& executor_id : executors) {
    Executor& executor = framework->executors.at(executor_id);
    if (executor.phase == Executor::Phase::terminated) {
      // Only acknowledgements that no longer matter held it.
      std::vector<TaskId> tasks;
      for (const auto& [task_id, task] : executor.tasks) tasks.push_back(task_id);
      for (const TaskId& task_id : tasks) {
        complete_task(context, *framework, executor, task_id);
      }
    } else {
      shut_down_executor(context, *framework, executor);
    }
    framework = find_framework(context.state, id);
    if (!framework) return;
  }
  remove_framework_if_idle(context, id);
}

void stop(Context& context, int exit_code, std::string message) {
  State& state = context.state;
  if (state.stopping) return;
  log::info("agent stops: {}", message);
  state.stopping = true;
  state.exit_code = exit_code;
  state.stop_message = std::move(message);
  state.subscribe_at = never;
  state.ping_deadline = never;
  erase(context, "agent");
  std::vector<FrameworkId> frameworks;
  for (const auto& [id, framework] : state.frameworks) frameworks.push_back(id);
  for (const FrameworkId& id : frameworks) shut_down_framework(context, id);
}

}  // namespace mesolith::agent
