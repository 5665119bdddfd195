// SPDX-License-Identifier: Apache-2.0
// The agent's side of mesolith/protocol.proto: registering, staying registered, and what the
// master asks for (mesos-api.md 5.3, 5.4).
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "mesolith/checkpoint.pb.h"
#include "model/ids.hpp"
#include "model/operations.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using protocol::AgentCall;
using protocol::MasterEvent;

constexpr Duration backoff_max = std::chrono::minutes(1);
// A SUBSCRIBE that nobody answers is tried again.
constexpr Duration subscribe_timeout = std::chrono::seconds(15);
constexpr uint32_t protocol_version = 1;

Duration random_up_to(State& state, Duration most) {
  return Duration(static_cast<int64_t>(static_cast<double>(most.count()) * state.rng.uniform()));
}

void list_framework(const State& state, const Framework& framework,
                    AgentCall::Subscribe& subscribe) {
  *subscribe.add_frameworks() = framework.info;
  for (const auto& [executor_id, executor] : framework.executors) {
    if (!executor.is_command() && executor.phase != Executor::Phase::terminated) {
      *subscribe.add_executors() = executor.info;
    }
    for (const auto& [task_id, task] : executor.tasks) {
      *subscribe.add_tasks() = to_proto(framework, executor, task, state.id);
    }
  }
}

void add_capabilities(AgentCall::Subscribe& subscribe) {
  using Capability = mesos::v1::AgentInfo::Capability;
  for (const auto type : {Capability::MULTI_ROLE, Capability::HIERARCHICAL_ROLE,
                          Capability::RESERVATION_REFINEMENT, Capability::RESOURCE_PROVIDER,
                          Capability::RESIZE_VOLUME, Capability::AGENT_OPERATION_FEEDBACK,
                          Capability::AGENT_DRAINING, Capability::TASK_RESOURCE_LIMITS}) {
    subscribe.add_capabilities()->set_type(type);
  }
}

void disconnect(State& state) {
  state.registered = false;
  state.subscribing = false;
  state.ping_deadline = never;
}

void reconcile(Context& context, const MasterEvent::Subscribed::Reconcile& reconcile) {
  State& state = context.state;
  const FrameworkId framework_id = model::id_of(reconcile.framework_id());
  Framework* framework = find_framework(state, framework_id);
  for (const auto& task_id : reconcile.task_ids()) {
    const TaskKey key{framework_id, model::id_of(task_id)};
    if (state.updates.contains(key)) continue;
    if (framework && framework->tasks.contains(key.second)) continue;
    mesos::v1::TaskStatus status = make_status(
        context, key.second, ExecutorId(), dropped(framework), mesos::v1::TaskStatus::SOURCE_AGENT,
        "Reconciliation: task unknown to the agent");
    status.set_reason(mesos::v1::TaskStatus::REASON_RECONCILIATION);
    report(context, key, framework && framework->checkpoint, std::move(status));
  }
}

void on_subscribed(Context& context, const MasterEvent::Subscribed& subscribed) {
  State& state = context.state;
  const AgentId id = model::id_of(subscribed.agent_id());
  if (!state.id.empty() && state.id != id) {
    stop(context, 1, "the master knows this agent as " + id.value + ", not as " + state.id.value);
    return;
  }
  if (state.id.empty()) {
    state.id = id;
    *state.info.mutable_id() = subscribed.agent_id();
    checkpoint::Agent record;
    *record.mutable_info() = state.info;
    put(context, "agent", record);
  }
  state.registered = true;
  state.subscribing = false;
  state.subscribe_at = never;
  state.backoff = state.options.registration_backoff_factor;
  state.master_info = subscribed.master_info();
  state.ping_timeout_total =
      seconds_or(subscribed.ping_timeout_total_seconds(), std::chrono::seconds(75));
  state.ping_deadline = saturating_add(context.now, state.ping_timeout_total);
  log::info("registered with master {} as {}", subscribed.master_info().id(), id.value);
  for (AgentCall& exited : std::exchange(state.exits_to_tell, {})) send(context, std::move(exited));
  flush_updates(context);
  flush_operations(context);
  for (const auto& each : subscribed.reconcile()) reconcile(context, each);
  for (const auto& each : subscribed.unknown_operations()) {
    if (state.operations.contains(each.uuid())) continue;
    drop_operation(context, each, "Reconciliation: operation unknown to the agent");
  }
  set_drain(context, subscribed.has_drain() ? &subscribed.drain() : nullptr);
}

void on_launch(Context& context, const MasterEvent::Launch& event) {
  for (int i = 0; i < event.tasks_size(); ++i) {
    const std::optional<bool> belief =
        i < event.launch_executor_size() ? std::optional(event.launch_executor(i)) : std::nullopt;
    launch(context, event.framework(), event.tasks(i), belief);
  }
}

void on_message(Context& context, const MasterEvent::Message& message) {
  State& state = context.state;
  Framework* framework = find_framework(state, model::id_of(message.framework_id()));
  Executor* executor =
      framework ? find_executor(*framework, model::id_of(message.executor_id())) : nullptr;
  if (!executor || !executor->is_custom() || executor->stream == 0) {
    count(state, "slave/invalid_framework_messages");
    return;
  }
  count(state, "slave/valid_framework_messages");
  mesos::v1::executor::Event event;
  event.set_type(mesos::v1::executor::Event::MESSAGE);
  event.mutable_message()->set_data(message.data());
  send(context, *executor, std::move(event));
}

