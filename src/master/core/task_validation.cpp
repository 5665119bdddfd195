// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include "master/core/launch.hpp"
#include "model/ids.hpp"
#include "model/validation.hpp"

namespace mesolith::master {
namespace {

Result<void> normalize(model::RepeatedResource& resources, const std::string& role) {
  for (auto& resource : resources) {
    if (!resource.has_allocation_info()) resource.mutable_allocation_info()->set_role(role);
  }
  TRY(const model::Resources parsed, model::Resources::parse(resources));
  return {};
}

}  // namespace

Result<void> normalize(mesos::v1::ExecutorInfo& executor, const std::string& role) {
  return normalize(*executor.mutable_resources(), role);
}

const mesos::v1::ExecutorInfo* find_executor(const Framework& framework, const Agent& agent,
                                             const mesos::v1::ExecutorInfo& executor) {
  const auto executors = framework.executors.find(agent.id);
  if (executors == framework.executors.end()) return nullptr;
  const auto running = executors->second.find(ExecutorId(executor.executor_id().value()));
  return running == executors->second.end() ? nullptr : &running->second;
}

Result<void> normalize(mesos::v1::TaskInfo& task, const FrameworkId& framework_id,
                       const std::string& role) {
  TRY_VOID(normalize(*task.mutable_resources(), role));
  if (task.has_health_check() && !task.health_check().has_type()) {  // of clients before types
    auto& check = *task.mutable_health_check();
    using mesos::v1::HealthCheck;
    if (check.has_command() && !check.has_http()) check.set_type(HealthCheck::COMMAND);
    if (check.has_http() && !check.has_command()) check.set_type(HealthCheck::HTTP);
  }
  if (!task.has_executor()) return {};
  if (!task.executor().has_framework_id()) {
    task.mutable_executor()->mutable_framework_id()->set_value(framework_id.value);
  }
  return normalize(*task.mutable_executor(), role);
}

Result<model::Resources> needed(const Framework& framework, const Agent& agent,
                                const mesos::v1::TaskInfo& task) {
  TRY(model::Resources total, model::Resources::parse(task.resources()));
  if (!task.has_executor()) return total;
  if (find_executor(framework, agent, task.executor())) return total;
  TRY(const model::Resources own, model::Resources::parse(task.executor().resources()));
  return total + own;
}

Result<void> validate_identity(const Framework& framework, const Agent& agent,
                               const mesos::v1::TaskInfo& task) {
  const TaskId id(task.task_id().value());
  TRY_VOID(model::validate_id(id.value));
  if (framework.tasks.contains(id)) {
    return failure(Code::invalid, fmt::format("Task has duplicate ID: {}", id.value));
  }
  if (framework.unreachable_tasks.contains(id)) {
    return failure(Code::invalid,
                   fmt::format("Task reuses the ID of an unreachable task: {}", id.value));
  }
  if (task.agent_id().value() != agent.id.value) {
    return failure(Code::invalid,
                   fmt::format("Task uses invalid agent {} while agent {} is expected",
                               task.agent_id().value(), agent.id.value));
  }
  return {};
}

Result<void> validate_executor(const Framework& framework, const Agent& agent,
                               const mesos::v1::ExecutorInfo& executor) {
  if (executor.framework_id().value() != framework.id.value) {
    return failure(
        Code::invalid,
        fmt::format("ExecutorInfo has an invalid FrameworkID (Actual: {} vs Expected: {})",
                    executor.framework_id().value(), framework.id.value));
  }
  // Tasks of one executor may each carry its description; it must be the same.
  const mesos::v1::ExecutorInfo* running = find_executor(framework, agent, executor);
  if (running && !google::protobuf::util::MessageDifferencer::Equals(*running, executor)) {
    return failure(
        Code::invalid,
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID");
  }
  return {};
}

Result<void> validate_task(const Framework& framework, const Agent& agent,
                           const mesos::v1::TaskInfo& task, const model::Resources& available) {
  TRY_VOID(validate_identity(framework, agent, task));
  TRY_VOID(model::validation::task(task));
  if (task.has_executor()) TRY_VOID(validate_executor(framework, agent, task.executor()));
  TRY(const model::Resources total, needed(framework, agent, task));
  if (!available.contains(total)) {
    return failure(Code::invalid,
                   fmt::format("Total resources {} required by task and its executor is more than "
                               "available {}",
                               total.describe(), available.describe()));
  }
  return {};
}

}  // namespace mesolith::master
