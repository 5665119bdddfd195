// SPDX-License-Identifier: Apache-2.0
// What is read from a FrameworkInfo, and UPDATE_FRAMEWORK (mesos-api.md 1.6).
#include "master/core/framework_update.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "google/protobuf/util/message_differencer.h"
#include "master/core/internal.hpp"
#include "model/framework_info.hpp"

namespace mesolith::master {
namespace {

using Capability = mesos::v1::FrameworkInfo::Capability;
using mesos::v1::scheduler::OfferConstraints;

Result<void> prefixed(std::string_view prefix, const Result<void>& result) {
  if (result) return result;
  return failure(Code::invalid, fmt::format("{}{}", prefix, result.error().message));
}

std::string unsupported(std::string_view field, const auto& from, const auto& to) {
  if (from == to) return "";
  return fmt::format(
      "Updating 'FrameworkInfo.{}' is unsupported; attempted to update from '{}' to '{}'", field,
      from, to);
}

Result<void> same_identity(const mesos::v1::FrameworkInfo& now,
                           const mesos::v1::FrameworkInfo& wanted) {
  std::string all;
  for (const std::string& one :
       {unsupported("principal", now.principal(), wanted.principal()),
        unsupported("user", now.user(), wanted.user()),
        unsupported("checkpoint", now.checkpoint(), wanted.checkpoint())}) {
    if (!all.empty() && !one.empty()) all += "; ";
    all += one;
  }
  if (all.empty()) return {};
  return failure(Code::invalid, all);
}

}  // namespace

void take_info(Framework& framework, const mesos::v1::FrameworkInfo& info) {
  framework.info = info;
  framework.info.mutable_id()->set_value(framework.id.value);
  framework.roles = model::roles_of(info);
  framework.partition_aware = model::has_capability(info, Capability::PARTITION_AWARE);
  framework.task_killing = model::has_capability(info, Capability::TASK_KILLING_STATE);
  framework.multi_role = model::has_capability(info, Capability::MULTI_ROLE);
  framework.refinement = model::has_capability(info, Capability::RESERVATION_REFINEMENT);
}

allocator::FrameworkTraits traits_of(const Framework& framework) {
  const mesos::v1::FrameworkInfo& info = framework.info;
  allocator::FrameworkTraits traits;
  traits.gpu_resources = model::has_capability(info, Capability::GPU_RESOURCES);
  traits.revocable_resources = model::has_capability(info, Capability::REVOCABLE_RESOURCES);
  traits.shared_resources = model::has_capability(info, Capability::SHARED_RESOURCES);
  traits.reservation_refinement = model::has_capability(info, Capability::RESERVATION_REFINEMENT);
  traits.multi_role = model::has_capability(info, Capability::MULTI_ROLE);
  traits.region_aware = model::has_capability(info, Capability::REGION_AWARE);
  auto compiled = compile_constraints(info, framework.constraints);
  CHECK(compiled.has_value());
  traits.constraints = *std::move(compiled);
  return traits;
}

Result<void> validate_roles(const State& state, const mesos::v1::FrameworkInfo& info) {
  const auto& allowed = state.options.role_whitelist;
  for (const std::string& role : model::roles_of(info)) {
    if (allowed.empty() || allowed.contains(role)) continue;
    return failure(Code::invalid,
                   fmt::format("Role '{}' is not present in the master's --roles", role));
  }
  return {};
}

Result<CompiledConstraints> compile_constraints(const mesos::v1::FrameworkInfo& info,
                                                const OfferConstraints& constraints) {
  const auto roles = model::roles_of(info);
  // A protobuf map has no order of its own; the first fault must be the same on every run.
  std::set<std::string> names;
  for (const auto& [role, one] : constraints.role_constraints()) names.insert(role);
  CompiledConstraints compiled;
  for (const std::string& role : names) {
    if (!roles.contains(role)) {
      return failure(Code::invalid,
                     fmt::format("Offer constraints are given for the role '{}' which is not "
                                 "contained in the set of roles the framework is subscribed to",
                                 role));
    }
    auto one = model::OfferConstraints::compile(constraints.role_constraints().at(role));
    if (!one) {
      return failure(Code::invalid, fmt::format("Offer constraints for the role '{}' are invalid: "
                                                "{}",
                                                role, one.error().message));
    }
    compiled[role] = std::make_shared<const model::OfferConstraints>(*std::move(one));
  }
  return compiled;
}

Result<void> validate_update(const State& state, const Framework& framework,
                             const SchedulerCall::UpdateFramework& update) {
  const mesos::v1::FrameworkInfo& info = update.framework_info();
  constexpr std::string_view of_info = "'UpdateFramework.framework_info' is not valid: ";
  TRY_VOID(prefixed(of_info, model::validate_framework_info(info)));
  TRY_VOID(prefixed(of_info, validate_roles(state, info)));
  TRY_VOID(prefixed(of_info, same_identity(framework.info, info)));
  const std::set<std::string> suppressed(update.suppressed_roles().begin(),
                                         update.suppressed_roles().end());
  TRY_VOID(prefixed("'UpdateFramework.suppressed_roles' are not valid: ",
                    model::validate_suppressed_roles(info, suppressed)));
  if (auto compiled = compile_constraints(info, update.offer_constraints()); !compiled) {
    return failure(Code::invalid, "'UpdateFramework.offer_constraints' are not valid: " +
                                      compiled.error().message);
  }
  return {};
}

void tell_agents(Turn turn, const Framework& framework) {
  for (const AgentId& id : agents_of(framework)) {
    MasterEvent event;
    event.set_type(MasterEvent::UPDATE_FRAMEWORK);
    *event.mutable_update_framework()->mutable_framework() = framework.info;
    send(turn, turn.state.agents.at(id), std::move(event));
  }
}

void update_framework(Turn turn, Framework& framework, const SchedulerCall& call) {
  State& state = turn.state;
  count(state, "messages_update_framework");
  const auto& update = call.update_framework();
  if (!validate_update(state, framework, update)) return count(state, "dropped_messages");
  const mesos::v1::FrameworkInfo before = framework.info;
  const std::set<std::string> was_suppressed = framework.suppressed;
  take_info(framework, update.framework_info());
  framework.suppressed = {update.suppressed_roles().begin(), update.suppressed_roles().end()};
  framework.constraints = update.offer_constraints();
  for (const OfferId& id : std::set<OfferId>(framework.offers)) {
    if (!framework.roles.contains(state.offers.at(id).role)) rescind(turn, id);
  }
  state.allocator.update_framework(framework.id, framework.roles, traits_of(framework),
                                   framework.suppressed);
  std::set<std::string> revived;
  for (const std::string& role : was_suppressed) {
    if (framework.roles.contains(role) && !framework.suppressed.contains(role)) {
      revived.insert(role);
    }
  }
  if (!revived.empty()) state.allocator.revive(framework.id, revived);
  if (!google::protobuf::util::MessageDifferencer::Equals(before, framework.info)) {
    tell_agents(turn, framework);
    announce_updated(turn, framework);
  }
}

}  // namespace mesolith::master
