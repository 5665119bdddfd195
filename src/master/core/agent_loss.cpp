// SPDX-License-Identifier: Apache-2.0
// Agents that fall silent, leave, or do not come back (mesos-api.md 1.11, 5.4).
#include <fmt/format.h>

#include "master/core/operator_calls.hpp"
#include "model/task_state.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::TaskStatus;

void mark_unreachable(Turn turn, const mesos::v1::AgentInfo& info, const std::string& cause) {
  // What is being marked gone stays so, whichever write comes last.
  if (turn.state.leaving_agents.contains(AgentId(info.id().value()))) return;
  count(turn.state, "slave_unreachable_scheduled");
  Persist change;
  registry::Agent& record = change.agents.emplace_back();
  *record.mutable_info() = info;
  record.set_standing(registry::Agent::UNREACHABLE);
  record.mutable_since()->set_nanoseconds(turn.now.time_since_epoch().count());
  keep_deactivation(turn.state, record);
  persist(turn, std::move(change), PendingUnreachable{AgentId(info.id().value()), cause});
}

// The task lives on where nobody can see it: out of the books, into the unreachable ones.
void lose_sight(Turn turn, Framework& framework, const TaskId& id, const std::string& cause) {
  State& state = turn.state;
  Task& task = framework.tasks.at(id);
  TaskStatus status = make_status(
      turn, id, model::told_state(mesos::v1::TASK_UNREACHABLE, framework.partition_aware),
      TaskStatus::REASON_AGENT_REMOVED, cause);
  status.mutable_unreachable_time()->set_nanoseconds(turn.now.time_since_epoch().count());
  *status.mutable_agent_id() = task.proto.agent_id();
  if (model::is_terminal(task.proto.state())) {  // its end is known, only not acknowledged
    return end_task(turn, framework, id, std::move(status), true);
  }
  const AgentId agent_id(task.proto.agent_id().value());
  if (task.holds_resources) release(turn, framework.id, agent_id, task.resources);
  task.holds_resources = false;
  const mesos::v1::TaskState before = task.proto.state();
  task.proto.set_state(mesos::v1::TASK_UNREACHABLE);
  record_status(task, status);
  announce_updated(turn, task.proto, before, status);
  state.agents.at(agent_id).tasks.erase({framework.id, id});
  framework.unreachable_tasks[id] = std::move(task);
  framework.unreachable_order.push_back(id);
  framework.tasks.erase(id);
  while (framework.unreachable_order.size() > state.options.max_unreachable_tasks_per_framework) {
    framework.unreachable_tasks.erase(framework.unreachable_order.front());
    framework.unreachable_order.pop_front();
  }
  send_status(turn, framework, std::move(status));
}

// Nobody will see it again: it has ended, as far as anybody can know.
void end_unreachable(Turn turn, Framework& framework, const TaskId& id, TaskStatus status) {
  Task task = std::move(framework.unreachable_tasks.at(id));
  framework.unreachable_tasks.erase(id);
  std::erase(framework.unreachable_order, id);
  *status.mutable_agent_id() = task.proto.agent_id();
  if (task.proto.has_executor_id()) *status.mutable_executor_id() = task.proto.executor_id();
  const mesos::v1::TaskState before = task.proto.state();
  task.proto.set_state(status.state());
  record_status(task, status);
  announce_updated(turn, task.proto, before, status);
  count_terminal(turn.state, framework, status.state(), status);
  framework.completed_tasks.push_back(std::move(task.proto));
  while (framework.completed_tasks.size() > turn.state.options.max_completed_tasks_per_framework) {
    framework.completed_tasks.pop_front();
  }
  send_status(turn, framework, std::move(status));
}

void drop_executors(Turn turn, Framework& framework, const AgentId& id) {
  while (framework.executors.contains(id)) {
    remove_executor(turn, framework, id, ExecutorId(framework.executors.at(id).begin()->first));
  }
}

