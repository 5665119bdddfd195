// SPDX-License-Identifier: Apache-2.0
// What becomes of an offer. Offers of one agent that are too small by themselves may be held and
// joined: several small tasks that end one after another would otherwise never make room for one
// large task, since whoever has small tasks would take each piece at once.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "frameworks/drf_demo/core/internal.hpp"
#include "model/ids.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

using SchedulerCall = mesos::v1::scheduler::Call;

uint64_t tasks_wanted(const State& state) {
  if (state.phase != Phase::running) return 0;
  if (state.options.tasks == 0) return UINT64_MAX;
  const uint64_t placed = state.counts.launched - state.counts.dropped;
  return state.options.tasks > placed ? state.options.tasks - placed : 0;
}

void decline(const State& state, const std::vector<OfferId>& ids, Effects& effects) {
  if (ids.empty()) return;
  Call effect;
  effect.call.set_type(SchedulerCall::DECLINE);
  auto& decline = *effect.call.mutable_decline();
  for (const OfferId& id : ids) *decline.add_offer_ids() = model::to_proto(id);
  decline.mutable_filters()->set_refuse_seconds(to_seconds(state.options.refuse));
  effects.push_back(std::move(effect));
}

std::string task_id_prefix(std::string name) {
  for (char& letter : name) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                       (letter >= '0' && letter <= '9') || letter == '-' || letter == '.';
    if (!plain) letter = '_';  // an id names a directory
  }
  return name + "_DRFTask_";
}

mesos::v1::TaskInfo make_task(State& state, const AgentId& agent_id,
                              const model::Resources& resources) {
  const Options& options = state.options;
  const double span = to_seconds(options.duration_max - options.duration_min);
  const double seconds = to_seconds(options.duration_min) + state.rng.uniform() * span;
  mesos::v1::TaskInfo task;
  task.set_name(options.name + " task");
  task.mutable_task_id()->set_value(task_id_prefix(options.name) + state.rng.uuid_text());
  *task.mutable_agent_id() = model::to_proto(agent_id);
  resources.append_to(task.mutable_resources(), model::Format::pre_reservation_refinement);
  task.mutable_command()->set_value(fmt::format("sleep {:.3f}", seconds));
  return task;
}

std::vector<OfferId> ids_of(const std::vector<HeldOffer>& offers) {
  std::vector<OfferId> ids;
  ids.reserve(offers.size());
  for (const HeldOffer& offer : offers) ids.push_back(offer.id);
  return ids;
}

void note_launch(State& state, Time now, const mesos::v1::TaskInfo& task, const AgentId& agent_id) {
  state.tasks[model::id_of(task.task_id())] = {agent_id, now};
  ++state.counts.launched;
  add(state.waits, state.rng, now - state.last_launch);
}

// Launches on what is held of one agent, or leaves it held (declined, when nothing is to be held).
void use_agent(State& state, Time now, const AgentId& agent_id, Effects& effects) {
  const auto held = state.held.find(agent_id);
  if (held == state.held.end()) return;
  model::Resources free;
  for (const HeldOffer& offer : held->second) free += offer.resources;
  const uint64_t most = std::min<uint64_t>(tasks_wanted(state), state.options.tasks_per_launch);

  Call accept;
  accept.call.set_type(SchedulerCall::ACCEPT);
  auto& operation = *accept.call.mutable_accept()->add_operations();
  operation.set_type(mesos::v1::Offer::Operation::LAUNCH);
  uint64_t count = 0;
  for (; count < most; ++count) {
    const auto taken = take(free, state.options.task);
    if (!taken) break;
    const mesos::v1::TaskInfo task = make_task(state, agent_id, *taken);
    note_launch(state, now, task, agent_id);
    *operation.mutable_launch()->add_task_infos() = task;
  }
  if (count == 0) {
    if (most > 0 && state.options.hold > Duration::zero()) return;
    decline(state, ids_of(held->second), effects);
    state.held.erase(held);
    return;
  }
  state.last_launch = now;
  for (const HeldOffer& offer : held->second) {
    *accept.call.mutable_accept()->add_offer_ids() = model::to_proto(offer.id);
  }
  // What a full launch leaves over might serve us again at once; what is too small would not.
  const bool full = count == state.options.tasks_per_launch;
  accept.call.mutable_accept()->mutable_filters()->set_refuse_seconds(
      full ? 0.0 : to_seconds(state.options.refuse));
  state.held.erase(held);
  effects.push_back(std::move(accept));
}

// Amounts of cpus and memory that a task may be made of; volumes and what can be revoked are not.
bool usable(const model::Entry& entry) {
  if (entry.type != model::Entry::Type::scalar || entry.indivisible()) return false;
  if (entry.plain()) return true;
  return !entry.revocable() && !entry.shared() && !entry.traits->disk &&
         entry.traits->provider_id.empty();
}

}  // namespace

std::optional<model::Resources> take(model::Resources& free, const model::Quantities& task) {
  model::Resources taken;
  bool fits = true;
  task.for_each([&](const model::Name& name, model::Millis amount) {
    for (const bool reserved : {true, false}) {
      for (const model::Entry& entry : free.entries()) {
        if (entry.name != name || entry.reserved() != reserved || !usable(entry)) continue;
        model::Entry part = entry;
        part.amount = std::min(entry.amount, amount);
        if (part.amount <= 0) continue;
        amount -= part.amount;
        taken += model::Resources::of(std::move(part));
      }
    }
    fits = fits && amount == 0;
  });
  if (!fits) return std::nullopt;
  free -= taken;
  return taken;
}

void on_offers(State& state, Time now, const mesos::v1::scheduler::Event::Offers& offers,
               Effects& effects) {
  std::vector<OfferId> unwanted;
  std::set<AgentId> touched;
  for (const mesos::v1::Offer& offer : offers.offers()) {
    const OfferId id = model::id_of(offer.id());
    auto resources = model::Resources::parse(offer.resources());
    if (!resources || tasks_wanted(state) == 0) {
      unwanted.push_back(id);
      continue;
    }
    const AgentId agent_id = model::id_of(offer.agent_id());
    state.held[agent_id].push_back(
        {id, *std::move(resources), saturating_add(now, state.options.hold)});
    touched.insert(agent_id);
  }
  decline(state, unwanted, effects);
  for (const AgentId& agent_id : touched) use_agent(state, now, agent_id, effects);
}

void on_rescinded(State& state, const OfferId& id) {
  for (auto& [agent_id, offers] : state.held) {
    std::erase_if(offers, [&](const HeldOffer& offer) { return offer.id == id; });
  }
  std::erase_if(state.held, [](const auto& agent) { return agent.second.empty(); });
}

void expire_held_offers(State& state, Time now, Effects& effects) {
  std::vector<OfferId> expired;
  for (auto& [agent_id, offers] : state.held) {
    std::erase_if(offers, [&](const HeldOffer& offer) {
      if (offer.until > now) return false;
      expired.push_back(offer.id);
      return true;
    });
  }
  std::erase_if(state.held, [](const auto& agent) { return agent.second.empty(); });
  decline(state, expired, effects);
}

void release_held_offers(State& state, Effects& effects) {
  std::vector<OfferId> ids;
  for (const auto& [agent_id, offers] : state.held) {
    for (const HeldOffer& offer : offers) ids.push_back(offer.id);
  }
  state.held.clear();
  decline(state, ids, effects);
}

}  // namespace mesolith::frameworks::drf_demo
