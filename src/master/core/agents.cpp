// SPDX-License-Identifier: Apache-2.0
// Agents: admission through the registry, connection, return with their tasks (mesos-api.md 5.3).
// An agent hears SUBSCRIBED only once its admission is durable.
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "base/check.hpp"
#include "master/core/operator_calls.hpp"
#include "model/ids.hpp"
#include "model/operations.hpp"
#include "model/task_state.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::TaskStatus;
using Subscribe = AgentCall::Subscribe;

constexpr uint32_t protocol_version = 1;

void shut_down(Turn turn, StreamId stream, const std::string& message) {
  MasterEvent event;
  event.set_type(MasterEvent::SHUTDOWN);
  event.mutable_shutdown()->set_message(message);
  turn.effects.push_back(SendToAgent{stream, std::move(event)});
  turn.effects.push_back(CloseStream{stream});
}

// The admission under way for the same agent, or for the same address when it has no id yet.
PendingAdmission* pending_admission(State& state, const AgentSubscribing& subscribing) {
  const Subscribe& subscribe = subscribing.call.subscribe();
  for (auto& [ticket, pending] : state.pending) {
    auto* admission = std::get_if<PendingAdmission>(&pending);
    if (!admission) continue;
    const Subscribe& other = admission->subscribing.call.subscribe();
    const std::string& id = subscribe.agent_info().id().value();
    const bool same_place = admission->first_time && !subscribe.process_id().empty() &&
                            other.process_id() == subscribe.process_id();
    if (id.empty() ? same_place : admission->agent_id.value == id) return admission;
  }
  return nullptr;
}

void admit(Turn turn, AgentSubscribing subscribing, const AgentId& id, bool new_id) {
  Persist change;
  registry::Agent& record = change.agents.emplace_back();
  *record.mutable_info() = subscribing.call.subscribe().agent_info();
  record.mutable_info()->mutable_id()->set_value(id.value);
  record.set_standing(registry::Agent::ADMITTED);
  keep_deactivation(turn.state, record);
  if (new_id) change.master = turn.state.record;
  *subscribing.call.mutable_subscribe()->mutable_agent_info() = record.info();
  persist(turn, std::move(change), PendingAdmission{std::move(subscribing), id, new_id});
}

void admit_new(Turn turn, const AgentSubscribing& subscribing) {
  State& state = turn.state;
  count(state, "messages_register_slave");
  // An agent without an id at the address of a known one: that one is no more.
  const std::string& process_id = subscribing.call.subscribe().process_id();
  const auto same = std::find_if(state.agents.begin(), state.agents.end(), [&](const auto& entry) {
    return !process_id.empty() && entry.second.process_id == process_id;
  });
  if (same != state.agents.end()) {
    count(state, "slave_removals/reason_registered");
    remove_agent(turn, AgentId(same->first), "a new agent registered at the same address");
  }
  if (state.agents.size() >= state.options.agents_max) {
    return shut_down(turn, subscribing.stream, "The master serves no more agents");
  }
  const uint64_t number = state.record.agents_admitted();
  state.record.set_agents_admitted(number + 1);
  admit(turn, subscribing, AgentId(fmt::format("{}-S{}", state.master_id, number)), true);
}

// What the agent's tasks and executors hold, by framework, into both indexes.
void recount_use(State& state, Agent& agent) {
  for (auto& [framework_id, resources] : agent.used) {
    const auto framework = state.frameworks.find(framework_id);
    if (framework != state.frameworks.end()) framework->second.used.erase(agent.id);
  }
  agent.used.clear();
  for (const auto& [framework_id, task_id] : agent.tasks) {
    Framework& framework = state.frameworks.at(framework_id);
    Task& task = framework.tasks.at(task_id);
    // Of an operation that never reached the agent; nor did the task, whose end is to be told.
    if (!agent.total.contains(model::converted(task.resources).unallocated())) {
      task.holds_resources = false;
    }
    if (task.holds_resources) hold(framework, agent, task.resources);
  }
  for (auto& [id, framework] : state.frameworks) {
    const auto executors = framework.executors.find(agent.id);
    if (executors == framework.executors.end()) continue;
    for (const auto& [executor_id, executor] : executors->second) {
      const auto own = model::Resources::parse(executor.resources());
      if (own && !own->empty()) hold(framework, agent, *own);
    }
  }
}