// Offers and executors of an agent that leaves the books, its stream and its timers.
void forget(Turn turn, Agent& agent) {
  State& state = turn.state;
  for (const OfferId& id : std::set<OfferId>(agent.offers)) rescind(turn, id);
  drop_inverse_offers(turn, agent);
  state.unavailable_agents.erase(agent.id);
  for (auto& [id, framework] : state.frameworks) drop_executors(turn, framework, agent.id);
  if (agent.connected) {
    state.agent_streams.erase(agent.stream);
    turn.effects.push_back(CloseStream{agent.stream});
  }
  state.pings.erase({agent.next_ping, agent.id});
  state.reregistrations.erase({agent.reregister_deadline, agent.id});
  state.allocator.remove_agent(agent.id);
}

}  // namespace

void send_failure(Turn turn, const AgentId& id) {
  for (auto& [framework_id, framework] : turn.state.frameworks) {
    SchedulerEvent event;
    event.set_type(SchedulerEvent::FAILURE);
    event.mutable_failure()->mutable_agent_id()->set_value(id.value);
    send(turn, framework, std::move(event));
  }
}

void disconnect_agent(Turn turn, Agent& agent) {
  State& state = turn.state;
  state.agent_streams.erase(agent.stream);
  agent.connected = agent.active = false;
  agent.pong_since_ping = false;
  for (const OfferId& id : std::set<OfferId>(agent.offers)) rescind(turn, id);
  state.allocator.deactivate_agent(agent.id);
  agent.reregister_deadline = saturating_add(turn.now, state.options.agent_reregister_timeout);
  state.reregistrations.insert({agent.reregister_deadline, agent.id});
  // Executors of a framework that does not checkpoint do not outlive their agent.
  for (const auto& [framework_id, task_id] : std::set(agent.tasks)) {
    Framework& framework = state.frameworks.at(framework_id);
    if (framework.info.checkpoint()) continue;
    end_task(turn, framework, task_id,
             make_status(turn, task_id, mesos::v1::TASK_LOST, TaskStatus::REASON_AGENT_DISCONNECTED,
                         "Agent disconnected"),
             true);
  }
  for (auto& [id, framework] : state.frameworks) {
    if (!framework.info.checkpoint()) drop_executors(turn, framework, agent.id);
  }
}

void ping_agents(Turn turn) {
  State& state = turn.state;
  while (!state.pings.empty() && state.pings.begin()->first <= turn.now) {
    Agent& agent = state.agents.at(state.pings.begin()->second);
    state.pings.erase(state.pings.begin());
    agent.next_ping = saturating_add(turn.now, state.options.agent_ping_timeout);
    state.pings.insert({agent.next_ping, agent.id});
    if (!agent.pong_since_ping) ++agent.pings_missed;
    if (agent.pings_missed >= state.options.max_agent_ping_timeouts) {
      if (!agent.marking_unreachable) mark_unreachable(turn, agent.info, "health check timed out");
      agent.marking_unreachable = true;
      continue;
    }
    agent.pong_since_ping = false;
    MasterEvent event;
    event.set_type(MasterEvent::PING);
    send(turn, agent, std::move(event));
  }
}

void expire_agents(Turn turn) {
  State& state = turn.state;
  while (!state.reregistrations.empty() && state.reregistrations.begin()->first <= turn.now) {
    const AgentId id = state.reregistrations.begin()->second;
    state.reregistrations.erase(state.reregistrations.begin());
    if (const auto recovered = state.recovered_agents.find(id);
        recovered != state.recovered_agents.end()) {
      count(state, "recovery_slave_removals");
      recovered->second.marking_unreachable = true;
      mark_unreachable(turn, recovered->second.info,
                       "it did not come back after the master's start");
      continue;
    }
    Agent& agent = state.agents.at(id);
    agent.reregister_deadline = never;
    if (agent.marking_unreachable) continue;
    agent.marking_unreachable = true;
    mark_unreachable(turn, agent.info, "it did not come back in time");
  }
}

