// SPDX-License-Identifier: Apache-2.0
// Frameworks: subscription, failover, loss of the connection, removal (mesos-api.md 1.5).
#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "master/core/framework_update.hpp"
#include "master/core/operator_calls.hpp"
#include "model/framework_info.hpp"
#include "model/ids.hpp"

namespace mesolith::master {
namespace {

// Why a subscription is answered with an ERROR event; nothing when it is good.
std::optional<std::string> refusal_of(const State& state, const FrameworkSubscribing& subscribing,
                                      const std::set<std::string>& suppressed) {
  const mesos::v1::FrameworkInfo& info = subscribing.call.subscribe().framework_info();
  if (auto valid = model::validate_framework_info(info); !valid) return valid.error().message;
  if (auto valid = model::validate_suppressed_roles(info, suppressed); !valid) {
    return valid.error().message;
  }
  if (auto valid = validate_roles(state, info); !valid) return valid.error().message;
  if (auto valid = compile_constraints(info, subscribing.call.subscribe().offer_constraints());
      !valid) {
    return valid.error().message;
  }
  if (info.user() == "root" && !state.options.root_submissions) {
    return std::string("User 'root' is not allowed to run frameworks without --root_submissions");
  }
  const FrameworkId id(info.id().value());
  if (is_completed(state, id)) return std::string("Framework has been removed");
  const auto known = state.frameworks.find(id);
  if (known != state.frameworks.end() && known->second.info.principal() != info.principal()) {
    return std::string("Changing framework's principal is not allowed.");
  }
  if (known == state.frameworks.end() && state.frameworks.size() >= state.options.frameworks_max) {
    return fmt::format("The master serves no more than {} frameworks",
                       state.options.frameworks_max);
  }
  return std::nullopt;
}

void refuse(Turn turn, StreamId stream, const std::string& message) {
  SchedulerEvent event;
  event.set_type(SchedulerEvent::ERROR);
  event.mutable_error()->set_message(message);
  turn.effects.push_back(SendToFramework{stream, std::move(event)});
  turn.effects.push_back(CloseStream{stream});
}

void cancel_timers(State& state, Framework& framework) {
  state.heartbeats.erase({framework.next_heartbeat, framework.id});
  state.failovers.erase({framework.failover_deadline, framework.id});
  framework.next_heartbeat = framework.failover_deadline = never;
}

// The stream that spoke for the framework until now is told that another took over.
void fail_over(Turn turn, Framework& framework) {
  for (const OfferId& id : std::set<OfferId>(framework.offers)) retract(turn, id);
  drop_inverse_offers(turn, framework);
  if (!framework.connected) return;
  refuse(turn, framework.stream, "Framework failed over");
  turn.state.framework_streams.erase(framework.stream);
  framework.connected = false;
}

void connect(Turn turn, Framework& framework, const FrameworkSubscribing& subscribing) {
  State& state = turn.state;
  cancel_timers(state, framework);
  framework.connected = framework.active = true;
  framework.recovered = false;
  framework.stream = subscribing.stream;
  framework.stream_uuid = subscribing.stream_uuid;
  state.framework_streams[framework.stream] = framework.id;
  framework.next_heartbeat = saturating_add(turn.now, state.options.heartbeat_interval);
  state.heartbeats.insert({framework.next_heartbeat, framework.id});
  SchedulerEvent event;
  event.set_type(SchedulerEvent::SUBSCRIBED);
  event.mutable_subscribed()->mutable_framework_id()->set_value(framework.id.value);
  event.mutable_subscribed()->set_heartbeat_interval_seconds(
      to_seconds(state.options.heartbeat_interval));
  *event.mutable_subscribed()->mutable_master_info() = state.info;
  send(turn, framework, std::move(event));
  SchedulerEvent heartbeat;
  heartbeat.set_type(SchedulerEvent::HEARTBEAT);
  send(turn, framework, std::move(heartbeat));
  resend_operations(turn, framework);
}

void subscribe_again(Turn turn, Framework& framework, const FrameworkSubscribing& subscribing,
                     const std::set<std::string>& suppressed) {
  fail_over(turn, framework);
  mesos::v1::FrameworkInfo info = subscribing.call.subscribe().framework_info();
  info.set_user(framework.info.user());  // these two never change (1.5)
  info.set_checkpoint(framework.info.checkpoint());
  take_info(framework, info);
  framework.suppressed = suppressed;
  framework.constraints = subscribing.call.subscribe().offer_constraints();
  turn.state.allocator.update_framework(framework.id, framework.roles, traits_of(framework),
                                        suppressed);
  turn.state.allocator.activate_framework(framework.id);
  framework.reregistered = turn.now;
  framework.ever_reregistered = true;
  connect(turn, framework, subscribing);
  tell_agents(turn, framework);
  announce_updated(turn, framework);
}

Framework& add_framework(Turn turn, const FrameworkId& id, const mesos::v1::FrameworkInfo& info,
                         const std::set<std::string>& suppressed,
                         const mesos::v1::scheduler::OfferConstraints& constraints) {
  Framework& framework = turn.state.frameworks[id];
  framework.id = id;
  take_info(framework, info);
  framework.suppressed = suppressed;
  framework.constraints = constraints;
  framework.registered = turn.now;
  turn.state.allocator.add_framework(id, framework.roles, traits_of(framework), suppressed);
  return framework;
}

// The roles a SUPPRESS or REVIVE is about; nothing when one of them is not subscribed.
template <class Named>
std::optional<std::set<std::string>> chosen_roles(const Framework& framework, const Named& named) {
  if (named.empty()) return framework.roles;
  std::set<std::string> roles(named.begin(), named.end());
  for (const std::string& role : roles) {
    if (!framework.roles.contains(role)) return std::nullopt;
  }
  return roles;
}

}  // namespace

Framework* find_framework(State& state, const std::string& id) {
  const auto found = state.frameworks.find(FrameworkId(id));
  return found == state.frameworks.end() ? nullptr : &found->second;
}

std::set<AgentId> agents_of(const Framework& framework) {
  std::set<AgentId> agents;
  for (const auto& [id, used] : framework.used) agents.insert(id);
  for (const auto& [id, executors] : framework.executors) agents.insert(id);
  for (const auto& [id, task] : framework.tasks) {
    agents.insert(AgentId(task.proto.agent_id().value()));
  }
  return agents;
}

bool is_completed(const State& state, const FrameworkId& id) {
  return std::any_of(state.completed_frameworks.begin(), state.completed_frameworks.end(),
                     [&](const CompletedFramework& one) { return one.framework.id == id; });
}

void on(Turn turn, const FrameworkSubscribing& subscribing) {
  State& state = turn.state;
  const auto& subscribe = subscribing.call.subscribe();
  const std::set<std::string> suppressed(subscribe.suppressed_roles().begin(),
                                         subscribe.suppressed_roles().end());
  if (const auto problem = refusal_of(state, subscribing, suppressed)) {
    return refuse(turn, subscribing.stream, *problem);
  }
  FrameworkId id(subscribe.framework_info().id().value());
  count(state, id.empty() ? "messages_register_framework" : "messages_reregister_framework");
  if (Framework* known = find_framework(state, id.value)) {
    return subscribe_again(turn, *known, subscribing, suppressed);
  }
  if (id.empty()) id.value = fmt::format("{}-{:04}", state.master_id, state.next_framework++);
  mesos::v1::FrameworkInfo info = subscribe.framework_info();
  if (!info.has_principal() && !subscribing.principal.empty()) {
    info.set_principal(subscribing.principal);
  }
  Framework& added = add_framework(turn, id, info, suppressed, subscribe.offer_constraints());
  connect(turn, added, subscribing);
  announce_added(turn, added);
}

Framework& add_recovered_framework(Turn turn, const mesos::v1::FrameworkInfo& info) {
  const FrameworkId id(info.id().value());
  Framework& framework = add_framework(turn, id, info, {}, {});
  framework.recovered = true;
  turn.state.allocator.deactivate_framework(id);
  // Its scheduler had no chance yet to find this master, whatever its timeout says.
  const Duration patience =
      std::max(model::failover_timeout_of(info), turn.state.options.agent_reregister_timeout);
  framework.failover_deadline = saturating_add(turn.now, patience);
  turn.state.failovers.insert({framework.failover_deadline, id});
  announce_added(turn, framework);
  return framework;
}

void disconnect_framework(Turn turn, Framework& framework) {
  State& state = turn.state;
  CHECK(framework.connected);
  state.framework_streams.erase(framework.stream);
  framework.connected = framework.active = false;
  for (const OfferId& id : std::set<OfferId>(framework.offers)) retract(turn, id);
  drop_inverse_offers(turn, framework);
  state.allocator.deactivate_framework(framework.id);
  cancel_timers(state, framework);
  framework.failover_deadline =
      saturating_add(turn.now, model::failover_timeout_of(framework.info));
  state.failovers.insert({framework.failover_deadline, framework.id});
  announce_updated(turn, framework);
}

void remove_framework(Turn turn, FrameworkId id) {
  State& state = turn.state;
  Framework& framework = state.frameworks.at(id);
  for (const OfferId& offer : std::set<OfferId>(framework.offers)) retract(turn, offer);
  drop_inverse_offers(turn, framework);
  for (const AgentId& agent_id : agents_of(framework)) {
    MasterEvent event;
    event.set_type(MasterEvent::SHUTDOWN_FRAMEWORK);
    event.mutable_shutdown_framework()->mutable_framework_id()->set_value(id.value);
    send(turn, state.agents.at(agent_id), std::move(event));
  }
  while (!framework.tasks.empty()) {
    const TaskId task_id = framework.tasks.begin()->first;
    end_task(turn, framework, task_id,
             make_status(turn, task_id, mesos::v1::TASK_KILLED,
                         mesos::v1::TaskStatus::REASON_FRAMEWORK_REMOVED,
                         fmt::format("Framework {} removed", id.value)),
             false);
  }
  while (!framework.executors.empty()) {
    const auto first = framework.executors.begin();
    remove_executor(turn, framework, AgentId(first->first),
                    ExecutorId(first->second.begin()->first));
  }
  for (auto& [task_id, task] : framework.unreachable_tasks) {
    framework.completed_tasks.push_back(std::move(task.proto));
  }
  framework.unreachable_tasks.clear();
  forget_operations(turn, framework);
  if (framework.connected) {
    turn.effects.push_back(CloseStream{framework.stream});
    state.framework_streams.erase(framework.stream);
  }
  framework.connected = framework.active = framework.recovered = false;
  framework.unregistered = turn.now;
  cancel_timers(state, framework);
  state.allocator.remove_framework(id);
  announce_removed(turn, framework);
  state.completed_frameworks.push_back({std::move(framework)});
  state.frameworks.erase(id);
  while (state.completed_frameworks.size() > state.options.max_completed_frameworks) {
    state.completed_frameworks.pop_front();
  }
}

void expire_frameworks(Turn turn) {
  auto& failovers = turn.state.failovers;
  while (!failovers.empty() && failovers.begin()->first <= turn.now) {
    const FrameworkId id = failovers.begin()->second;
    remove_framework(turn, id);
  }
}

void send_heartbeats(Turn turn) {
  auto& heartbeats = turn.state.heartbeats;
  while (!heartbeats.empty() && heartbeats.begin()->first <= turn.now) {
    Framework& framework = turn.state.frameworks.at(heartbeats.begin()->second);
    heartbeats.erase(heartbeats.begin());
    framework.next_heartbeat = saturating_add(turn.now, turn.state.options.heartbeat_interval);
    heartbeats.insert({framework.next_heartbeat, framework.id});
    SchedulerEvent event;
    event.set_type(SchedulerEvent::HEARTBEAT);
    send(turn, framework, std::move(event));
  }
}

void suppress(Turn turn, Framework& framework, const SchedulerCall& call) {
  count(turn.state, "messages_suppress_offers");
  const auto roles = chosen_roles(framework, call.suppress().roles());
  if (!roles) return count(turn.state, "dropped_messages");
  framework.suppressed.insert(roles->begin(), roles->end());
  turn.state.allocator.suppress(framework.id, *roles);
}

void revive(Turn turn, Framework& framework, const SchedulerCall& call) {
  count(turn.state, "messages_revive_offers");
  const auto roles = chosen_roles(framework, call.revive().roles());
  if (!roles) return count(turn.state, "dropped_messages");
  for (const std::string& role : *roles) framework.suppressed.erase(role);
  turn.state.allocator.revive(framework.id, *roles);
  revive_inverse_offers(turn, framework);
}

}  // namespace mesolith::master