void on_shutdown_executor(Context& context, const MasterEvent::ShutdownExecutor& event) {
  Framework* framework = find_framework(context.state, model::id_of(event.framework_id()));
  Executor* executor =
      framework ? find_executor(*framework, model::id_of(event.executor_id())) : nullptr;
  if (executor) shut_down_executor(context, *framework, *executor);
}

void on_update_framework(Context& context, const mesos::v1::FrameworkInfo& info) {
  Framework* framework = find_framework(context.state, model::id_of(info.id()));
  if (!framework) return;
  set_info(*framework, info);
  if (framework->checkpoint) put_framework(context, *framework);
}

void on_ping(Context& context) {
  State& state = context.state;
  state.ping_deadline = saturating_add(context.now, state.ping_timeout_total);
  AgentCall call;
  call.set_type(AgentCall::PONG);
  send(context, std::move(call));
}

}  // namespace

void subscribe(Context& context) {
  State& state = context.state;
  disconnect(state);
  state.exits_to_tell.clear();  // what has ended is not listed
  state.subscribing = true;
  ++state.connection;
  state.subscribe_at = saturating_add(context.now, subscribe_timeout);
  AgentCall call;
  call.set_type(AgentCall::SUBSCRIBE);
  if (!state.id.empty()) *call.mutable_agent_id() = model::to_proto(state.id);
  auto* subscribe = call.mutable_subscribe();
  subscribe->set_protocol_version(protocol_version);
  *subscribe->mutable_agent_info() = state.info;
  subscribe->set_version(state.options.version);
  add_capabilities(*subscribe);
  subscribe->set_ip(state.options.ip);
  subscribe->set_process_id("slave(1)@" + state.options.ip + ":" +
                            std::to_string(state.info.port()));
  for (const auto& [id, framework] : state.frameworks) {
    // One that a master has ended is no other master's either, though its tasks still die.
    if (!framework.terminating) list_framework(state, framework, *subscribe);
  }
  if (!model::converted(state.total).empty()) {
    state.total.append_to(subscribe->mutable_total_resources(),
                          model::Format::post_reservation_refinement);
  }
  for (const auto& [uuid, operation] : state.operations) {
    *subscribe->add_operations() = operation.info;
  }
  for (const Framework& framework : state.completed_frameworks) {
    *subscribe->add_completed_frameworks() = model::to_proto(framework.id);
  }
  context.effects.push_back(SubscribeToMaster{state.connection, std::move(call)});
}

void send(Context& context, AgentCall call) {
  State& state = context.state;
  if (!state.registered) return;
  *call.mutable_agent_id() = model::to_proto(state.id);
  context.effects.push_back(SendToMaster{std::move(call)});
}

void on_detected(Context& context) {
  State& state = context.state;
  if (state.stopping) return;
  disconnect(state);
  ++state.connection;  // whatever the old connection still says is ignored
  state.backoff = state.options.registration_backoff_factor;
  state.subscribe_at = saturating_add(context.now, random_up_to(state, state.backoff));
}

void on_disconnected(Context& context, uint64_t connection) {
  State& state = context.state;
  if (connection != state.connection || state.stopping) return;
  if (!state.registered) state.backoff = std::min(state.backoff * 2, backoff_max);
  disconnect(state);
  state.subscribe_at = saturating_add(context.now, random_up_to(state, state.backoff));
}

void on_master_event(Context& context, const MasterEventReceived& received) {
  State& state = context.state;
  if (received.connection != state.connection) return;
  const MasterEvent& event = received.event;
  if (event.type() == MasterEvent::SHUTDOWN) {
    stop(context, 0,
         event.shutdown().message().empty() ? "the master shut this agent down"
                                            : event.shutdown().message());
    return;
  }
  if (event.type() == MasterEvent::SUBSCRIBED) {
    if (!state.stopping) on_subscribed(context, event.subscribed());
    return;
  }
  if (!state.registered) return;
  switch (event.type()) {
    case MasterEvent::PING:
      return on_ping(context);
    case MasterEvent::LAUNCH:
      return on_launch(context, event.launch());
    case MasterEvent::LAUNCH_GROUP:
      return launch_group(context, event.launch_group());
    case MasterEvent::APPLY_OPERATION:
      return apply_operation(context, event.apply_operation());
    case MasterEvent::ACKNOWLEDGE_OPERATION:
      return acknowledge_operation(context, event.acknowledge_operation());
    case MasterEvent::KILL:
      return kill(context, event.kill());
    case MasterEvent::ACKNOWLEDGE:
      return acknowledge(context,
                         {model::id_of(event.acknowledge().framework_id()),
                          model::id_of(event.acknowledge().task_id())},
                         event.acknowledge().uuid());
    case MasterEvent::MESSAGE:
      return on_message(context, event.message());
    case MasterEvent::SHUTDOWN_EXECUTOR:
      return on_shutdown_executor(context, event.shutdown_executor());
    case MasterEvent::SHUTDOWN_FRAMEWORK:
      return shut_down_framework(context, model::id_of(event.shutdown_framework().framework_id()));
    case MasterEvent::DRAIN:
      return set_drain(context, event.drain().has_config() ? &event.drain().config() : nullptr);
    case MasterEvent::UPDATE_FRAMEWORK:
      return on_update_framework(context, event.update_framework().framework());
    default:
      log::warning("the master sent an event that this agent does not know");
  }
}

}  // namespace mesolith::agent
