// SPDX-License-Identifier: Apache-2.0
#include "master/core/operator_calls.hpp"

#include <fmt/format.h>

namespace mesolith::master {

void answer(Turn turn, RequestId request, int status, std::string message) {
  turn.effects.push_back(AnswerOperator{request, status, std::move(message)});
}

void persist_cluster(Turn turn, const OperatorCalled& called, registry::Cluster wanted) {
  if (const size_t bytes = wanted.ByteSizeLong(); bytes > turn.state.options.cluster_bytes_max) {
    return answer(
        turn, called.request, 413,
        fmt::format("Weights, quotas and maintenance would take {} bytes of the registry; "
                    "the limit is {}",
                    bytes, turn.state.options.cluster_bytes_max));
  }
  turn.state.cluster = std::move(wanted);
  Persist change;
  change.cluster = turn.state.cluster;
  persist(turn, std::move(change), PendingCall{called});
}

void on(Turn turn, const OperatorCalled& called) {
  if (turn.state.pending.size() >= turn.state.options.changes_pending_max) {
    return answer(turn, called.request, 503, "Too many changes are being written; try again");
  }
  switch (called.call.type()) {
    case OperatorCall::DRAIN_AGENT:
      return begin_drain(turn, called);
    case OperatorCall::DEACTIVATE_AGENT:
      return begin_deactivation(turn, called);
    case OperatorCall::REACTIVATE_AGENT:
      return begin_reactivation(turn, called);
    case OperatorCall::MARK_AGENT_GONE:
      return begin_gone(turn, called);
    case OperatorCall::UPDATE_WEIGHTS:
      return begin_weights(turn, called);
    case OperatorCall::UPDATE_QUOTA:
      return begin_quota_update(turn, called);
    case OperatorCall::SET_QUOTA:
      return begin_quota_set(turn, called);
    case OperatorCall::REMOVE_QUOTA:
      return begin_quota_removal(turn, called);
    case OperatorCall::UPDATE_MAINTENANCE_SCHEDULE:
      return begin_schedule(turn, called);
    case OperatorCall::START_MAINTENANCE:
      return begin_machines_down(turn, called);
    case OperatorCall::STOP_MAINTENANCE:
      return begin_machines_up(turn, called);
    default:
      return answer(turn, called.request, 501,
                    "The call " + OperatorCall::Type_Name(called.call.type()) +
                        " is not served by this version");
  }
}

void call_durable(Turn turn, const OperatorCalled& called) {
  const OperatorCall& call = called.call;
  switch (call.type()) {
    case OperatorCall::DRAIN_AGENT:
      drain(turn, AgentId(call.drain_agent().agent_id().value()));
      break;
    case OperatorCall::DEACTIVATE_AGENT:
      deactivate(turn, AgentId(call.deactivate_agent().agent_id().value()));
      break;
    case OperatorCall::REACTIVATE_AGENT:
      reactivate(turn, AgentId(call.reactivate_agent().agent_id().value()));
      break;
    case OperatorCall::UPDATE_WEIGHTS:
      set_weights(turn, call.update_weights());
      break;
    case OperatorCall::UPDATE_QUOTA:
      set_quotas(turn, call.update_quota());
      break;
    case OperatorCall::REMOVE_QUOTA:
      turn.state.allocator.set_quota(call.remove_quota().role(), {});
      break;
    case OperatorCall::UPDATE_MAINTENANCE_SCHEDULE:
    case OperatorCall::START_MAINTENANCE:
    case OperatorCall::STOP_MAINTENANCE:
      apply_maintenance(turn);
      break;
    default:
      break;
  }
  answer(turn, called.request, 200);
}

}  // namespace mesolith::master
