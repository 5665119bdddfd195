// SPDX-License-Identifier: Apache-2.0
// What workloads put into calls: tasks cut out of offers, and answers to offers.
#pragma once

#include <string>

#include "mesos/v1/scheduler/scheduler.pb.h"
#include "model/resources.hpp"
#include "sim/containers.hpp"
#include "sim/scenario.hpp"

namespace mesolith::sim {

// An unlaunched task of that size on the offer's agent, allocated to the offer's role if it says
// one.
mesos::v1::TaskInfo make_task(const mesos::v1::Offer& offer, const std::string& id,
                              const model::Quantities& size, const Program& program);
// An ACCEPT of the offer without operations.
mesos::v1::scheduler::Call make_accept(const mesos::v1::Offer& offer, double refuse_seconds);
void add_launch(mesos::v1::scheduler::Call& accept, mesos::v1::TaskInfo task);
// An executor of that id, framework and size; CUSTOM, or DEFAULT when it is for a group.
mesos::v1::ExecutorInfo make_executor(const mesos::v1::Offer& offer, const std::string& id,
                                      const model::Quantities& size, bool for_group);
// The command task becomes one of that executor.
void give_to(const mesos::v1::ExecutorInfo& executor, mesos::v1::TaskInfo& task);
void add_launch_group(mesos::v1::scheduler::Call& accept, const mesos::v1::ExecutorInfo& executor,
                      const std::vector<mesos::v1::TaskInfo>& tasks);
mesos::v1::scheduler::Call make_decline(const mesos::v1::Offer& offer, double refuse_seconds);
// Of each task of that plan.
model::Quantities size_of(const FrameworkPlan& plan);
// The scalars of the offer.
model::Quantities amounts_of(const mesos::v1::Offer& offer);

// One that fails now and then, and kills the task when it fails twice in a row.
void add_health_check(mesos::v1::TaskInfo& task, bool command);

}  // namespace mesolith::sim