// A task that this master did not hold: as its agent describes it.
void adopt_task(Framework& framework, const Agent& agent, Task& task,
                const mesos::v1::Task& listed) {
  task.proto = listed;
  *task.proto.mutable_agent_id() = model::to_proto(agent.id);  // whatever the list says
  const auto executors = framework.executors.find(agent.id);
  task.command = executors == framework.executors.end() ||
                 !executors->second.contains(ExecutorId(listed.executor_id().value()));
  if (task.command && listed.executor_id().value() == listed.task_id().value()) {
    task.proto.clear_executor_id();
  }
  task.resources = model::Resources::parse(listed.resources()).value_or(model::Resources());
  task.role = task.resources.allocation_role();
  // The acknowledgement of its end did not reach the agent: it will come again.
  std::erase_if(framework.completed_tasks, [&](const mesos::v1::Task& completed) {
    return completed.task_id().value() == listed.task_id().value() &&
           completed.agent_id().value() == listed.agent_id().value();
  });
}

// The list left the agent before the task ended, and was overtaken by a later connection.
bool is_overtaken(const Framework& framework, const mesos::v1::Task& listed) {
  if (model::is_terminal(listed.state())) return false;
  const auto& completed = framework.completed_tasks;
  const auto last = std::find_if(completed.rbegin(), completed.rend(), [&](const auto& task) {
    return task.task_id().value() == listed.task_id().value() &&
           task.agent_id().value() == listed.agent_id().value();
  });
  if (last == completed.rend()) return false;
  switch (last->state()) {
    case mesos::v1::TASK_FINISHED:
    case mesos::v1::TASK_FAILED:
    case mesos::v1::TASK_KILLED:
    case mesos::v1::TASK_ERROR:
      return true;
    default:  // the others may yet turn out to run
      return false;
  }
}

void restore_task(Turn turn, Framework& framework, Agent& agent, const mesos::v1::Task& listed) {
  const TaskId id(listed.task_id().value());
  if (!framework.tasks.contains(id) && is_overtaken(framework, listed)) return;
  if (const Task* other = find_task(framework, id);
      other && other->proto.agent_id().value() != agent.id.value) {
    agent.pending_kills[{framework.id, id}] = std::nullopt;  // its name was given away meanwhile
    return;
  }
  bool was_unreachable = false;
  if (const auto lost = framework.unreachable_tasks.find(id);
      lost != framework.unreachable_tasks.end()) {
    framework.unreachable_tasks.erase(lost);
    std::erase(framework.unreachable_order, id);
    was_unreachable = true;
  }
  Task& task = framework.tasks[id];
  const bool known = task.proto.has_task_id();
  if (!known) {
    adopt_task(framework, agent, task, listed);
  } else if (const auto before = task.proto.state(); !model::is_terminal(before)) {
    task.proto.set_state(listed.state());
    if (!listed.statuses().empty()) {
      announce_updated(turn, task.proto, before, *listed.statuses().rbegin());
    }
    if (model::is_terminal(listed.state())) {
      count_terminal(turn.state, framework, listed.state(),
                     listed.statuses().empty() ? TaskStatus() : *listed.statuses().rbegin());
    }
  }
  if (!known) announce_added(turn, task.proto);
  task.holds_resources = !model::is_terminal(task.proto.state());
  agent.tasks.insert({framework.id, id});
  if (!was_unreachable) return;
  TaskStatus status =
      make_status(turn, id, task.proto.state(), TaskStatus::REASON_AGENT_REREGISTERED,
                  "Unreachable agent re-reregistered");
  copy_details(task.proto, status);
  send_status(turn, framework, std::move(status));
}

// Frameworks, executors and tasks as the agent listed them. Those of ended frameworks stay out.
void restore(Turn turn, Agent& agent, const Subscribe& subscribe) {
  State& state = turn.state;
  for (const auto& info : subscribe.frameworks()) {
    const FrameworkId id(info.id().value());
    if (!state.frameworks.contains(id) && !is_completed(state, id)) {
      add_recovered_framework(turn, info);
    }
  }
  for (auto& [id, framework] : state.frameworks) framework.executors.erase(agent.id);
  for (const auto& executor : subscribe.executors()) {
    Framework* framework = find_framework(state, executor.framework_id().value());
    if (!framework) continue;
    framework->executors[agent.id][ExecutorId(executor.executor_id().value())] = executor;
  }
  for (const auto& task : subscribe.tasks()) {
    Framework* framework = find_framework(state, task.framework_id().value());
    if (framework) restore_task(turn, *framework, agent, task);
  }
}

// Tasks that the master holds and the agent did not list: the agent answers for them.
void list_unknown(const State& state, const Agent& agent, const Subscribe& subscribe,
                  protocol::MasterEvent::Subscribed& out) {
  std::set<std::pair<FrameworkId, TaskId>> listed;
  for (const auto& task : subscribe.tasks()) {
    listed.insert({FrameworkId(task.framework_id().value()), TaskId(task.task_id().value())});
  }
  std::map<FrameworkId, protocol::MasterEvent::Subscribed::Reconcile*> by_framework;
  for (const auto& key : agent.tasks) {
    if (listed.contains(key)) continue;
    auto*& reconcile = by_framework[key.first];
    if (!reconcile) {
      reconcile = out.add_reconcile();
      reconcile->mutable_framework_id()->set_value(key.first.value);
    }
    reconcile->add_task_ids()->set_value(key.second.value);
  }
}

