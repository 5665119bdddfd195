// SPDX-License-Identifier: Apache-2.0
// Whole tasks, executors and task groups.
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "model/ids.hpp"
#include "model/validation.hpp"

namespace mesolith::model::validation {

namespace {

using mesos::v1::ContainerInfo;
using mesos::v1::ExecutorInfo;
using mesos::v1::TaskInfo;

Result<void> invalid(std::string message) {
  return failure(Code::invalid, std::move(message));
}

Result<void> prefixed(std::string_view prefix, const Result<void>& result) {
  if (result) return result;
  return invalid(fmt::format("{}{}", prefix, result.error().message));
}

Result<void> task_resources(const TaskInfo& task) {
  if (task.resources_size() == 0) return invalid("Task uses no resources");
  constexpr std::string_view prefix = "Task uses invalid resources: ";
  auto parsed = Resources::parse(task.resources());
  if (!parsed) return invalid(fmt::format("{}{}", prefix, parsed.error().message));
  TRY_VOID(prefixed(prefix, gpus(task)));
  return prefixed(prefix, resources(*parsed));
}

Result<void> executor_type(const ExecutorInfo& executor) {
  switch (executor.type()) {
    case ExecutorInfo::DEFAULT: {
      if (executor.has_command()) {
        return invalid("'ExecutorInfo.command' must not be set for 'DEFAULT' executor");
      }
      if (executor.has_container() && executor.container().type() != ContainerInfo::MESOS) {
        return invalid("'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor");
      }
      if (executor.container().mesos().has_image()) {
        return invalid(
            "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor");
      }
      return {};
    }
    case ExecutorInfo::CUSTOM: {
      if (!executor.has_command()) {
        return invalid("'ExecutorInfo.command' must be set for 'CUSTOM' executor");
      }
      return {};
    }
    default: {
      if (executor.has_type()) return invalid("Unknown executor type");
      if (!executor.has_command()) return invalid("'ExecutorInfo.command' must be set");
      return {};
    }
  }
}

Result<void> executor_resources(const ExecutorInfo& executor) {
  constexpr std::string_view prefix = "Executor uses invalid resources: ";
  auto parsed = Resources::parse(executor.resources());
  if (!parsed) return invalid(fmt::format("{}{}", prefix, parsed.error().message));
  TRY_VOID(prefixed(prefix, resources(*parsed)));
  if (!parsed->shared().empty()) {
    return invalid("Executor resources " + parsed->shared().describe() + " must not be shared");
  }
  return {};
}

bool overlap(const Entry& a, const Entry& b) {
  if (!a.same_key(b)) return false;
  if (a.type == Entry::Type::ranges) return a.ranges->overlaps(*b.ranges);
  if (a.type != Entry::Type::set) return false;
  return std::ranges::any_of(*a.items, [&](const auto& item) { return b.items->contains(item); });
}

// Task and executor together: what each may use alone can still be wrong in sum.
Result<void> together(const TaskInfo& task, const ExecutorInfo& executor) {
  TRY(Resources of_task, Resources::parse(task.resources()));
  TRY(Resources of_executor, Resources::parse(executor.resources()));
  for (const Entry& used : of_task.entries()) {
    for (const Entry& other : of_executor.entries()) {
      if (!overlap(used, other)) continue;
      return invalid(fmt::format("Executor resources {} overlap with the resources of the task",
                                 Resources::of(other).describe()));
    }
  }
  const Resources total = of_task + of_executor;
  TRY_VOID(prefixed("Task and its executor use duplicate persistence ID: ",
                    unique_persistence_ids(total)));
  TRY_VOID(one_allocation_role(total));
  return prefixed("Task and its executor mix revocable and non-revocable resources: ",
                  no_revocable_mix(total));
}

Result<void> share_cgroups_of_executor(const ExecutorInfo& executor) {
  const auto& linux_info = executor.container().linux_info();
  if (linux_info.has_share_cgroups() && linux_info.share_cgroups()) {
    return invalid("The 'share_cgroups' field cannot be set to 'true' on executor containers");
  }
  return {};
}

// What tasks of a LAUNCH and of a LAUNCH_GROUP have in common.
Result<void> common(const TaskInfo& task) {
  TRY_VOID(validate_id(task.task_id().value()));
  TRY_VOID(kill_policy(task));
  TRY_VOID(max_completion_time(task));
  if (task.has_check()) TRY_VOID(prefixed("Task uses invalid check: ", check(task.check())));
  if (task.has_health_check()) {
    TRY_VOID(prefixed("Task uses invalid health check: ", health_check(task.health_check())));
  }
  TRY_VOID(task_resources(task));
  TRY_VOID(prefixed("Task's `CommandInfo` is invalid: ", command(task.command())));
  if (task.has_container()) {
    TRY_VOID(prefixed("Task's `ContainerInfo` is invalid: ", container(task.container())));
  }
  return limits(task);
}

}  // namespace

Result<void> executor(const ExecutorInfo& executor) {
  TRY_VOID(validate_id(executor.executor_id().value()));
  TRY_VOID(executor_type(executor));
  if (!executor.has_framework_id()) return invalid("'ExecutorInfo.framework_id' must be set");
  TRY_VOID(shutdown_grace_period(executor));
  TRY_VOID(executor_resources(executor));
  TRY_VOID(prefixed("Executor's `CommandInfo` is invalid: ", command(executor.command())));
  if (executor.has_container()) {
    TRY_VOID(prefixed("Executor's `ContainerInfo` is invalid: ", container(executor.container())));
  }
  return share_cgroups_of_executor(executor);
}

Result<void> task(const TaskInfo& task) {
  TRY_VOID(common(task));
  if (task.has_executor() == task.has_command()) {
    return invalid(
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present");
  }
  const auto& linux_info = task.container().linux_info();
  if (linux_info.has_share_cgroups() && !linux_info.share_cgroups()) {
    return invalid("Only tasks in a task group may have 'share_cgroups' set to 'false'");
  }
  if (!task.has_executor()) return {};
  if (task.executor().type() == ExecutorInfo::DEFAULT) {
    if (task.executor().has_command()) {
      return invalid("'ExecutorInfo.command' must not be set for 'DEFAULT' executor");
    }
    return invalid("'ExecutorInfo.type' must be 'CUSTOM' or unset in a LAUNCH operation");
  }
  TRY_VOID(executor(task.executor()));
  return together(task, task.executor());
}

Result<void> group_task(const TaskInfo& task, const ExecutorInfo& executor) {
  TRY_VOID(common(task));
  TRY_VOID(group_task_checks(task));
  if (task.has_container() && task.container().type() == ContainerInfo::DOCKER) {
    return invalid("Docker ContainerInfo is not supported on the task");
  }
  if (task.has_executor() &&
      !google::protobuf::util::MessageDifferencer::Equals(task.executor(), executor)) {
    return invalid("The `ExecutorInfo` of task '" + task.task_id().value() +
                   "' is different from executor '" + executor.executor_id().value() + "'");
  }
  const auto& linux_info = task.container().linux_info();
  const bool shares = !linux_info.has_share_cgroups() || linux_info.share_cgroups();
  if (!task.limits().empty() && shares) {
    return invalid(
        "Resource limits can only be set on a task of a group when "
        "'container.linux_info.share_cgroups' is 'false'");
  }
  return together(task, executor);
}

Result<void> group_executor(const ExecutorInfo& info) {
  if (!info.has_type()) return invalid("'ExecutorInfo.type' must be set");
  TRY_VOID(executor(info));
  if (info.has_container() && info.container().type() == ContainerInfo::DOCKER) {
    return invalid("Docker ContainerInfo is not supported on the executor");
  }
  constexpr Millis cpus_min = 10, mem_min = 32'000;
  TRY(Resources used, Resources::parse(info.resources()));
  const std::string& id = info.executor_id().value();
  if (used.scalar(cpus) < cpus_min) {
    return invalid(fmt::format("Executor '{}' uses less CPUs ({}) than the minimum required ({})",
                               id, format_millis(used.scalar(cpus)), format_millis(cpus_min)));
  }
  if (used.scalar(mem) < mem_min) {
    return invalid(
        fmt::format("Executor '{}' uses less memory ({}MB) than the minimum required ({}MB)", id,
                    format_millis(used.scalar(mem)), format_millis(mem_min)));
  }
  if (used.scalar(disk) <= 0) return invalid(fmt::format("Executor '{}' uses no disk", id));
  return {};
}

Result<void> task_group(const mesos::v1::TaskGroupInfo& group, const ExecutorInfo& executor) {
  if (group.tasks_size() == 0) return invalid("Task group cannot be empty");
  const auto shares = [](const TaskInfo& task) {
    const auto& linux_info = task.container().linux_info();
    return !linux_info.has_share_cgroups() || linux_info.share_cgroups();
  };
  for (const TaskInfo& task : group.tasks()) {
    if (auto valid = group_task(task, executor); !valid) {
      return invalid(
          fmt::format("Task '{}' is invalid: {}", task.task_id().value(), valid.error().message));
    }
    if (shares(task) != shares(group.tasks(0))) {
      return invalid("Setting 'share_cgroups' must be the same for all tasks of an executor");
    }
  }
  return group_executor(executor);
}

}  // namespace mesolith::model::validation
