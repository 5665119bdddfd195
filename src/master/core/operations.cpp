// SPDX-License-Identifier: Apache-2.0
// What is told of operations that have an id (mesos-api.md 1.7, 1.10). The agent repeats the last
// status until the framework has acknowledged it.
#include <fmt/format.h>

#include <algorithm>

#include "master/core/operator_calls.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::OperationStatus;

void send_status(Turn turn, Framework& framework, OperationStatus status) {
  SchedulerEvent event;
  event.set_type(SchedulerEvent::UPDATE_OPERATION_STATUS);
  *event.mutable_update_operation_status()->mutable_status() = std::move(status);
  send(turn, framework, std::move(event));
}

void release_agent(Turn turn, const Agent& agent, const std::string& uuid,
                   const std::string& status_uuid) {
  MasterEvent event;
  event.set_type(MasterEvent::ACKNOWLEDGE_OPERATION);
  event.mutable_acknowledge_operation()->set_operation_uuid(uuid);
  event.mutable_acknowledge_operation()->set_status_uuid(status_uuid);
  send(turn, agent, std::move(event));
}

void forget(State& state, Agent& agent, const std::string& uuid) {
  const auto found = agent.operations.find(uuid);
  if (found == agent.operations.end()) return;
  state.operation_ids.erase(
      {FrameworkId(found->second.framework_id().value()), found->second.info().id().value()});
  agent.operations.erase(found);
}

mesos::v1::Operation* find(State& state, const FrameworkId& framework_id, const std::string& id) {
  const auto known = state.operation_ids.find({framework_id, id});
  if (known == state.operation_ids.end()) return nullptr;
  return &state.agents.at(known->second.first).operations.at(known->second.second);
}

OperationStatus reconciled(const mesos::v1::Operation& operation) {
  OperationStatus status = operation.latest_status();
  status.clear_uuid();
  status.set_message("Reconciliation: Latest operation status");
  return status;
}

// What can be said of an operation that nobody here knows.
OperationStatus unknown(const State& state,
                        const SchedulerCall::ReconcileOperations::Operation& asked) {
  OperationStatus status;
  *status.mutable_operation_id() = asked.operation_id();
  status.set_state(mesos::v1::OPERATION_UNKNOWN);
  if (!asked.has_agent_id()) {
    status.set_message("Reconciliation: Operation is unknown and no 'agent_id' was provided");
    return status;
  }
  *status.mutable_agent_id() = asked.agent_id();
  const AgentId id(asked.agent_id().value());
  if (state.recovered_agents.contains(id)) {
    status.set_state(mesos::v1::OPERATION_RECOVERING);
    status.set_message("Reconciliation: Agent is recovered but has not re-registered");
  } else if (state.agents.contains(id)) {
    status.set_message("Reconciliation: Operation is unknown");
  } else if (state.unreachable_agents.contains(id)) {
    status.set_state(mesos::v1::OPERATION_UNREACHABLE);
    status.set_message("Reconciliation: Agent is unreachable");
  } else if (state.gone_agents.contains(id)) {
    status.set_state(mesos::v1::OPERATION_GONE_BY_OPERATOR);
    status.set_message("Reconciliation: Agent marked gone by operator");
  } else {
    status.set_message("Reconciliation: Both operation and agent are unknown");
  }
  return status;
}

}  // namespace

void drop_operation(Turn turn, Framework& framework, const Agent* agent,
                    const mesos::v1::Offer::Operation& operation, const std::string& why) {
  count(turn.state, "dropped_operations");
  if (!operation.has_id()) return;
  OperationStatus status;
  *status.mutable_operation_id() = operation.id();
  status.set_state(mesos::v1::OPERATION_ERROR);
  status.set_message(agent ? fmt::format("{}; on agent {} at {} ({})", why, agent->id.value,
                                         agent->process_id, agent->info.hostname())
                           : why);
  send_status(turn, framework, std::move(status));
}

void update_operation(Turn turn, Agent& agent, const AgentCall::OperationUpdate& update) {
  State& state = turn.state;
  count(state, "messages_operation_status_update");
  const std::string& uuid = update.operation_uuid();
  const FrameworkId framework_id(update.framework_id().value());
  Framework* framework = find_framework(state, framework_id.value);
  if (!framework && is_completed(state, framework_id)) {  // nobody will ever acknowledge it
    forget(state, agent, uuid);
    check_drained(turn, agent.id);
    return release_agent(turn, agent, uuid, update.status().uuid().value());
  }
  if (const auto known = agent.operations.find(uuid); known != agent.operations.end()) {
    mesos::v1::Operation& operation = known->second;
    const bool repeated =
        operation.latest_status().uuid().value() == update.status().uuid().value();
    *operation.mutable_latest_status() = update.status();
    if (!repeated) *operation.add_statuses() = update.status();
  }
  if (framework) send_status(turn, *framework, update.status());
}

