// SPDX-License-Identifier: Apache-2.0
// Tasks: their status updates, acknowledgement, and end (mesos-api.md 1.9). A task's resources are
// free as soon as its latest state is terminal; the task itself stays until the framework
// acknowledged that.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/check.hpp"
#include "master/core/operator_calls.hpp"
#include "model/task_state.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::TaskStatus;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Metrics keep the v0 names: source_slave, reason_slave_removed.
std::string metric_name(std::string text) {
  text = lower(std::move(text));
  if (const size_t agent = text.find("_agent"); agent != std::string::npos) {
    text.replace(agent, 6, "_slave");
  }
  return text;
}

// The latest state is terminal: what the task held is free.
void settle(Turn turn, Framework& framework, Task& task, const TaskStatus& status) {
  if (!task.holds_resources || !model::is_terminal(task.proto.state())) return;
  task.holds_resources = false;
  count_terminal(turn.state, framework, task.proto.state(), status);
  release(turn, framework.id, AgentId(task.proto.agent_id().value()), task.resources);
}

}  // namespace

void count_terminal(State& state, Framework& framework, mesos::v1::TaskState terminal,
                    const TaskStatus& status) {
  ++framework.counters.tasks_terminal[terminal];
  const std::string name = lower(model::name_of(terminal).substr(5));
  count(state, "tasks_" + name);
  if (!status.has_source()) return;
  std::string key =
      fmt::format("task_{}/{}", name, metric_name(TaskStatus::Source_Name(status.source())));
  if (status.has_reason()) key += "/" + metric_name(TaskStatus::Reason_Name(status.reason()));
  count(state, key);
}

void copy_details(const mesos::v1::Task& task, TaskStatus& status) {
  *status.mutable_agent_id() = task.agent_id();
  if (task.has_executor_id()) *status.mutable_executor_id() = task.executor_id();
  if (task.statuses().empty()) return;
  const TaskStatus& last = *task.statuses().rbegin();
  if (last.has_healthy()) status.set_healthy(last.healthy());
  if (last.has_check_status()) *status.mutable_check_status() = last.check_status();
  if (last.has_container_status()) *status.mutable_container_status() = last.container_status();
}

Task* find_task(Framework& framework, const TaskId& id) {
  const auto found = framework.tasks.find(id);
  return found == framework.tasks.end() ? nullptr : &found->second;
}

TaskStatus make_status(Turn turn, const TaskId& id, mesos::v1::TaskState state,
                       std::optional<TaskStatus::Reason> reason, std::string message) {
  TaskStatus status;
  status.mutable_task_id()->set_value(id.value);
  status.set_state(state);
  status.set_message(std::move(message));
  status.set_source(TaskStatus::SOURCE_MASTER);
  if (reason) status.set_reason(*reason);
  status.set_timestamp(to_seconds(turn.now));
  return status;
}

void send_status(Turn turn, Framework& framework, TaskStatus status) {
  SchedulerEvent event;
  event.set_type(SchedulerEvent::UPDATE);
  *event.mutable_update()->mutable_status() = std::move(status);
  send(turn, framework, std::move(event));
}

void record_status(Task& task, const TaskStatus& status) {
  auto& statuses = *task.proto.mutable_statuses();
  const bool same = !statuses.empty() && statuses.rbegin()->state() == status.state();
  TaskStatus& stored = same ? *statuses.rbegin() : *statuses.Add();
  stored = status;
  stored.clear_data();
}

void hold(Framework& framework, Agent& agent, const model::Resources& resources) {
  framework.used[agent.id] += resources;
  agent.used[framework.id] += resources;
}

void release(Turn turn, const FrameworkId& framework_id, const AgentId& agent_id,
             const model::Resources& resources) {
  State& state = turn.state;
  Framework& framework = state.frameworks.at(framework_id);
  Agent& agent = state.agents.at(agent_id);
  framework.used[agent_id] -= resources;
  if (framework.used[agent_id].empty()) framework.used.erase(agent_id);
  agent.used[framework_id] -= resources;
  if (agent.used[framework_id].empty()) agent.used.erase(framework_id);
  state.allocator.recover(turn.now, framework_id, agent_id, resources, {});
}

