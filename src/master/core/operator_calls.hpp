// SPDX-License-Identifier: Apache-2.0
// What an operator asks for (mesos-api.md 3.1): each call is checked against the state, made
// durable, then carried out and answered. A refusal is answered at once and changes nothing.
#pragma once

#include "master/core/internal.hpp"

namespace mesolith::master {

using OperatorCall = mesos::v1::master::Call;

void answer(Turn, RequestId, int status, std::string message = "");
void call_durable(Turn, const OperatorCalled&);  // carries it out

// Upkeep of agents: DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT, MARK_AGENT_GONE.
void begin_drain(Turn, const OperatorCalled&);
void begin_deactivation(Turn, const OperatorCalled&);
void begin_reactivation(Turn, const OperatorCalled&);
void begin_gone(Turn, const OperatorCalled&);
void drain(Turn, const AgentId&);
void deactivate(Turn, const AgentId&);
void reactivate(Turn, const AgentId&);
void became_gone(Turn, const PendingGone&);
// Its last task may have left it: the drain is then complete.
void check_drained(Turn, const AgentId&);
// Writes into a registry record what the operator has said of the agent.
void keep_deactivation(const State&, registry::Agent& record);
void recover_deactivation(State&, const registry::Agent& record);

}  // namespace mesolith::master
