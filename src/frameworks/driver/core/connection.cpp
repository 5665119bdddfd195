// SPDX-License-Identifier: Apache-2.0
// Finding the leading master and staying subscribed to it.
#include <algorithm>

#include "base/check.hpp"
#include "frameworks/driver/core/internal.hpp"

namespace mesolith::frameworks::driver {
namespace {

using mesos::v1::scheduler::Call;

// How long a SUBSCRIBE that nobody waits for any more may stay on its way: about the longest wait
// between two retransmissions of TCP.
constexpr Duration subscribe_lifetime = std::chrono::minutes(2);

void connect(State& state, Time now, Effects& effects) {
  const std::vector<std::string>& masters = state.options.masters;
  state.master = state.redirect ? *state.redirect : masters[state.next_master++ % masters.size()];
  state.redirect.reset();
  state.phase = Phase::connecting;
  state.next_attempt = never;
  Connect effect{state.master, {}};
  effect.subscribe.set_type(Call::SUBSCRIBE);
  auto& subscribe = *effect.subscribe.mutable_subscribe();
  *subscribe.mutable_framework_info() = state.options.info;
  if (!state.framework_id.empty()) {
    subscribe.mutable_framework_info()->mutable_id()->set_value(state.framework_id);
    effect.subscribe.mutable_framework_id()->set_value(state.framework_id);
  }
  for (const std::string& role : state.suppressed) subscribe.add_suppressed_roles(role);
  // An answer that never comes is a lost connection as well.
  state.silent_deadline = saturating_add(now, state.options.backoff_max * 2);
  effects.push_back(std::move(effect));
}

void wait_and_retry(State& state, Time now) {
  state.backoff =
      std::clamp(state.backoff * 2, state.options.backoff_min, state.options.backoff_max);
  const auto jittered = static_cast<int64_t>(static_cast<double>(state.backoff.count()) *
                                             (0.5 + 0.5 * state.rng.uniform()));
  state.phase = Phase::waiting;
  state.next_attempt = saturating_add(now, Duration(jittered));
  state.silent_deadline = never;
}

}  // namespace

void lose(State& state, Time now, const std::string& reason, Effects& effects) {
  const bool subscribed = state.phase == Phase::subscribed;
  wait_and_retry(state, now);
  if (subscribed) effects.push_back(Disconnected{reason});
}

namespace {

// "//host:port/path" names the leader; anything else cannot be followed.
std::optional<std::string> leader_of(const std::string& location) {
  const size_t begin = location.find("//");
  if (begin == std::string::npos) return std::nullopt;
  const size_t end = location.find('/', begin + 2);
  const std::string address =
      location.substr(begin + 2, end == std::string::npos ? end : end - begin - 2);
  if (address.find(':') == std::string::npos) return std::nullopt;
  return address;
}

}  // namespace

State::State(Options given, uint64_t seed) : options(std::move(given)), rng(seed) {
  CHECK(!options.masters.empty());
  framework_id = options.info.id().value();
  was_subscribed = !framework_id.empty();
  suppressed = options.suppressed_roles;
}

void on(State& state, Time now, const Started&, Effects& effects) {
  if (state.phase == Phase::idle) connect(state, now, effects);
}

void on(State& state, Time now, const Opened&, Effects&) {
  if (state.phase != Phase::connecting) return;
  state.phase = Phase::subscribing;
  state.silent_deadline = saturating_add(now, state.options.backoff_max * 2);
}

void on(State& state, Time now, const Refused& refused, Effects& effects) {
  if (state.phase != Phase::connecting) return;
  if (refused.status == 307) {
    state.redirect = leader_of(refused.location);
    if (state.redirect && *state.redirect != state.master) return connect(state, now, effects);
    state.redirect.reset();
  }
  // A 4xx says that the request itself is wrong; asking again would not mend it.
  if (refused.status >= 400 && refused.status < 500) {
    state.phase = Phase::aborted;
    state.silent_deadline = never;
    effects.push_back(Abort{"the master at " + state.master + " refused the subscription with " +
                            std::to_string(refused.status) + ": " + refused.body});
    return;
  }
  wait_and_retry(state, now);
}

void on(State& state, Time now, const Closed& closed, Effects& effects) {
  if (state.phase == Phase::connecting || state.phase == Phase::subscribing ||
      state.phase == Phase::subscribed) {
    lose(state, now, closed.reason, effects);
  }
}

void on(State& state, Time now, const Tick&, Effects& effects) {
  if (state.phase == Phase::waiting && state.next_attempt <= now) connect(state, now, effects);
  if (state.silent_deadline <= now) {
    effects.push_back(Disconnect{});
    if (state.phase != Phase::subscribed) {
      ++state.given_up;
      state.given_up_until = saturating_add(now, subscribe_lifetime);
    }
    lose(state, now, "the master at " + state.master + " was silent for too long", effects);
  }
  if (state.phase != Phase::subscribed) return;
  retry_kills(state, now, effects);
  retry_reconcile(state, now, effects);
}

void step(State& state, Time now, const Event& event, Effects& effects) {
  std::visit([&](const auto& happened) { on(state, now, happened, effects); }, event);
}

Time next_deadline(const State& state) {
  Time next = std::min(state.next_attempt, state.silent_deadline);
  if (state.phase == Phase::subscribed) {
    next = std::min(next, state.next_reconcile);
    for (const auto& [id, kill] : state.kills) next = std::min(next, kill.next);
  }
  return next;
}

}  // namespace mesolith::frameworks::driver