void became_unreachable(Turn turn, PendingUnreachable&& pending) {
  State& state = turn.state;
  const AgentId& id = pending.agent_id;
  count(state, "slave_unreachable_completed");
  if (const auto recovered = state.recovered_agents.find(id);
      recovered != state.recovered_agents.end()) {
    state.unreachable_agents[id] = {recovered->second.info, turn.now};
    state.recovered_agents.erase(recovered);
    return send_failure(turn, id);  // what ran there is not known
  }
  const auto found = state.agents.find(id);
  if (found == state.agents.end()) return;
  Agent& agent = found->second;
  count(state, "slave_removals");
  count(state, "slave_removals/reason_unhealthy");
  for (const auto& [framework_id, task_id] : std::set(agent.tasks)) {
    lose_sight(turn, state.frameworks.at(framework_id), task_id, pending.cause);
  }
  lose_operations(turn, agent, mesos::v1::OPERATION_UNREACHABLE, "Agent was marked unreachable");
  forget(turn, agent);
  state.unreachable_agents[id] = {agent.info, turn.now};
  state.agents.erase(found);
  announce_removed(turn, id);
  send_failure(turn, id);
}

void remove_agent(Turn turn, const AgentId& id, const std::string& cause) {
  State& state = turn.state;
  Agent& agent = state.agents.at(id);
  count(state, "slave_removals");
  for (const auto& [framework_id, task_id] : std::set(agent.tasks)) {
    end_task(turn, state.frameworks.at(framework_id), task_id,
             make_status(turn, task_id, mesos::v1::TASK_LOST, TaskStatus::REASON_AGENT_REMOVED,
                         fmt::format("Agent {} removed: {}", agent.info.hostname(), cause)),
             true);
  }
  lose_operations(turn, agent, mesos::v1::OPERATION_UNKNOWN, "Agent was removed");
  forget(turn, agent);
  const AgentId removed = id;  // `id` may live in the agent
  state.agents.erase(removed);
  announce_removed(turn, removed);
  send_failure(turn, removed);
  state.deactivated_agents.erase(removed);
  if (state.leaving_agents.contains(removed)) return;  // its record says so, and stays
  Persist change;
  change.removed_agents.push_back(removed);
  persist(turn, std::move(change), PendingRemoval{});
}

void became_gone(Turn turn, const PendingGone& pending) {
  State& state = turn.state;
  const AgentId& id = pending.agent_id;
  state.leaving_agents.erase(id);
  state.deactivated_agents.erase(id);
  state.gone_agents.insert(id);
  const auto ended = [&](const TaskId& task_id, const Framework& framework) {
    return make_status(
        turn, task_id,
        model::told_state(mesos::v1::TASK_GONE_BY_OPERATOR, framework.partition_aware),
        framework.partition_aware ? TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR
                                  : TaskStatus::REASON_AGENT_REMOVED,
        "Agent has been marked gone");
  };
  if (const auto known = state.agents.find(id); known != state.agents.end()) {
    Agent& agent = known->second;
    count(state, "slave_removals");
    for (const auto& [framework_id, task_id] : std::set(agent.tasks)) {
      Framework& framework = state.frameworks.at(framework_id);
      end_task(turn, framework, task_id, ended(task_id, framework), true);
    }
    MasterEvent event;
    event.set_type(MasterEvent::SHUTDOWN);
    event.mutable_shutdown()->set_message("Agent has been marked gone");
    send(turn, agent, std::move(event));
    lose_operations(turn, agent, mesos::v1::OPERATION_GONE_BY_OPERATOR,
                    "Agent has been marked gone");
    forget(turn, agent);
    state.agents.erase(known);
    announce_removed(turn, id);
  }
  for (auto& [framework_id, framework] : state.frameworks) {
    for (const TaskId& task_id : std::deque<TaskId>(framework.unreachable_order)) {
      Task& task = framework.unreachable_tasks.at(task_id);
      if (task.proto.agent_id().value() != id.value) continue;
      end_unreachable(turn, framework, task_id, ended(task_id, framework));
    }
  }
  if (const auto away = state.recovered_agents.find(id); away != state.recovered_agents.end()) {
    state.reregistrations.erase({away->second.deadline, id});
    state.recovered_agents.erase(away);
  }
  state.unreachable_agents.erase(id);
  send_failure(turn, id);
  if (pending.request) answer(turn, *pending.request, 200);
}

}  // namespace mesolith::master