void tell_of_frameworks(Turn turn, Agent& agent, const Subscribe& subscribe) {
  for (const auto& info : subscribe.frameworks()) {
    MasterEvent event;
    if (const Framework* framework = find_framework(turn.state, info.id().value())) {
      if (framework->recovered) continue;
      event.set_type(MasterEvent::UPDATE_FRAMEWORK);
      *event.mutable_update_framework()->mutable_framework() = framework->info;
    } else {
      event.set_type(MasterEvent::SHUTDOWN_FRAMEWORK);
      *event.mutable_shutdown_framework()->mutable_framework_id() = info.id();
    }
    send(turn, agent, std::move(event));
  }
}

void resend_kills(Turn turn, Agent& agent) {
  for (const auto& [key, policy] : agent.pending_kills) {
    MasterEvent event;
    event.set_type(MasterEvent::KILL);
    event.mutable_kill()->mutable_framework_id()->set_value(key.first.value);
    event.mutable_kill()->mutable_task_id()->set_value(key.second.value);
    if (policy) *event.mutable_kill()->mutable_kill_policy() = *policy;
    send(turn, agent, std::move(event));
  }
}

bool multi_role_capable(const Agent& agent) {
  return std::any_of(agent.capabilities.begin(), agent.capabilities.end(), [](const auto& one) {
    return one.type() == mesos::v1::AgentInfo::Capability::MULTI_ROLE;
  });
}

// Of what the agent was started with, or what that has become.
Result<model::Resources> total_of(const Subscribe& subscribe) {
  return model::Resources::parse(subscribe.total_resources().empty()
                                     ? subscribe.agent_info().resources()
                                     : subscribe.total_resources());
}

void take_info(Agent& agent, const AgentSubscribing& subscribing) {
  const Subscribe& subscribe = subscribing.call.subscribe();
  agent.info = subscribe.agent_info();
  agent.info.mutable_id()->set_value(agent.id.value);
  agent.version = subscribe.version();
  agent.process_id = subscribe.process_id();
  agent.ip = subscribe.ip();
  agent.capabilities.assign(subscribe.capabilities().begin(), subscribe.capabilities().end());
  agent.total = total_of(subscribe).value_or(model::Resources());
  agent.stream = subscribing.stream;
  agent.stream_uuid = subscribing.stream_uuid;
}

void welcome(Turn turn, Agent& agent, const Subscribe& subscribe) {
  State& state = turn.state;
  MasterEvent event;
  event.set_type(MasterEvent::SUBSCRIBED);
  auto& subscribed = *event.mutable_subscribed();
  subscribed.mutable_agent_id()->set_value(agent.id.value);
  *subscribed.mutable_master_info() = state.info;
  subscribed.set_ping_timeout_total_seconds(
      to_seconds(state.options.agent_ping_timeout * state.options.max_agent_ping_timeouts));
  list_unknown(state, agent, subscribe, subscribed);
  if (const auto deactivation = state.deactivated_agents.find(agent.id);
      deactivation != state.deactivated_agents.end() && deactivation->second.drain) {
    *subscribed.mutable_drain() = deactivation->second.drain->config();
  }
  restore_operations(turn, agent, subscribe, subscribed);
  send(turn, agent, std::move(event));
  tell_of_frameworks(turn, agent, subscribe);
  resend_kills(turn, agent);
}

// The agent is admitted and its stream is open: it takes part again, with all it runs.
void connect(Turn turn, Agent& agent, const AgentSubscribing& subscribing) {
  State& state = turn.state;
  take_info(agent, subscribing);
  agent.connected = agent.active = true;
  state.agent_streams[agent.stream] = agent.id;
  state.reregistrations.erase({agent.reregister_deadline, agent.id});
  agent.reregister_deadline = never;
  state.pings.erase({agent.next_ping, agent.id});
  agent.next_ping = saturating_add(turn.now, state.options.agent_ping_timeout);
  state.pings.insert({agent.next_ping, agent.id});
  agent.pings_missed = 0;
  agent.pong_since_ping = true;
  restore(turn, agent, subscribing.call.subscribe());
  recount_use(state, agent);
  state.allocator.add_agent(agent.id, agent.total, multi_role_capable(agent), agent.used);
  state.allocator.describe_agent(agent.id, agent.info);
  welcome(turn, agent, subscribing.call.subscribe());
  note_unavailability(turn, agent);
  if (!state.deactivated_agents.contains(agent.id)) return;
  deactivate(turn, agent.id);
  check_drained(turn, agent.id);
}

