// SPDX-License-Identifier: Apache-2.0
#include "master/core/operator_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "master/core/converter.hpp"
#include "master/core/snapshot.hpp"
#include "model/validation.hpp"

namespace mesolith::master {
namespace {

bool holds_one_of(const Offer& offer, const model::Resources& volumes) {
  const model::Resources offered = offer.resources.unallocated();
  return std::ranges::any_of(volumes.entries(), [&](const model::Entry& volume) {
    return offered.contains(model::Resources::of(volume));
  });
}

// Whether some of what is missing is in the offer.
bool helps(const Offer& offer, const model::Resources& missing) {
  return missing - offer.resources.unallocated() != missing;
}

}  // namespace

Result<OperatorPlan> operator_plan(const State& state, const Agent& agent,
                                   const mesos::v1::Offer::Operation& operation) {
  auto valid = model::validation::operation(operation, {}, agent.total, used(agent).unallocated());
  if (!valid) return std::unexpected(valid.error());
  OperatorPlan plan;
  TRY(plan.conversion, model::conversion_of(operation));
  const model::Resources& from = plan.conversion.from;
  model::Resources free = state.allocator.available(agent.id);
  const model::Resources shared =
      operation.type() == mesos::v1::Offer::Operation::DESTROY ? from.shared() : model::Resources();
  for (const OfferId& id : agent.offers) {
    const Offer& offer = state.offers.at(id);
    const bool needed = !free.contains(from) && helps(offer, from - free);
    if (!needed && !holds_one_of(offer, shared)) continue;
    free += offer.resources.unallocated().non_shared();
    plan.rescinded.push_back(id);
  }
  if (free.contains(from)) return plan;
  return failure(Code::conflict,
                 fmt::format("{} does not contain {}", free.describe(), from.describe()));
}

void on(Turn turn, const OperatorConverted& converted) {
  State& state = turn.state;
  const auto found = state.agents.find(converted.agent_id);
  if (found == state.agents.end()) return;
  Agent& agent = found->second;
  const auto plan = operator_plan(state, agent, converted.operation);
  if (!plan) return count(state, "dropped_operations");
  for (const OfferId& id : plan->rescinded) rescind(turn, id);
  state.allocator.update_available(agent.id, plan->conversion.from, plan->conversion.to);
  convert_total(agent, plan->conversion);
  send_operation(turn, agent, nullptr, "", converted.operation);
}

}  // namespace mesolith::master
