// SPDX-License-Identifier: Apache-2.0
#include "master/core/launch.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/check.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::TaskStatus;

Task make_task(const Framework& framework, const mesos::v1::TaskInfo& info,
               model::Resources resources, const std::string& role) {
  Task task;
  task.role = role;
  task.command = !info.has_executor();
  mesos::v1::Task& proto = task.proto;
  proto.set_name(info.name());
  *proto.mutable_task_id() = info.task_id();
  proto.mutable_framework_id()->set_value(framework.id.value);
  if (info.has_executor()) *proto.mutable_executor_id() = info.executor().executor_id();
  *proto.mutable_agent_id() = info.agent_id();
  proto.set_state(mesos::v1::TASK_STAGING);
  *proto.mutable_resources() = info.resources();
  if (info.has_labels()) *proto.mutable_labels() = info.labels();
  if (info.has_discovery()) *proto.mutable_discovery() = info.discovery();
  if (info.has_container()) *proto.mutable_container() = info.container();
  if (info.has_health_check()) *proto.mutable_health_check() = info.health_check();
  if (info.has_kill_policy()) *proto.mutable_kill_policy() = info.kill_policy();
  *proto.mutable_limits() = info.limits();
  const auto& command = info.has_command() ? info.command() : info.executor().command();
  proto.set_user(command.has_user() ? command.user() : framework.info.user());
  task.resources = std::move(resources);
  return task;
}

}  // namespace

void Launcher::refuse(const mesos::v1::TaskInfo& task, TaskStatus::Reason reason,
                      const std::string& message) {
  TaskStatus status =
      make_status(turn_, TaskId(task.task_id().value()), mesos::v1::TASK_ERROR, reason, message);
  *status.mutable_agent_id() = task.agent_id();
  count(turn_.state, "tasks_error");
  send_status(turn_, framework_, std::move(status));
}

void Launcher::launch(Agent& agent, const mesos::v1::Offer::Operation& operation) {
  const auto& tasks = operation.launch().task_infos();
  std::string problem;
  if (operation.has_id()) problem = "The `id` field cannot be set on LAUNCH operations";
  if (static_cast<size_t>(tasks.size()) > turn_.state.options.tasks_per_launch_max) {
    problem = fmt::format("A LAUNCH may hold at most {} tasks, this one holds {}",
                          turn_.state.options.tasks_per_launch_max, tasks.size());
  }
  std::vector<mesos::v1::TaskInfo> normalized;
  normalized.reserve(static_cast<size_t>(tasks.size()));
  for (const auto& task : tasks) {
    if (!problem.empty()) break;
    auto& copy = normalized.emplace_back(task);
    if (auto valid = normalize(copy, framework_.id, role); !valid) problem = valid.error().message;
  }
  if (!problem.empty()) {  // one malformed resource spoils its operation
    for (const auto& task : tasks) refuse(task, TaskStatus::REASON_TASK_INVALID, problem);
    return;
  }
  for (mesos::v1::TaskInfo& task : normalized) launch_task(agent, std::move(task));
}

void Launcher::launch_task(Agent& agent, mesos::v1::TaskInfo task) {
  if (auto valid = validate_task(framework_, agent, task, left); !valid) {
    return refuse(task, TaskStatus::REASON_TASK_INVALID, valid.error().message);
  }
  const model::Resources taken = *needed(framework_, agent, task);
  left -= taken;
  left += taken.shared();  // for the next task
  bool new_executor = !task.has_executor();
  if (task.has_executor()) {
    new_executor = !find_executor(framework_, agent, task.executor());
    if (new_executor) add_executor(framework_, agent, task.executor());
  }
  book(agent, task);
  auto& launch = *event_.mutable_launch();
  *launch.add_tasks() = std::move(task);
  launch.add_launch_executor(new_executor);
}

void Launcher::book(Agent& agent, const mesos::v1::TaskInfo& task) {
  auto own = model::Resources::parse(task.resources());
  CHECK(own.has_value());  // normalize() parsed it
  if (const model::Resources shared = own->shared(); !shared.empty()) {
    turn_.state.allocator.use_again(framework_.id, agent.id, shared);
  }
  hold(framework_, agent, *own);
  const TaskId id(task.task_id().value());
  const Task& added = framework_.tasks[id] = make_task(framework_, task, *std::move(own), role);
  announce_added(turn_, added.proto);
  agent.tasks.insert({framework_.id, id});
}

void Launcher::send(Agent& agent) {
  if (event_.launch().tasks().empty()) return;
  event_.set_type(MasterEvent::LAUNCH);
  *event_.mutable_launch()->mutable_framework() = framework_.info;
  master::send(turn_, agent, std::exchange(event_, {}));
}

}  // namespace mesolith::master
