// SPDX-License-Identifier: Apache-2.0
// KILL and RECONCILE (mesos-api.md 1.4, 1.10).
#include "master/core/internal.hpp"
#include "model/task_state.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::TaskStatus;

constexpr const char* latest_state = "Reconciliation: Latest task state";

void answer_known(Turn turn, Framework& framework, const TaskId& id, const mesos::v1::Task& task) {
  const auto state = task.has_status_update_state() ? task.status_update_state() : task.state();
  TaskStatus status = make_status(turn, id, state, TaskStatus::REASON_RECONCILIATION, latest_state);
  copy_details(task, status);
  send_status(turn, framework, std::move(status));
}

void answer(Turn turn, Framework& framework, const TaskId& id, mesos::v1::TaskState state,
            const std::optional<AgentId>& agent, const std::string& message,
            std::optional<Time> unreachable_since = std::nullopt) {
  TaskStatus status = make_status(turn, id, model::told_state(state, framework.partition_aware),
                                  TaskStatus::REASON_RECONCILIATION, "Reconciliation: " + message);
  if (agent) status.mutable_agent_id()->set_value(agent->value);
  if (unreachable_since) {
    status.mutable_unreachable_time()->set_nanoseconds(
        unreachable_since->time_since_epoch().count());
  }
  send_status(turn, framework, std::move(status));
}

}  // namespace

void reconcile_task(Turn turn, Framework& framework, const TaskId& id,
                    const std::optional<AgentId>& agent) {
  const State& state = turn.state;
  if (const Task* task = find_task(framework, id)) {
    return answer_known(turn, framework, id, task->proto);
  }
  std::optional<AgentId> where = agent;
  if (const auto gone = framework.unreachable_tasks.find(id);
      gone != framework.unreachable_tasks.end()) {
    where = AgentId(gone->second.proto.agent_id().value());
  }
  if (where ? state.recovered_agents.contains(*where) : !state.recovered_agents.empty()) {
    return;  // the agent may come back with the task: the framework asks again later
  }
  if (where && state.agents.contains(*where)) {
    return answer(turn, framework, id, mesos::v1::TASK_GONE, where, "Task is unknown to the agent");
  }
  if (where) {
    const auto unreachable = state.unreachable_agents.find(*where);
    if (unreachable != state.unreachable_agents.end()) {
      return answer(turn, framework, id, mesos::v1::TASK_UNREACHABLE, where, "Task is unreachable",
                    unreachable->second.since);
    }
    if (state.gone_agents.contains(*where)) {
      return answer(turn, framework, id, mesos::v1::TASK_GONE_BY_OPERATOR, where, "Task is gone");
    }
  }
  answer(turn, framework, id, mesos::v1::TASK_UNKNOWN, where, "Task is unknown");
}

void reconcile(Turn turn, Framework& framework, const SchedulerCall& call) {
  count(turn.state, "messages_reconcile_tasks");
  if (call.reconcile().tasks().empty()) {
    for (const auto& [id, task] : framework.tasks) {
      answer_known(turn, framework, id, task.proto);
    }
    return;
  }
  for (const auto& asked : call.reconcile().tasks()) {
    std::optional<AgentId> agent;
    if (asked.has_agent_id()) agent = AgentId(asked.agent_id().value());
    reconcile_task(turn, framework, TaskId(asked.task_id().value()), agent);
  }
}

void kill(Turn turn, Framework& framework, const SchedulerCall& call) {
  State& state = turn.state;
  count(state, "messages_kill_task");
  const auto& wanted = call.kill();
  const TaskId id(wanted.task_id().value());
  std::optional<AgentId> agent_id;
  if (wanted.has_agent_id()) agent_id = AgentId(wanted.agent_id().value());
  const Task* task = find_task(framework, id);
  if (!task) return reconcile_task(turn, framework, id, agent_id);
  const AgentId owner(task->proto.agent_id().value());
  if (agent_id && *agent_id != owner) return count(state, "dropped_messages");
  Agent& agent = state.agents.at(owner);
  std::optional<mesos::v1::KillPolicy> policy;
  if (wanted.has_kill_policy()) policy = wanted.kill_policy();
  // The connection may be broken already without anybody knowing.
  agent.pending_kills[{framework.id, id}] = policy;
  if (!agent.connected) return;
  MasterEvent event;
  event.set_type(MasterEvent::KILL);
  event.mutable_kill()->mutable_framework_id()->set_value(framework.id.value);
  event.mutable_kill()->mutable_task_id()->set_value(id.value);
  if (policy) *event.mutable_kill()->mutable_kill_policy() = *policy;
  send(turn, agent, std::move(event));
}

}  // namespace mesolith::master
