// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/tasks.hpp"

#include "base/check.hpp"

namespace mesolith::sim {

using mesos::v1::scheduler::Call;

namespace {

// Only frameworks with MULTI_ROLE are told the role.
void append(const mesos::v1::Offer& offer, const model::Quantities& size,
            model::RepeatedResource* out) {
  model::Resources resources = model::Resources::of(size);
  if (offer.has_allocation_info()) {
    resources = resources.allocated_to(offer.allocation_info().role());
  }
  resources.append_to(out, model::Format::post_reservation_refinement);
}

}  // namespace

mesos::v1::TaskInfo make_task(const mesos::v1::Offer& offer, const std::string& id,
                              const model::Quantities& size, const Program& program) {
  mesos::v1::TaskInfo task;
  task.set_name(id);
  task.mutable_task_id()->set_value(id);
  *task.mutable_agent_id() = offer.agent_id();
  task.mutable_command()->set_value(command_of(program));
  if (id.ends_with('7')) task.mutable_command()->add_uris()->set_value("file:///program");
  append(offer, size, task.mutable_resources());
  return task;
}

void add_health_check(mesos::v1::TaskInfo& task, bool command) {
  auto& check = *task.mutable_health_check();
  check.set_type(command ? mesos::v1::HealthCheck::COMMAND : mesos::v1::HealthCheck::TCP);
  if (command) check.mutable_command()->set_value("look");
  if (!command) check.mutable_tcp()->set_port(80);
  check.set_delay_seconds(0.1);
  check.set_interval_seconds(1);
  check.set_timeout_seconds(1);
  check.set_grace_period_seconds(0);
  check.set_consecutive_failures(2);
}

Call make_accept(const mesos::v1::Offer& offer, double refuse_seconds) {
  Call call;
  call.set_type(Call::ACCEPT);
  *call.mutable_accept()->add_offer_ids() = offer.id();
  call.mutable_accept()->mutable_filters()->set_refuse_seconds(refuse_seconds);
  return call;
}

void add_launch(Call& accept, mesos::v1::TaskInfo task) {
  auto& operations = *accept.mutable_accept()->mutable_operations();
  if (operations.empty() || operations.rbegin()->type() != mesos::v1::Offer::Operation::LAUNCH) {
    operations.Add()->set_type(mesos::v1::Offer::Operation::LAUNCH);
  }
  *operations.rbegin()->mutable_launch()->add_task_infos() = std::move(task);
}

mesos::v1::ExecutorInfo make_executor(const mesos::v1::Offer& offer, const std::string& id,
                                      const model::Quantities& size, bool for_group) {
  mesos::v1::ExecutorInfo executor;
  executor.mutable_executor_id()->set_value(id);
  *executor.mutable_framework_id() = offer.framework_id();
  append(offer, size, executor.mutable_resources());
  executor.set_type(for_group ? mesos::v1::ExecutorInfo::DEFAULT : mesos::v1::ExecutorInfo::CUSTOM);
  if (!for_group) executor.mutable_command()->set_value("executor");
  return executor;
}

void give_to(const mesos::v1::ExecutorInfo& executor, mesos::v1::TaskInfo& task) {
  *task.mutable_executor() = executor;
  task.set_data(task.command().value());
  task.clear_command();
}

void add_launch_group(Call& accept, const mesos::v1::ExecutorInfo& executor,
                      const std::vector<mesos::v1::TaskInfo>& tasks) {
  auto& operation = *accept.mutable_accept()->add_operations();
  operation.set_type(mesos::v1::Offer::Operation::LAUNCH_GROUP);
  *operation.mutable_launch_group()->mutable_executor() = executor;
  for (const auto& task : tasks) {
    *operation.mutable_launch_group()->mutable_task_group()->add_tasks() = task;
  }
}

Call make_decline(const mesos::v1::Offer& offer, double refuse_seconds) {
  Call call;
  call.set_type(Call::DECLINE);
  *call.mutable_decline()->add_offer_ids() = offer.id();
  call.mutable_decline()->mutable_filters()->set_refuse_seconds(refuse_seconds);
  return call;
}

model::Quantities size_of(const FrameworkPlan& plan) {
  return {{model::cpus, model::to_millis(plan.cpus)}, {model::mem, model::to_millis(plan.mem_mb)}};
}

model::Quantities amounts_of(const mesos::v1::Offer& offer) {
  const auto resources = model::Resources::parse(offer.resources());
  CHECK(resources.has_value());
  return resources->quantities();
}

}  // namespace mesolith::sim
