// SPDX-License-Identifier: Apache-2.0
// LAUNCH_GROUP: all tasks of a group go to the agent in one message, or none does and each gets
// TASK_ERROR with the first fault that was found (mesos-api.md 1.8).
#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/check.hpp"
#include "master/core/launch.hpp"
#include "model/validation.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::ExecutorInfo;
using mesos::v1::TaskGroupInfo;

// What is left of `available` beside the group's tasks, and its executor if that does not run yet.
// One by one, since a port cannot be had twice.
Result<model::Resources> left_beside(const Framework& framework, const Agent& agent,
                                     const TaskGroupInfo& group, const ExecutorInfo& executor,
                                     const model::Resources& available) {
  model::Resources left = available, total;
  bool enough = true;
  const auto take = [&](const model::RepeatedResource& resources) -> Result<void> {
    TRY(const model::Resources wanted, model::Resources::parse(resources));
    total += wanted;
    enough = enough && left.contains(wanted);
    if (enough) left -= wanted;
    if (enough) left += wanted.shared();  // for the next task
    return {};
  };
  if (!find_executor(framework, agent, executor)) TRY_VOID(take(executor.resources()));
  for (const auto& task : group.tasks()) TRY_VOID(take(task.resources()));
  if (enough) return left;
  return failure(Code::invalid,
                 fmt::format("Total resources {} required by task group and its executor is more "
                             "than available {}",
                             total.describe(), available.describe()));
}

Result<void> validate_group(const Framework& framework, const Agent& agent,
                            const TaskGroupInfo& group, const ExecutorInfo& executor) {
  std::set<std::string> ids;
  for (const auto& task : group.tasks()) {
    auto valid = validate_identity(framework, agent, task);
    if (valid && !ids.insert(task.task_id().value()).second) {
      valid = failure(Code::invalid, "Task has duplicate ID: " + task.task_id().value());
    }
    if (!valid) {
      return failure(Code::invalid, fmt::format("Task '{}' is invalid: {}", task.task_id().value(),
                                                valid.error().message));
    }
  }
  TRY_VOID(model::validation::task_group(group, executor));
  return validate_executor(framework, agent, executor);
}

}  // namespace

// As the framework gave it, with the role, and with the executor in each task.
Result<void> Launcher::normalize_group(TaskGroupInfo& group, ExecutorInfo& executor) const {
  TRY_VOID(normalize(executor, role));
  for (auto& task : *group.mutable_tasks()) {
    if (!task.has_executor()) *task.mutable_executor() = executor;
    const bool has_framework_id = task.executor().has_framework_id();
    TRY_VOID(normalize(task, framework_.id, role));
    if (!has_framework_id) task.mutable_executor()->clear_framework_id();
  }
  return {};
}

void Launcher::launch_group(Agent& agent, const mesos::v1::Offer::Operation& operation) {
  TaskGroupInfo group = operation.launch_group().task_group();
  ExecutorInfo executor = operation.launch_group().executor();
  const auto refuse_group = [&](const std::string& message) {
    for (const auto& task : group.tasks()) {
      refuse(task, mesos::v1::TaskStatus::REASON_TASK_GROUP_INVALID, message);
    }
  };
  if (operation.has_id()) {
    return refuse_group("The `id` field cannot be set on LAUNCH_GROUP operations");
  }
  if (static_cast<size_t>(group.tasks_size()) > turn_.state.options.tasks_per_launch_max) {
    return refuse_group(fmt::format("A LAUNCH_GROUP may hold at most {} tasks, this one holds {}",
                                    turn_.state.options.tasks_per_launch_max, group.tasks_size()));
  }
  auto valid = normalize_group(group, executor);
  if (valid) valid = validate_group(framework_, agent, group, executor);
  if (!valid) return refuse_group(valid.error().message);
  auto rest = left_beside(framework_, agent, group, executor, left);
  if (!rest) return refuse_group(rest.error().message);

  left = *std::move(rest);
  send(agent);  // tasks for the same executor arrive in the order of the operations
  const bool new_executor = !find_executor(framework_, agent, executor);
  if (new_executor) add_executor(framework_, agent, executor);
  for (const auto& task : group.tasks()) book(agent, task);
  MasterEvent event;
  event.set_type(MasterEvent::LAUNCH_GROUP);
  auto& launch = *event.mutable_launch_group();
  *launch.mutable_framework() = framework_.info;
  *launch.mutable_executor() = std::move(executor);
  *launch.mutable_task_group() = std::move(group);
  launch.set_launch_executor(new_executor);
  master::send(turn_, agent, std::move(event));
}

}  // namespace mesolith::master