void connect_again(Turn turn, Agent& agent, const AgentSubscribing& subscribing) {
  State& state = turn.state;
  count(state, "slave_reregistrations");
  for (const OfferId& id : std::set<OfferId>(agent.offers)) rescind(turn, id);
  if (agent.connected) {
    state.agent_streams.erase(agent.stream);
    turn.effects.push_back(CloseStream{agent.stream});
  }
  state.allocator.remove_agent(agent.id);
  agent.reregistered = turn.now;
  agent.ever_reregistered = true;
  connect(turn, agent, subscribing);
}

bool same_info(const mesos::v1::AgentInfo& a, const mesos::v1::AgentInfo& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

// The agent tried again while its admission is being written: the newer stream counts, with what it
// tells; only the info that is being made durable must stay as it is.
void replace(Turn turn, PendingAdmission& pending, const AgentSubscribing& subscribing) {
  mesos::v1::AgentInfo info = subscribing.call.subscribe().agent_info();
  info.mutable_id()->set_value(pending.agent_id.value);
  if (pending.subscribing.stream != 0) {
    turn.effects.push_back(CloseStream{pending.subscribing.stream});
    pending.subscribing.stream = 0;
  }
  if (!same_info(info, pending.subscribing.call.subscribe().agent_info())) {
    turn.effects.push_back(CloseStream{subscribing.stream});  // it tries again after that
    return;
  }
  pending.subscribing = subscribing;
  *pending.subscribing.call.mutable_subscribe()->mutable_agent_info() = std::move(info);
}

}  // namespace

void on(Turn turn, const AgentSubscribing& subscribing) {
  State& state = turn.state;
  const Subscribe& subscribe = subscribing.call.subscribe();
  const AgentId id(subscribe.agent_info().id().value());
  if (subscribe.protocol_version() != protocol_version) {
    return shut_down(turn, subscribing.stream,
                     fmt::format("The agent speaks version {} of the protocol, this master {}",
                                 subscribe.protocol_version(), protocol_version));
  }
  if (is_down(state, subscribe.agent_info().hostname(), subscribe.ip())) {
    return shut_down(turn, subscribing.stream, "Its machine is down for maintenance");
  }
  if (auto resources = total_of(subscribe); !resources) {
    return shut_down(turn, subscribing.stream, resources.error().message);
  }
  if (PendingAdmission* pending = pending_admission(state, subscribing)) {
    return replace(turn, *pending, subscribing);
  }
  if (id.empty()) return admit_new(turn, subscribing);
  count(state, "messages_reregister_slave");
  if (state.leaving_agents.contains(id)) {  // the agent tries again after that
    turn.effects.push_back(CloseStream{subscribing.stream});
    return;
  }
  if (state.gone_agents.contains(id)) {
    return shut_down(turn, subscribing.stream, "Agent has been marked gone");
  }
  if (const auto known = state.agents.find(id); known != state.agents.end()) {
    Agent& agent = known->second;
    if (agent.marking_unreachable) {  // the agent tries again after that
      turn.effects.push_back(CloseStream{subscribing.stream});
      return;
    }
    if (agent.info.hostname() != subscribe.agent_info().hostname() || agent.ip != subscribe.ip()) {
      return shut_down(turn, subscribing.stream,
                       "Agent attempted to reregister with a different IP or hostname");
    }
    if (same_info(agent.info, subscribe.agent_info())) {
      return connect_again(turn, agent, subscribing);
    }
  }
  if (const auto recovered = state.recovered_agents.find(id);
      recovered != state.recovered_agents.end() && !recovered->second.marking_unreachable &&
      same_info(recovered->second.info, subscribe.agent_info())) {
    return admitted(turn, PendingAdmission{subscribing, id});  // the registry knows it so
  }
  admit(turn, subscribing, id, false);
}

void admitted(Turn turn, PendingAdmission&& pending) {
  State& state = turn.state;
  const AgentId& id = pending.agent_id;
  const bool returned =
      state.recovered_agents.contains(id) || state.unreachable_agents.contains(id);
  if (const auto recovered = state.recovered_agents.find(id);
      recovered != state.recovered_agents.end()) {
    state.reregistrations.erase({recovered->second.deadline, id});
    state.recovered_agents.erase(recovered);
  }
  state.unreachable_agents.erase(id);
  if (const auto known = state.agents.find(id); known != state.agents.end()) {
    connect_again(turn, known->second, pending.subscribing);
    if (pending.subscribing.stream == 0) disconnect_agent(turn, known->second);
    return;
  }
  count(state, returned ? "slave_reregistrations" : "slave_registrations");
  Agent& agent = state.agents[id];
  agent.id = id;
  agent.registered = turn.now;
  agent.reregistered = turn.now;
  agent.ever_reregistered = returned;
  connect(turn, agent, pending.subscribing);
  announce_added(turn, agent);
  if (pending.subscribing.stream == 0) disconnect_agent(turn, agent);  // it has hung up meanwhile
}

}  // namespace mesolith::master
