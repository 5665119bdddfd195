// SPDX-License-Identifier: Apache-2.0
#include "master/core/converter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "master/core/snapshot.hpp"
#include "model/framework_info.hpp"
#include "model/ids.hpp"
#include "model/validation.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::Offer_Operation;
using Capability = mesos::v1::FrameworkInfo::Capability;

model::validation::Asker asker(const Framework& framework) {
  model::validation::Asker asker;
  if (framework.info.has_principal()) asker.principal = framework.info.principal();
  asker.roles = &framework.roles;
  asker.shared_resources = model::has_capability(framework.info, Capability::SHARED_RESOURCES);
  return asker;
}

bool gives_feedback(const Agent& agent) {
  return std::ranges::any_of(agent.capabilities, [](const auto& one) {
    return one.type() == mesos::v1::AgentInfo::Capability::AGENT_OPERATION_FEEDBACK;
  });
}

// What both have. Amounts of ranges and sets are not split.
model::Resources common_part(const model::Resources& a, const model::Resources& b) {
  model::Resources common;
  for (const model::Entry& one : a.entries()) {
    const model::Resources whole = model::Resources::of(one);
    if (b.contains(whole)) {
      common += whole;
      continue;
    }
    if (one.type != model::Entry::Type::scalar || one.indivisible()) continue;
    for (const model::Entry& other : b.entries()) {
      if (other.same_key(one)) common += model::Resources::of(other);
    }
  }
  return common;
}

}  // namespace

void convert_total(Agent& agent, const model::Conversion& conversion) {
  agent.total -= conversion.from.unallocated();
  agent.total += conversion.to.unallocated();
}

void rescind_offers_of(Turn turn, const Agent& agent, const model::Resources& volumes) {
  for (const OfferId& id : std::set<OfferId>(agent.offers)) {
    const model::Resources offered = turn.state.offers.at(id).resources.unallocated();
    const bool holds = std::ranges::any_of(volumes.entries(), [&](const model::Entry& volume) {
      return offered.contains(model::Resources::of(volume));
    });
    if (holds) rescind(turn, id);
  }
}

void send_operation(Turn turn, const Agent& agent, const FrameworkId* framework_id,
                    const std::string& uuid, Offer_Operation operation) {
  MasterEvent event;
  event.set_type(MasterEvent::APPLY_OPERATION);
  auto& apply = *event.mutable_apply_operation();
  if (framework_id) apply.mutable_framework_id()->set_value(framework_id->value);
  if (!uuid.empty()) apply.set_uuid(uuid);
  *apply.mutable_operation() = std::move(operation);
  send(turn, agent, std::move(event));
}

Result<void> Converter::may_be_tracked(const Offer_Operation& operation) const {
  if (!operation.has_id()) return {};
  if (!gives_feedback(agent_)) {
    return failure(Code::invalid,
                   "Operation requested feedback, but agent " + agent_.id.value +
                       " does not have the required AGENT_OPERATION_FEEDBACK capability");
  }
  TRY_VOID(model::validate_id(operation.id().value()));
  if (turn_.state.operation_ids.contains({framework_.id, operation.id().value()})) {
    return failure(Code::invalid,
                   fmt::format("Operation ID '{}' is in use", operation.id().value()));
  }
  if (agent_.operations.size() >= turn_.state.options.operations_per_agent_max) {
    return failure(Code::invalid,
                   fmt::format("The agent has {} operations that wait for an acknowledgement",
                               agent_.operations.size()));
  }
  return {};
}

Result<model::Conversion> Converter::convert(Offer_Operation& operation) const {
  TRY_VOID(may_be_tracked(operation));
  for (mesos::v1::Resource* resource : model::resources_of(operation)) {
    if (!resource->has_allocation_info()) resource->mutable_allocation_info()->set_role(role_);
    if (auto valid = model::Resources::parse(*resource); !valid) {
      return failure(Code::invalid,
                     "Operation attempted with invalid resources: " + valid.error().message);
    }
  }
  TRY_VOID(model::validation::operation(operation, asker(framework_), agent_.total,
                                        used(agent_).unallocated()));
  TRY(model::Conversion conversion, model::conversion_of(operation));
  if (!left_.contains(conversion.from)) {
    return failure(Code::invalid, fmt::format("{} does not contain {}", left_.describe(),
                                              conversion.from.describe()));
  }
  return conversion;
}

void Converter::apply(Offer_Operation operation) {
  const auto conversion = convert(operation);
  if (!conversion) {
    return drop_operation(turn_, framework_, &agent_, operation, conversion.error().message);
  }
  if (operation.type() == Offer_Operation::DESTROY) {
    rescind_offers_of(turn_, agent_, conversion->from.unallocated().shared());
  }
  turn_.state.allocator.update_allocation(framework_.id, agent_.id, conversion->from,
                                          conversion->to);
  convert_total(agent_, *conversion);
  left_ -= conversion->from;
  made_ -= conversion->from;
  if (model::usable_at_once(operation)) {
    left_ += conversion->to;
    made_ += conversion->to;
  } else {
    turn_.state.allocator.recover(turn_.now, framework_.id, agent_.id, conversion->to, {});
  }
  send(std::move(operation));
}

void Converter::send(Offer_Operation operation) {
  std::string uuid;
  if (operation.has_id()) {
    uuid = turn_.state.rng.uuid_bytes();
    mesos::v1::Operation& tracked = agent_.operations[uuid];
    tracked.mutable_framework_id()->set_value(framework_.id.value);
    tracked.mutable_agent_id()->set_value(agent_.id.value);
    *tracked.mutable_info() = operation;
    tracked.mutable_latest_status()->set_state(mesos::v1::OPERATION_PENDING);
    *tracked.mutable_latest_status()->mutable_operation_id() = operation.id();
    tracked.mutable_latest_status()->mutable_agent_id()->set_value(agent_.id.value);
    tracked.mutable_uuid()->set_value(uuid);
    turn_.state.operation_ids[{framework_.id, operation.id().value()}] = {agent_.id, uuid};
  }
  send_operation(turn_, agent_, &framework_.id, uuid, std::move(operation));
}

void Converter::return_left(Duration refuse) {
  allocator::Allocator& allocator = turn_.state.allocator;
  if (left_.empty()) return;
  if (made_.empty()) {
    return allocator.recover(turn_.now, framework_.id, agent_.id, left_, refuse);
  }
  const model::Resources made = common_part(made_, left_);
  const model::Resources declined = left_ - made;
  if (!made.empty()) allocator.recover(turn_.now, framework_.id, agent_.id, made, {});
  if (!declined.empty()) allocator.recover(turn_.now, framework_.id, agent_.id, declined, refuse);
}

}  // namespace mesolith::master
