// SPDX-License-Identifier: Apache-2.0
#include "master/core/operator_calls.hpp"

namespace mesolith::master {

void answer(Turn turn, RequestId request, int status, std::string message) {
  turn.effects.push_back(AnswerOperator{request, status, std::move(message)});
}

void on(Turn turn, const OperatorCalled& called) {
  switch (called.call.type()) {
    case OperatorCall::DRAIN_AGENT:
      return begin_drain(turn, called);
    case OperatorCall::DEACTIVATE_AGENT:
      return begin_deactivation(turn, called);
    case OperatorCall::REACTIVATE_AGENT:
      return begin_reactivation(turn, called);
    case OperatorCall::MARK_AGENT_GONE:
      return begin_gone(turn, called);
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
    default:
      break;
  }
  answer(turn, called.request, 200);
}

}  // namespace mesolith::master