void complete_task(Turn turn, Framework& framework, const TaskId& id) {
  const auto found = framework.tasks.find(id);
  CHECK(found != framework.tasks.end());
  const auto agent = turn.state.agents.find(AgentId(found->second.proto.agent_id().value()));
  if (agent != turn.state.agents.end()) {
    agent->second.tasks.erase({framework.id, id});
    agent->second.pending_kills.erase({framework.id, id});
  }
  const AgentId agent_id(found->second.proto.agent_id().value());
  framework.completed_tasks.push_back(std::move(found->second.proto));
  framework.tasks.erase(found);
  check_drained(turn, agent_id);
  while (framework.completed_tasks.size() > turn.state.options.max_completed_tasks_per_framework) {
    framework.completed_tasks.pop_front();
  }
}

void end_task(Turn turn, Framework& framework, const TaskId& id, TaskStatus status, bool tell) {
  Task& task = framework.tasks.at(id);
  *status.mutable_agent_id() = task.proto.agent_id();
  if (task.proto.has_executor_id()) *status.mutable_executor_id() = task.proto.executor_id();
  const mesos::v1::TaskState before = task.proto.state();
  if (!model::is_terminal(before)) task.proto.set_state(status.state());
  record_status(task, status);
  announce_updated(turn, task.proto, before, status);
  settle(turn, framework, task, status);
  complete_task(turn, framework, id);
  if (tell) send_status(turn, framework, std::move(status));
}

void update_task(Turn turn, Agent& agent, const AgentCall::Update& update) {
  State& state = turn.state;
  count(state, "messages_status_update");
  const TaskStatus& status = update.status();
  Framework* framework = find_framework(state, update.framework_id().value());
  if (!framework) {  // nobody will ever acknowledge this
    count(state, "invalid_status_updates");
    if (!is_completed(state, FrameworkId(update.framework_id().value()))) return;
    MasterEvent event;
    event.set_type(MasterEvent::SHUTDOWN_FRAMEWORK);
    *event.mutable_shutdown_framework()->mutable_framework_id() = update.framework_id();
    return send(turn, agent, std::move(event));
  }
  Task* task = find_task(*framework, TaskId(status.task_id().value()));
  if (!task || task->proto.agent_id().value() != agent.id.value) {
    // The agent goes on sending until somebody acknowledges: the framework must hear of it.
    count(state, "invalid_status_updates");
    return send_status(turn, *framework, status);
  }
  count(state, "valid_status_updates");
  const auto latest = update.has_latest_state() ? update.latest_state() : status.state();
  const mesos::v1::TaskState before = task->proto.state();
  if (!model::is_terminal(before)) task->proto.set_state(latest);
  record_status(*task, status);
  announce_updated(turn, task->proto, before, status);
  if (framework->connected) {
    task->proto.set_status_update_state(status.state());
    task->proto.set_status_update_uuid(status.uuid());
  }
  settle(turn, *framework, *task, status);
  send_status(turn, *framework, status);
}

void acknowledge(Turn turn, Framework& framework, const SchedulerCall& call) {
  State& state = turn.state;
  count(state, "messages_status_update_acknowledgement");
  const auto& ack = call.acknowledge();
  const auto agent = state.agents.find(AgentId(ack.agent_id().value()));
  if (agent == state.agents.end() || !agent->second.connected) {
    return count(state, "invalid_status_update_acknowledgements");
  }
  const TaskId id(ack.task_id().value());
  if (const Task* task = find_task(framework, id)) {
    if (!task->proto.has_status_update_uuid() ||
        task->proto.agent_id().value() != ack.agent_id().value()) {
      return count(state, "invalid_status_update_acknowledgements");
    }
    if (model::is_terminal(task->proto.status_update_state()) &&
        task->proto.status_update_uuid() == ack.uuid()) {
      complete_task(turn, framework, id);
    }
  }
  count(state, "valid_status_update_acknowledgements");
  MasterEvent event;
  event.set_type(MasterEvent::ACKNOWLEDGE);
  event.mutable_acknowledge()->mutable_framework_id()->set_value(framework.id.value);
  *event.mutable_acknowledge()->mutable_task_id() = ack.task_id();
  event.mutable_acknowledge()->set_uuid(ack.uuid());
  send(turn, agent->second, std::move(event));
}

}  // namespace mesolith::master
