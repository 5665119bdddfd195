// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/tasks.hpp"

#include "base/check.hpp"

namespace mesolith::sim {

using mesos::v1::scheduler::Call;

mesos::v1::TaskInfo make_task(const mesos::v1::Offer& offer, const std::string& id,
                              const model::Quantities& size, const Program& program) {
  mesos::v1::TaskInfo task;
  task.set_name(id);
  task.mutable_task_id()->set_value(id);
  *task.mutable_agent_id() = offer.agent_id();
  task.mutable_command()->set_value(command_of(program));
  // Only frameworks with MULTI_ROLE are told the role.
  model::Resources resources = model::Resources::of(size);
  if (offer.has_allocation_info()) {
    resources = resources.allocated_to(offer.allocation_info().role());
  }
  resources.append_to(task.mutable_resources(), model::Format::post_reservation_refinement);
  return task;
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
  if (operations.empty()) operations.Add()->set_type(mesos::v1::Offer::Operation::LAUNCH);
  *operations.Mutable(0)->mutable_launch()->add_task_infos() = std::move(task);
}

Call make_decline(const mesos::v1::Offer& offer, double refuse_seconds) {
  Call call;
  call.set_type(Call::DECLINE);
  *call.mutable_decline()->add_offer_ids() = offer.id();
  call.mutable_decline()->mutable_filters()->set_refuse_seconds(refuse_seconds);
  return call;
}

model::Quantities amounts_of(const mesos::v1::Offer& offer) {
  const auto resources = model::Resources::parse(offer.resources());
  CHECK(resources.has_value());
  return resources->quantities();
}

}  // namespace mesolith::sim
