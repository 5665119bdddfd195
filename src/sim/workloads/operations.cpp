// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/operations.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "model/resources.hpp"

namespace mesolith::sim {
namespace {

using mesos::v1::Resource;
using mesos::v1::scheduler::Call;
using Operation = mesos::v1::Offer::Operation;

constexpr double volume_mb = 64, growth_mb = 8;

bool reserved(const Resource& resource) {
  return !resource.reservations().empty() || resource.has_reservation();
}

class Adder {
 public:
  Adder(Rng& rng, std::string role, std::string prefix, model::Quantities& left, Call& accept)
      : rng_(rng),
        role_(std::move(role)),
        prefix_(std::move(prefix)),
        left_(left),
        accept_(accept) {}

  void look_at(const Resource& resource) {
    if (resource.type() != mesos::v1::Value::SCALAR) return;
    if (resource.disk().has_persistence()) return volume(resource);
    if (reserved(resource)) return reservation(resource);
    const double amount = resource.name() == "disk" ? volume_mb : 0.3;
    if (resource.name() == "mem" || resource.scalar().value() < amount || !rng_.chance(0.3)) return;
    Resource part = resource;
    part.mutable_scalar()->set_value(amount);
    part.clear_role();
    auto& made = *part.add_reservations();
    made.set_type(Resource::ReservationInfo::DYNAMIC);
    made.set_role(role_);
    *add(Operation::RESERVE).mutable_reserve()->add_resources() = part;
    left_.add(resource.name(), -model::to_millis(amount));
  }

 private:
  Operation& add(Operation::Type type) {
    Operation& operation = *accept_.mutable_accept()->add_operations();
    operation.set_type(type);
    if (rng_.chance(0.4))
      operation.mutable_id()->set_value(fmt::format("{}.{}", prefix_, ++count_));
    return operation;
  }

  void reservation(const Resource& resource) {
    if (resource.name() == "disk" && resource.scalar().value() >= volume_mb && rng_.chance(0.5)) {
      Resource made = resource;
      made.mutable_scalar()->set_value(volume_mb);
      auto& disk = *made.mutable_disk();
      disk.mutable_persistence()->set_id(fmt::format("v{}", rng_.below(3)));
      disk.mutable_volume()->set_mode(mesos::v1::Volume::RW);
      disk.mutable_volume()->set_container_path("data");
      *add(Operation::CREATE).mutable_create()->add_volumes() = made;
    } else if (rng_.chance(0.3)) {
      *add(Operation::UNRESERVE).mutable_unreserve()->add_resources() = resource;
    }
  }

  void volume(const Resource& resource) {
    if (rng_.chance(0.2)) {
      *add(Operation::DESTROY).mutable_destroy()->add_volumes() = resource;
    } else if (rng_.chance(0.2)) {
      auto& shrink = *add(Operation::SHRINK_VOLUME).mutable_shrink_volume();
      *shrink.mutable_volume() = resource;
      shrink.mutable_subtract()->set_value(growth_mb);
    } else if (rng_.chance(0.2)) {
      auto& grow = *add(Operation::GROW_VOLUME).mutable_grow_volume();
      *grow.mutable_volume() = resource;
      *grow.mutable_addition() = resource;
      grow.mutable_addition()->mutable_scalar()->set_value(growth_mb);
      grow.mutable_addition()->clear_disk();
    }
  }

  Rng& rng_;
  std::string role_, prefix_;
  model::Quantities& left_;
  Call& accept_;
  int count_ = 0;
};

}  // namespace

void add_operations(Rng& rng, const mesos::v1::Offer& offer, const std::string& role,
                    const std::string& prefix, model::Quantities& left, Call& accept) {
  Adder adder(rng, role, prefix, left, accept);
  for (const Resource& resource : offer.resources()) adder.look_at(resource);
}

void use_volume(Rng& rng, const mesos::v1::Offer& offer, mesos::v1::TaskInfo& task) {
  for (const Resource& resource : offer.resources()) {
    if (!resource.disk().has_persistence() || !rng.chance(0.4)) continue;
    *task.add_resources() = resource;
    return;
  }
}

model::Quantities unreserved_of(const mesos::v1::Offer& offer) {
  const auto resources = model::Resources::parse(offer.resources());
  CHECK(resources.has_value());
  return resources->unreserved().quantities();
}

Call make_operation_acknowledgement(const mesos::v1::OperationStatus& status) {
  Call call;
  call.set_type(Call::ACKNOWLEDGE_OPERATION_STATUS);
  auto& acknowledged = *call.mutable_acknowledge_operation_status();
  *acknowledged.mutable_agent_id() = status.agent_id();
  acknowledged.set_uuid(status.uuid().value());
  *acknowledged.mutable_operation_id() = status.operation_id();
  return call;
}

}  // namespace mesolith::sim
