// SPDX-License-Identifier: Apache-2.0
// ACCEPT: which offers, in the original's order of checks (mesos-api.md 1.7), then one operation
// after another against what is left of them.
#include <fmt/format.h>

#include "master/core/converter.hpp"
#include "master/core/internal.hpp"
#include "master/core/launch.hpp"
#include "model/operations.hpp"
#include "model/task_state.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::TaskStatus;
using Operation = mesos::v1::Offer::Operation;

// Why these offers cannot be accepted together; nothing when they can.
std::optional<std::string> problem_of(const State& state, const Framework& framework,
                                      const SchedulerCall::Accept& accept) {
  if (accept.offer_ids().empty()) return "No offers specified";
  std::set<std::string> seen;
  for (const auto& id : accept.offer_ids()) {
    if (!seen.insert(id.value()).second) {
      return fmt::format("Duplicate offer {} in offer list", id.value());
    }
  }
  const Offer* first = nullptr;
  for (const auto& id : accept.offer_ids()) {
    const auto found = state.offers.find(OfferId(id.value()));
    if (found == state.offers.end()) return fmt::format("Offer {} is no longer valid", id.value());
    const Offer& offer = found->second;
    if (offer.framework_id != framework.id) {
      return fmt::format("Offer {} has invalid framework {} while framework {} is expected",
                         id.value(), offer.framework_id.value, framework.id.value);
    }
    if (!first) first = &offer;
    if (offer.role != first->role) {
      return fmt::format(
          "Aggregated offers must be allocated to the same role. Offer {} uses role "
          "{} but another is using role {}",
          id.value(), offer.role, first->role);
    }
    if (offer.agent_id != first->agent_id) {
      return fmt::format(
          "Aggregated offers must belong to one single agent. Offer {} uses agent "
          "{} and agent {}",
          id.value(), offer.agent_id.value, first->agent_id.value);
    }
  }
  return std::nullopt;
}

template <class Fn>
void for_each_task(const SchedulerCall::Accept& accept, Fn fn) {
  for (const Operation& operation : accept.operations()) {
    for (const auto& task : operation.launch().task_infos()) fn(task);
    for (const auto& task : operation.launch_group().task_group().tasks()) fn(task);
  }
}

// Nothing of this ACCEPT can be launched.
void refuse_all(Turn turn, Framework& framework, const SchedulerCall::Accept& accept,
                TaskStatus::Reason reason, const std::string& message) {
  const auto state = model::told_state(mesos::v1::TASK_DROPPED, framework.partition_aware);
  for_each_task(accept, [&](const mesos::v1::TaskInfo& task) {
    TaskStatus status = make_status(turn, TaskId(task.task_id().value()), state, reason, message);
    *status.mutable_agent_id() = task.agent_id();
    count(turn.state, fmt::format("tasks_{}", state == mesos::v1::TASK_LOST ? "lost" : "dropped"));
    send_status(turn, framework, std::move(status));
  });
  for (const Operation& operation : accept.operations()) {
    if (model::converts(operation)) drop_operation(turn, framework, nullptr, operation, message);
  }
}

void return_offers(Turn turn, const Framework& framework, const SchedulerCall::Accept& accept) {
  for (const auto& id : accept.offer_ids()) {
    const auto found = turn.state.offers.find(OfferId(id.value()));
    // Another framework's offer stays with its owner.
    if (found == turn.state.offers.end() || found->second.framework_id != framework.id) continue;
    retract(turn, OfferId(id.value()));
  }
}

}  // namespace

void accept(Turn turn, Framework& framework, const SchedulerCall& call) {
  State& state = turn.state;
  const SchedulerCall::Accept& accept = call.accept();
  count(state, "messages_launch_tasks");
  if (const auto problem = problem_of(state, framework, accept)) {
    return_offers(turn, framework, accept);
    return refuse_all(turn, framework, accept, TaskStatus::REASON_INVALID_OFFERS,
                      "Task launched with invalid offers: " + *problem);
  }
  Launcher launcher(turn, framework);
  AgentId agent_id;
  for (const auto& id : accept.offer_ids()) {
    const Offer offer = take_offer(state, OfferId(id.value()));
    ++framework.counters.offers_accepted;
    launcher.role = offer.role;
    launcher.left += offer.resources;
    agent_id = offer.agent_id;
  }
  Agent& agent = state.agents.at(agent_id);
  Converter converter(turn, framework, agent, launcher.role, launcher.left);
  if (!agent.connected) {
    state.allocator.recover(turn.now, framework.id, agent.id, launcher.left, {});
    return refuse_all(turn, framework, accept, TaskStatus::REASON_AGENT_DISCONNECTED,
                      "Agent disconnected");
  }
  for (const Operation& operation : accept.operations()) {
    if (operation.type() == Operation::LAUNCH) {
      launcher.launch(agent, operation);
    } else if (operation.type() == Operation::LAUNCH_GROUP) {
      launcher.launch_group(agent, operation);
    } else {
      launcher.send(agent);  // what comes first in the ACCEPT comes first to the agent
      converter.apply(operation);
    }
  }
  launcher.send(agent);
  converter.return_left(refusal(accept.filters()));
}

}  // namespace mesolith::master
