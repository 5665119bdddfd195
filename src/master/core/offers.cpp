// SPDX-License-Identifier: Apache-2.0
// Offers: made from grants, taken back, declined (mesos-api.md 1.7, 7.5).
#include <cmath>

#include "base/check.hpp"
#include "master/core/internal.hpp"
#include "master/core/snapshot.hpp"

namespace mesolith::master {
namespace {

constexpr double refuse_seconds_default = 5;
constexpr double refuse_seconds_max = 365.0 * 24 * 3600;

void take_back(Turn turn, const OfferId& id) {
  const Offer offer = take_offer(turn.state, id);
  turn.state.allocator.recover(turn.now, offer.framework_id, offer.agent_id, offer.resources, {});
}

}  // namespace

Duration refusal(const mesos::v1::Filters& filters) {
  double seconds = filters.refuse_seconds();
  if (std::isnan(seconds) || seconds < 0) seconds = refuse_seconds_default;
  return seconds_or(std::fmin(seconds, refuse_seconds_max), {});
}

void make_offers(Turn turn) {
  State& state = turn.state;
  if (!state.allocator.dirty() && state.allocator.next_deadline() > turn.now) return;
  std::map<FrameworkId, SchedulerEvent> events;
  for (allocator::Grant& grant : state.allocator.allocate(turn.now, state.rng)) {
    Framework& framework = state.frameworks.at(grant.framework_id);
    Agent& agent = state.agents.at(grant.agent_id);
    const OfferId id(state.master_id + "-O" + std::to_string(state.next_offer++));
    Offer& offer = state.offers[id];
    offer = {id, framework.id, agent.id, std::move(grant.role), std::move(grant.resources), never};
    if (state.options.offer_timeout) {
      offer.expires = saturating_add(turn.now, *state.options.offer_timeout);
      state.offer_expirations.insert({offer.expires, id});
    }
    framework.offers.insert(id);
    agent.offers.insert(id);
    state.inverse_offers_due = state.inverse_offers_due || agent.unavailability.has_value();
    ++framework.counters.offers_sent;
    *events[framework.id].mutable_offers()->add_offers() = describe(state, offer);
  }
  for (auto& [id, event] : events) {
    event.set_type(SchedulerEvent::OFFERS);
    send(turn, state.frameworks.at(id), std::move(event));
  }
}

Offer take_offer(State& state, const OfferId& id) {
  const auto found = state.offers.find(id);
  CHECK(found != state.offers.end());
  Offer offer = std::move(found->second);
  state.offers.erase(found);
  state.frameworks.at(offer.framework_id).offers.erase(offer.id);
  state.agents.at(offer.agent_id).offers.erase(offer.id);
  if (offer.expires != never) state.offer_expirations.erase({offer.expires, offer.id});
  return offer;
}

void retract(Turn turn, const OfferId& id) {
  take_back(turn, id);
}

void rescind(Turn turn, const OfferId& id) {
  Framework& framework = turn.state.frameworks.at(turn.state.offers.at(id).framework_id);
  SchedulerEvent event;
  event.set_type(SchedulerEvent::RESCIND);
  event.mutable_rescind()->mutable_offer_id()->set_value(id.value);
  ++framework.counters.offers_rescinded;
  take_back(turn, OfferId(id));
  send(turn, framework, std::move(event));
}

void expire_offers(Turn turn) {
  auto& expirations = turn.state.offer_expirations;
  while (!expirations.empty() && expirations.begin()->first <= turn.now) {
    const OfferId id = expirations.begin()->second;
    rescind(turn, id);
  }
}

void decline(Turn turn, Framework& framework, const SchedulerCall& call) {
  State& state = turn.state;
  count(state, "messages_decline_offers");
  const Duration refuse = refusal(call.decline().filters());
  for (const auto& offer_id : call.decline().offer_ids()) {
    const auto found = state.offers.find(OfferId(offer_id.value()));
    // The original lets anybody decline anything; here an offer belongs to its framework.
    if (found == state.offers.end() || found->second.framework_id != framework.id) continue;
    ++framework.counters.offers_declined;
    const Offer offer = take_offer(state, OfferId(offer_id.value()));
    state.allocator.recover(turn.now, framework.id, offer.agent_id, offer.resources, refuse);
  }
}

}  // namespace mesolith::master
