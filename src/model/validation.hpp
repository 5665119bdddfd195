// SPDX-License-Identifier: Apache-2.0
// Is this part of a task acceptable, whatever the state of the cluster (mesos-api.md 1.8)? Pure
// predicates; the first fault is the answer, in Mesos' words, since clients and their tests compare
// them.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/result.hpp"
#include "mesos/v1/mesos.pb.h"
#include "model/resources.hpp"

namespace mesolith::model::validation {

// Times
Result<void> kill_policy(const mesos::v1::TaskInfo& task);
Result<void> max_completion_time(const mesos::v1::TaskInfo& task);
Result<void> shutdown_grace_period(const mesos::v1::ExecutorInfo& executor);

// Checks
Result<void> check(const mesos::v1::CheckInfo& check);  // without "Task uses invalid check: "
Result<void> health_check(const mesos::v1::HealthCheck& check);
Result<void> check_status(const mesos::v1::CheckStatusInfo& status);
// The checks of a task of a group must not need a network of its own.
Result<void> group_task_checks(const mesos::v1::TaskInfo& task);

// Commands
Result<void> secret(const mesos::v1::Secret& secret);
Result<void> environment(const mesos::v1::Environment& environment);
Result<void> command(const mesos::v1::CommandInfo& command);

// Containers
Result<void> volume(const mesos::v1::Volume& volume);
Result<void> container(const mesos::v1::ContainerInfo& container);

// Resources, of a task or an executor or of both together. `parsed` is what Resources::parse gave.
Result<void> gpus(const mesos::v1::TaskInfo& task);
Result<void> resources(const Resources& parsed);
Result<void> unique_persistence_ids(const Resources& parsed);
Result<void> one_allocation_role(const Resources& parsed);
Result<void> no_revocable_mix(const Resources& parsed);
Result<void> limits(const mesos::v1::TaskInfo& task);  // against its own requests

// Operations on resources (mesos-api.md 1.8, end). Who asks: a framework, or the operator.
struct Asker {
  std::optional<std::string> principal;          // compared when there is one
  const std::set<std::string>* roles = nullptr;  // of the framework; null: the operator
  bool shared_resources = true;                  // may make shared volumes
};
// `total` and `used` are the agent's. Whether what it takes is at hand is not asked here.
Result<void> operation(const mesos::v1::Offer::Operation& operation, const Asker& asker,
                       const Resources& total, const Resources& used);
Result<void> container_path(const std::string& path);  // of a volume: set, and stays inside

// Whole messages, in Mesos' order. Duplicate ids, agents, offers and running executors are the
// master's business.
Result<void> executor(
    const mesos::v1::ExecutorInfo& executor);        // type, command, container, grace, resources
Result<void> task(const mesos::v1::TaskInfo& task);  // items 1, 4-10 and its executor
// LAUNCH_GROUP: what a task must not have inside a group, and what the group's executor must be.
Result<void> group_task(const mesos::v1::TaskInfo& task, const mesos::v1::ExecutorInfo& executor);
Result<void> group_executor(const mesos::v1::ExecutorInfo& executor);
Result<void> task_group(const mesos::v1::TaskGroupInfo& group,
                        const mesos::v1::ExecutorInfo& executor);

}  // namespace mesolith::model::validation
