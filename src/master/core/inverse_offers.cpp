// SPDX-License-Identifier: Apache-2.0
// Inverse offers (mesos-api.md 7.6): a framework that has something on an agent whose machine will
// be under maintenance is asked to leave. One is outstanding per framework and agent; it comes
// again after its answer, once the answer's filter has ended.
#include "master/core/operator_calls.hpp"
#include "master/core/snapshot.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::allocator::InverseOfferStatus;

std::set<FrameworkId> present_on(const State& state, const Agent& agent) {
  std::set<FrameworkId> frameworks;
  for (const auto& [id, used] : agent.used) frameworks.insert(id);
  for (const OfferId& id : agent.offers) frameworks.insert(state.offers.at(id).framework_id);
  return frameworks;
}

void set_filter(State& state, const AgentId& agent_id, const FrameworkId& framework_id,
                InverseOffer& inverse, Time until) {
  state.inverse_filters.erase({inverse.filtered_until, agent_id, framework_id});
  inverse.filtered_until = until;
  if (until != Time{}) state.inverse_filters.insert({until, agent_id, framework_id});
}

void answered(Turn turn, Framework& framework, const OfferId& id, InverseOfferStatus::Status how,
              Duration refuse) {
  State& state = turn.state;
  const auto found = state.inverse_offers.find(id);
  if (found == state.inverse_offers.end() || found->second.first != framework.id) return;
  const AgentId agent_id = found->second.second;
  InverseOffer& inverse = state.agents.at(agent_id).inverse_offers.at(framework.id);
  state.inverse_offers.erase(found);
  inverse.outstanding = OfferId();
  InverseOfferStatus& status = inverse.status.emplace();
  status.set_status(how);
  status.mutable_framework_id()->set_value(framework.id.value);
  status.mutable_timestamp()->set_nanoseconds(turn.now.time_since_epoch().count());
  const Duration lifetime = std::max(refuse, state.options.allocator.allocation_interval);
  set_filter(state, agent_id, framework.id, inverse, saturating_add(turn.now, lifetime));
}

void forget(Turn turn, Agent& agent, const FrameworkId& framework_id, bool tell) {
  State& state = turn.state;
  const auto found = agent.inverse_offers.find(framework_id);
  if (found == agent.inverse_offers.end()) return;
  set_filter(state, agent.id, framework_id, found->second, Time{});
  const OfferId outstanding = found->second.outstanding;
  agent.inverse_offers.erase(found);
  if (outstanding.empty()) return;
  state.inverse_offers.erase(outstanding);
  const auto framework = state.frameworks.find(framework_id);
  if (!tell || framework == state.frameworks.end()) return;
  SchedulerEvent event;
  event.set_type(SchedulerEvent::RESCIND_INVERSE_OFFER);
  event.mutable_rescind_inverse_offer()->mutable_inverse_offer_id()->set_value(outstanding.value);
  send(turn, framework->second, std::move(event));
}

}  // namespace

void make_inverse_offers(Turn turn) {
  State& state = turn.state;
  while (!state.inverse_filters.empty() &&
         std::get<0>(*state.inverse_filters.begin()) <= turn.now) {
    const auto [until, agent_id, framework_id] = *state.inverse_filters.begin();
    set_filter(state, agent_id, framework_id,
               state.agents.at(agent_id).inverse_offers.at(framework_id), Time{});
    state.inverse_offers_due = true;
  }
  if (!std::exchange(state.inverse_offers_due, false)) return;
  std::map<FrameworkId, SchedulerEvent> events;
  for (const AgentId& agent_id : state.unavailable_agents) {
    Agent& agent = state.agents.at(agent_id);
    for (const FrameworkId& framework_id : present_on(state, agent)) {
      const auto framework = state.frameworks.find(framework_id);
      if (framework == state.frameworks.end() || !framework->second.active) continue;
      InverseOffer& inverse = agent.inverse_offers[framework_id];
      if (!inverse.outstanding.empty() || inverse.filtered_until != Time{}) continue;
      const OfferId id(state.master_id + "-O" + std::to_string(state.next_offer++));
      inverse.outstanding = id;
      state.inverse_offers[id] = {framework_id, agent_id};
      *events[framework_id].mutable_inverse_offers()->add_inverse_offers() =
          describe_inverse(agent, framework_id, id);
    }
  }
  for (auto& [id, event] : events) {
    event.set_type(SchedulerEvent::INVERSE_OFFERS);
    send(turn, state.frameworks.at(id), std::move(event));
  }
}

void accept_inverse_offers(Turn turn, Framework& framework, const SchedulerCall& call) {
  for (const auto& id : call.accept_inverse_offers().inverse_offer_ids()) {
    answered(turn, framework, OfferId(id.value()), InverseOfferStatus::ACCEPT,
             refusal(call.accept_inverse_offers().filters()));
  }
}

void decline_inverse_offers(Turn turn, Framework& framework, const SchedulerCall& call) {
  for (const auto& id : call.decline_inverse_offers().inverse_offer_ids()) {
    answered(turn, framework, OfferId(id.value()), InverseOfferStatus::DECLINE,
             refusal(call.decline_inverse_offers().filters()));
  }
}

void drop_inverse_offers(Turn turn, Agent& agent) {
  while (!agent.inverse_offers.empty()) {
    forget(turn, agent, FrameworkId(agent.inverse_offers.begin()->first), true);
  }
}

void drop_inverse_offers(Turn turn, const Framework& framework) {
  for (const AgentId& id : turn.state.unavailable_agents) {
    forget(turn, turn.state.agents.at(id), framework.id, false);
  }
  turn.state.inverse_offers_due = !turn.state.unavailable_agents.empty();
}

void revive_inverse_offers(Turn turn, const Framework& framework) {
  State& state = turn.state;
  for (const AgentId& id : state.unavailable_agents) {
    auto& inverse_offers = state.agents.at(id).inverse_offers;
    const auto found = inverse_offers.find(framework.id);
    if (found == inverse_offers.end()) continue;
    set_filter(state, id, framework.id, found->second, Time{});
    state.inverse_offers_due = true;
  }
}

}  // namespace mesolith::master
