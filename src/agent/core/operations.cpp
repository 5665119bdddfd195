// SPDX-License-Identifier: Apache-2.0
// Operations on resources (mesos-api.md 1.7, 5.5). An operation changes the total at once, so that
// what follows it in the master's stream finds what came of it; its status is told, and a task that
// uses a volume starts, only when that is durable.
#include "model/operations.hpp"

#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "model/ids.hpp"

namespace mesolith::agent {
namespace {

using protocol::AgentCall;
using protocol::MasterEvent;

void set_retry(State& state, const std::string& uuid, Operation& operation, Time value) {
  if (operation.retry_at != never) state.operation_retries.erase({operation.retry_at, uuid});
  operation.retry_at = value;
  if (value != never) state.operation_retries.emplace(value, uuid);
}

void transmit(Context& context, const std::string& uuid, Operation& operation, Duration wait) {
  operation.retry_interval = wait;
  set_retry(context.state, uuid, operation, saturating_add(context.now, wait));
  AgentCall call;
  call.set_type(AgentCall::OPERATION_UPDATE);
  auto* update = call.mutable_operation_update();
  *update->mutable_framework_id() = operation.info.framework_id();
  update->set_operation_uuid(uuid);
  *update->mutable_status() = operation.info.latest_status();
  send(context, std::move(call));
}

// Told until it is acknowledged. The operator, and who gave no id, do not wait for it.
void report(Context& context, const MasterEvent::ApplyOperation& event,
            mesos::v1::OperationState outcome, std::string message) {
  State& state = context.state;
  if (!event.has_uuid()) return;
  Operation& operation = state.operations[event.uuid()];
  set_retry(state, event.uuid(), operation, never);
  operation.durable = false;
  *operation.info.mutable_framework_id() = event.framework_id();
  *operation.info.mutable_agent_id() = model::to_proto(state.id);
  *operation.info.mutable_info() = event.operation();
  operation.info.mutable_uuid()->set_value(event.uuid());
  mesos::v1::OperationStatus status;
  *status.mutable_operation_id() = event.operation().id();
  status.set_state(outcome);
  if (!message.empty()) status.set_message(std::move(message));
  status.mutable_uuid()->set_value(state.rng.uuid_bytes());
  *status.mutable_agent_id() = model::to_proto(state.id);
  *operation.info.mutable_latest_status() = status;
  *operation.info.add_statuses() = std::move(status);
  put_operation(context, operation);
  when_durable(context, OperationDurable{event.uuid()});
}

}  // namespace

void apply_operation(Context& context, const MasterEvent::ApplyOperation& event) {
  State& state = context.state;
  const auto conversion = model::conversion_of(event.operation());
  const model::Resources from = conversion ? conversion->from.unallocated() : model::Resources();
  if (!conversion || !state.total.contains(from)) {
    const std::string why = conversion
                                ? state.total.describe() + " does not contain " + from.describe()
                                : conversion.error().message;
    log::warning("an operation of the master cannot be applied: {}", why);
    drop_operation(context, event, why);
    state.subscribe_at = context.now;  // the master believes something else of this agent
    return;
  }
  const model::Resources to = conversion->to.unallocated();
  VolumesDurable volumes;
  for (const model::Entry& entry : from.persistent_volumes().entries()) {
    if (to.persistent_volumes().empty()) volumes.removed.push_back(removed_volume(state, entry));
  }
  for (const model::Entry& entry : to.persistent_volumes().entries()) {
    if (from.persistent_volumes().empty()) volumes.made.push_back(volume_directory(state, entry));
  }
  state.removals.insert(state.removals.end(), volumes.removed.begin(), volumes.removed.end());
  state.total -= from;
  state.total += to;
  put_resources(context);
  if (!volumes.made.empty() || !volumes.removed.empty()) {
    when_durable(context, std::move(volumes));
  }
  report(context, event, mesos::v1::OPERATION_FINISHED, "");
}

void drop_operation(Context& context, const MasterEvent::ApplyOperation& event,
                    std::string message) {
  report(context, event, mesos::v1::OPERATION_DROPPED, std::move(message));
}

void operation_durable(Context& context, const std::string& uuid) {
  State& state = context.state;
  const auto found = state.operations.find(uuid);
  if (found == state.operations.end()) return;
  found->second.durable = true;
  if (state.registered && found->second.retry_at == never) {
    transmit(context, uuid, found->second, state.options.status_update_retry_min);
  }
}

void flush_operations(Context& context) {
  State& state = context.state;
  for (auto& [uuid, operation] : state.operations) {
    if (operation.durable) {
      transmit(context, uuid, operation, state.options.status_update_retry_min);
    }
  }
}

void resend_operation(Context& context, const std::string& uuid) {
  State& state = context.state;
  Operation& operation = state.operations.at(uuid);
  if (!state.registered) return set_retry(state, uuid, operation, never);  // see flush_operations()
  transmit(context, uuid, operation,
           std::min(operation.retry_interval * 2, state.options.status_update_retry_max));
}

void acknowledge_operation(Context& context, const MasterEvent::AcknowledgeOperation& event) {
  State& state = context.state;
  const auto found = state.operations.find(event.operation_uuid());
  if (found == state.operations.end()) return;
  if (found->second.info.latest_status().uuid().value() != event.status_uuid()) return;
  set_retry(state, found->first, found->second, never);
  erase(context, operation_key(found->first));
  state.operations.erase(found);
}

}  // namespace mesolith::agent
