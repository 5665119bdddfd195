// SPDX-License-Identifier: Apache-2.0
// The LAUNCH operations of one ACCEPT. Each task is judged by itself: a bad one gets TASK_ERROR,
// the others go on (mesos-api.md 1.7, 1.8). What is good goes to the agent in one message.
#pragma once

#include "master/core/internal.hpp"

namespace mesolith::master {

class Launcher {
 public:
  Launcher(Turn turn, Framework& framework) : turn_(turn), framework_(framework) {}

  void launch(Agent& agent, const mesos::v1::Offer::Operation& operation);
  void launch_group(Agent& agent, const mesos::v1::Offer::Operation& operation);
  void send(Agent& agent);

  std::string role;       // the allocation role of the offers
  model::Resources left;  // of what was offered

 private:
  void launch_task(Agent& agent, mesos::v1::TaskInfo task);
  // Takes what the task uses from the agent; its executor is not looked at.
  void book(Agent& agent, const mesos::v1::TaskInfo& task);
  Result<void> normalize_group(mesos::v1::TaskGroupInfo& group,
                               mesos::v1::ExecutorInfo& executor) const;
  void refuse(const mesos::v1::TaskInfo& task, mesos::v1::TaskStatus::Reason reason,
              const std::string& message);

  Turn turn_;
  Framework& framework_;
  MasterEvent event_;
};

// Gives every resource without an allocation the role, and writes reservations in the refined form.
// Fails on resources that make no sense.
Result<void> normalize(mesos::v1::TaskInfo& task, const FrameworkId& framework_id,
                       const std::string& role);

Result<void> normalize(mesos::v1::ExecutorInfo& executor, const std::string& role);

// The running executor of that id on the agent; null when there is none.
const mesos::v1::ExecutorInfo* find_executor(const Framework& framework, const Agent& agent,
                                             const mesos::v1::ExecutorInfo& executor);

// Of the rules below: the task's id and its agent; and its executor's.
Result<void> validate_identity(const Framework& framework, const Agent& agent,
                               const mesos::v1::TaskInfo& task);
Result<void> validate_executor(const Framework& framework, const Agent& agent,
                               const mesos::v1::ExecutorInfo& executor);

// The rules of mesos-api.md 1.8 that need the cluster's state, in their order with those that
// don't.
Result<void> validate_task(const Framework& framework, const Agent& agent,
                           const mesos::v1::TaskInfo& task, const model::Resources& available);

// What the task takes from the offers: its own resources and those of an executor that does not run
// yet.
Result<model::Resources> needed(const Framework& framework, const Agent& agent,
                                const mesos::v1::TaskInfo& task);

}  // namespace mesolith::master
