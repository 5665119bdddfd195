// SPDX-License-Identifier: Apache-2.0
// One event to the file that handles it; what it changed becomes durable at the end.
#include "agent/core/step.hpp"

#include <algorithm>

#include "agent/core/internal.hpp"

namespace mesolith::agent {
namespace {

void on(Context& context, const Recovered& event) {
  on_recovered(context, event);
}
void on(Context& context, const Persisted& event) {
  on_persisted(context, event.ticket);
}
void on(Context& context, const MasterDetected&) {
  on_detected(context);
}
void on(Context& context, const MasterEventReceived& event) {
  on_master_event(context, event);
}
void on(Context& context, const MasterDisconnected& event) {
  on_disconnected(context, event.connection);
}
void on(Context& context, const ExecutorSubscribing& event) {
  on_subscribing(context, event);
}
void on(Context& context, const ExecutorCalled& event) {
  on_called(context, event.call);
}
void on(Context& context, const StreamClosed& event) {
  on_closed(context, event.stream);
}
void on(Context& context, const UrisFetched& event) {
  on_uris_fetched(context, event);
}
void on(Context& context, const ContainerLaunched& event) {
  on_launched(context, event);
}
void on(Context& context, const ContainerLaunchFailed& event) {
  on_launch_failed(context, event);
}
void on(Context& context, const ContainerExited& event) {
  on_exited(context, event);
}
void on(Context& context, const Probed& event) {
  on_probed(context, event);
}
void on(Context& context, const DiskMeasured& event) {
  on_disk_measured(context, event);
}
void on(Context& context, const SandboxesFound& event) {
  on_sandboxes_found(context, event);
}
void on(Context& context, const SandboxesRemoved& event) {
  on_sandboxes_removed(context, event);
}
void on(Context& context, const OperatorStopped&) {
  protocol::AgentCall call;
  call.set_type(protocol::AgentCall::UNREGISTER);
  send(context, std::move(call));
  stop(context, 0, "the operator ended this agent");
}
void on(Context& context, const Tick&) {
  on_tick(context);
}

}  // namespace

State::State(Options given, uint64_t seed, Time now)
    : options(std::move(given)),
      rng(seed),
      started(now),
      info(options.info),
      total(model::Resources::parse(options.info.resources()).value_or(model::Resources())),
      backoff(options.registration_backoff_factor) {}

void step(State& state, Time now, const Event& event, Effects& effects) {
  if (state.exited) return;
  if (!state.recovered && !std::holds_alternative<Recovered>(event) &&
      !std::holds_alternative<MasterDetected>(event)) {
    return;
  }
  Context context{state, now, effects};
  std::visit([&](const auto& each) { on(context, each); }, event);
  flush(context);
  if (state.stopping && state.frameworks.empty()) {
    state.exited = true;
    effects.push_back(Exit{state.exit_code, state.stop_message});
  }
}

Time next_deadline(const State& state, Time now) {
  if (!state.recovered || state.exited) return never;
  Time next = std::min({state.subscribe_at, state.ping_deadline, garbage_deadline(state)});
  if (!state.timers.empty()) next = std::min(next, std::get<0>(*state.timers.begin()));
  if (!state.retries.empty()) next = std::min(next, state.retries.begin()->first);
  if (!state.operation_retries.empty()) {
    next = std::min(next, state.operation_retries.begin()->first);
  }
  return next == never ? never : std::max(next, now);
}

const char* name_of(Executor::Phase phase) {
  switch (phase) {
    case Executor::Phase::registering:
      return "registering";
    case Executor::Phase::running:
      return "running";
    case Executor::Phase::terminating:
      return "terminating";
    case Executor::Phase::terminated:
      break;
  }
  return "terminated";
}

}  // namespace mesolith::agent
