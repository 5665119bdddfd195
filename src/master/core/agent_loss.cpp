// SPDX-License-Identifier: Apache-2.0
// Agents that fall silent, leave, or do not come back (mesos-api.md 1.11, 5.4).
#include <fmt/format.h>

#include "master/core/internal.hpp"
#include "model/task_state.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::TaskStatus;

void mark_unreachable(Turn turn, const mesos::v1::AgentInfo& info, const std::string& cause) {
  count(turn.state, "slave_unreachable_scheduled");
  Persist change;
  registry::Agent& record = change.agents.emplace_back();
  *record.mutable_info() = info;
  record.set_standing(registry::Agent::UNREACHABLE);
  record.mutable_since()->set_nanoseconds(turn.now.time_since_epoch().count());
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

void drop_executors(Turn turn, Framework& framework, const AgentId& id) {
  while (framework.executors.contains(id)) {
    remove_executor(turn, framework, id, ExecutorId(framework.executors.at(id).begin()->first));
  }
}

// Offers and executors of an agent that leaves the books, its stream and its timers.
void forget(Turn turn, Agent& agent) {
  State& state = turn.state;
  for (const OfferId& id : std::set<OfferId>(agent.offers)) rescind(turn, id);
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
  forget(turn, agent);
  const AgentId removed = id;  // `id` may live in the agent
  state.agents.erase(removed);
  announce_removed(turn, removed);
  send_failure(turn, removed);
  Persist change;
  change.removed_agents.push_back(removed);
  persist(turn, std::move(change), PendingRemoval{});
}

}  // namespace mesolith::master