void acknowledge_operation(Turn turn, Framework& framework, const SchedulerCall& call) {
  State& state = turn.state;
  count(state, "messages_operation_status_update_acknowledgement");
  const auto& acknowledged = call.acknowledge_operation_status();
  const auto found = state.operation_ids.find({framework.id, acknowledged.operation_id().value()});
  if (found == state.operation_ids.end()) {
    return count(state, "invalid_operation_status_update_acknowledgements");
  }
  const auto [agent_id, uuid] = found->second;
  Agent& agent = state.agents.at(agent_id);
  const std::string& status_uuid = agent.operations.at(uuid).latest_status().uuid().value();
  if (!agent.connected || status_uuid != acknowledged.uuid()) {
    return count(state, "invalid_operation_status_update_acknowledgements");
  }
  count(state, "valid_operation_status_update_acknowledgements");
  release_agent(turn, agent, uuid, acknowledged.uuid());
  forget(state, agent, uuid);
  check_drained(turn, agent_id);
}

void reconcile_operations(Turn turn, Framework& framework, const SchedulerCall& call) {
  State& state = turn.state;
  count(state, "messages_reconcile_operations");
  const auto& asked = call.reconcile_operations().operations();
  for (const auto& one : asked) {
    const mesos::v1::Operation* known = find(state, framework.id, one.operation_id().value());
    send_status(turn, framework, known ? reconciled(*known) : unknown(state, one));
  }
  if (!asked.empty()) return;
  for (auto each = state.operation_ids.lower_bound({framework.id, ""});
       each != state.operation_ids.end() && each->first.first == framework.id; ++each) {
    const auto& [agent_id, uuid] = each->second;
    send_status(turn, framework, reconciled(state.agents.at(agent_id).operations.at(uuid)));
  }
}

void resend_operations(Turn turn, Framework& framework) {
  State& state = turn.state;
  for (auto each = state.operation_ids.lower_bound({framework.id, ""});
       each != state.operation_ids.end() && each->first.first == framework.id; ++each) {
    const auto& [agent_id, uuid] = each->second;
    const mesos::v1::Operation& operation = state.agents.at(agent_id).operations.at(uuid);
    if (operation.latest_status().has_uuid()) {
      send_status(turn, framework, operation.latest_status());
    }
  }
}

void restore_operations(Turn turn, Agent& agent, const AgentCall::Subscribe& subscribe,
                        protocol::MasterEvent::Subscribed& out) {
  State& state = turn.state;
  std::set<std::string> listed;
  for (const auto& operation : subscribe.operations()) {
    const std::string& uuid = operation.uuid().value();
    listed.insert(uuid);
    // What the agent has not made durable is not told before it says so.
    const bool known = agent.operations.contains(uuid);
    mesos::v1::Operation& held = agent.operations[uuid];
    if (known) continue;
    held = operation;
    held.mutable_latest_status()->set_state(mesos::v1::OPERATION_PENDING);
    held.mutable_latest_status()->clear_uuid();
    held.clear_statuses();
    state.operation_ids[{FrameworkId(operation.framework_id().value()),
                         operation.info().id().value()}] = {agent.id, uuid};
  }
  for (const auto& [uuid, operation] : agent.operations) {
    if (listed.contains(uuid)) continue;
    auto& unknown = *out.add_unknown_operations();
    *unknown.mutable_framework_id() = operation.framework_id();
    unknown.set_uuid(uuid);
    unknown.mutable_operation()->set_type(operation.info().type());
    *unknown.mutable_operation()->mutable_id() = operation.info().id();
  }
}

void lose_operations(Turn turn, Agent& agent, mesos::v1::OperationState told,
                     const std::string& why) {
  while (!agent.operations.empty()) {
    const std::string uuid = agent.operations.begin()->first;
    const mesos::v1::Operation& operation = agent.operations.begin()->second;
    if (Framework* framework = find_framework(turn.state, operation.framework_id().value())) {
      OperationStatus status;
      *status.mutable_operation_id() = operation.info().id();
      status.set_state(told);
      status.set_message(why);
      status.mutable_agent_id()->set_value(agent.id.value);
      send_status(turn, *framework, std::move(status));
    }
    forget(turn.state, agent, uuid);
  }
}

void forget_operations(Turn turn, const Framework& framework) {
  State& state = turn.state;
  for (auto each = state.operation_ids.lower_bound({framework.id, ""});
       each != state.operation_ids.end() && each->first.first == framework.id;
       each = state.operation_ids.lower_bound({framework.id, ""})) {
    const auto [agent_id, uuid] = each->second;
    Agent& agent = state.agents.at(agent_id);
    const auto& status = agent.operations.at(uuid).latest_status();
    if (status.has_uuid()) release_agent(turn, agent, uuid, status.uuid().value());
    forget(state, agent, uuid);
    check_drained(turn, agent.id);
  }
}

}  // namespace mesolith::master
