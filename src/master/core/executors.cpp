// SPDX-License-Identifier: Apache-2.0
// Custom executors, and the messages between them and their frameworks.
#include "master/core/internal.hpp"

namespace mesolith::master {
namespace {

model::Resources resources_of(const mesos::v1::ExecutorInfo& executor) {
  return model::Resources::parse(executor.resources()).value_or(model::Resources());
}

Agent* connected_agent(State& state, const std::string& id) {
  const auto found = state.agents.find(AgentId(id));
  if (found == state.agents.end() || !found->second.connected) return nullptr;
  return &found->second;
}

}  // namespace

void add_executor(Framework& framework, Agent& agent, const mesos::v1::ExecutorInfo& executor) {
  framework.executors[agent.id][ExecutorId(executor.executor_id().value())] = executor;
  const model::Resources resources = resources_of(executor);
  if (!resources.empty()) hold(framework, agent, resources);
}

void remove_executor(Turn turn, Framework& framework, const AgentId& agent_id,
                     const ExecutorId& id) {
  const auto executors = framework.executors.find(agent_id);
  if (executors == framework.executors.end()) return;
  const auto found = executors->second.find(id);
  if (found == executors->second.end()) return;
  const model::Resources resources = resources_of(found->second);
  executors->second.erase(found);
  if (executors->second.empty()) framework.executors.erase(executors);
  if (!resources.empty()) release(turn, framework.id, agent_id, resources);
}

void shutdown_executor(Turn turn, Framework& framework, const SchedulerCall& call) {
  const auto& wanted = call.shutdown();
  Agent* agent = connected_agent(turn.state, wanted.agent_id().value());
  if (!agent) return count(turn.state, "dropped_messages");
  MasterEvent event;
  event.set_type(MasterEvent::SHUTDOWN_EXECUTOR);
  event.mutable_shutdown_executor()->mutable_framework_id()->set_value(framework.id.value);
  *event.mutable_shutdown_executor()->mutable_executor_id() = wanted.executor_id();
  send(turn, *agent, std::move(event));
}

void message_executor(Turn turn, Framework& framework, const SchedulerCall& call) {
  count(turn.state, "messages_framework_to_executor");
  const auto& message = call.message();
  Agent* agent = connected_agent(turn.state, message.agent_id().value());
  if (!agent) return count(turn.state, "invalid_framework_to_executor_messages");
  count(turn.state, "valid_framework_to_executor_messages");
  MasterEvent event;
  event.set_type(MasterEvent::MESSAGE);
  event.mutable_message()->mutable_framework_id()->set_value(framework.id.value);
  *event.mutable_message()->mutable_executor_id() = message.executor_id();
  event.mutable_message()->set_data(message.data());
  send(turn, *agent, std::move(event));
}

void message_framework(Turn turn, const AgentId& agent_id, const AgentCall::Message& message) {
  count(turn.state, "messages_executor_to_framework");
  Framework* framework = find_framework(turn.state, message.framework_id().value());
  if (!framework || !framework->connected) {
    return count(turn.state, "invalid_executor_to_framework_messages");
  }
  count(turn.state, "valid_executor_to_framework_messages");
  SchedulerEvent event;
  event.set_type(SchedulerEvent::MESSAGE);
  event.mutable_message()->mutable_agent_id()->set_value(agent_id.value);
  *event.mutable_message()->mutable_executor_id() = message.executor_id();
  event.mutable_message()->set_data(message.data());
  send(turn, *framework, std::move(event));
}

void executor_exited(Turn turn, Agent& agent, const AgentCall::ExecutorExited& exited) {
  count(turn.state, "messages_exited_executor");
  Framework* framework = find_framework(turn.state, exited.framework_id().value());
  if (!framework) return;
  remove_executor(turn, *framework, agent.id, ExecutorId(exited.executor_id().value()));
  SchedulerEvent event;
  event.set_type(SchedulerEvent::FAILURE);
  event.mutable_failure()->mutable_agent_id()->set_value(agent.id.value);
  *event.mutable_failure()->mutable_executor_id() = exited.executor_id();
  event.mutable_failure()->set_status(exited.status());
  send(turn, *framework, std::move(event));
}

}  // namespace mesolith::master
