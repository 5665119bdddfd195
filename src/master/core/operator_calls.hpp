// SPDX-License-Identifier: Apache-2.0
// What an operator asks for (mesos-api.md 3.1): each call is checked against the state, made
// durable, then carried out and answered. A refusal is answered at once and changes nothing.
#pragma once

#include "master/core/internal.hpp"

namespace mesolith::master {

using OperatorCall = mesos::v1::master::Call;

void answer(Turn, RequestId, int status, std::string message = "");
void call_durable(Turn, const OperatorCalled&);  // carries it out

// What the operator set for the whole cluster is to be `wanted`: durable, then PendingCall. Too
// large: refused with 413.
void persist_cluster(Turn, const OperatorCalled&, registry::Cluster wanted);

// Weights and quotas.
void begin_weights(Turn, const OperatorCalled&);
void set_weights(Turn, const OperatorCall::UpdateWeights&);
void recover_weights(State&);
void begin_quota_update(Turn, const OperatorCalled&);
void begin_quota_set(Turn, const OperatorCalled&);
void begin_quota_removal(Turn, const OperatorCalled&);
void set_quotas(Turn, const OperatorCall::UpdateQuota&);
void recover_quotas(State&);
model::Quantities unreserved_of(const Offer&);

// Maintenance.
void begin_schedule(Turn, const OperatorCalled&);
void begin_machines_down(Turn, const OperatorCalled&);
void begin_machines_up(Turn, const OperatorCalled&);
void apply_maintenance(Turn);
std::optional<mesos::v1::Unavailability> unavailability_of(const State&, const Agent&);
void note_unavailability(Turn, Agent&);  // of an agent that has come
bool is_down(const State&, const std::string& hostname, const std::string& ip);

// Inverse offers.
void make_inverse_offers(Turn);
void accept_inverse_offers(Turn, Framework&, const SchedulerCall&);
void decline_inverse_offers(Turn, Framework&, const SchedulerCall&);
void drop_inverse_offers(Turn, Agent&);            // all of an agent, rescinded
void drop_inverse_offers(Turn, const Framework&);  // all of a framework, which is not told
void revive_inverse_offers(Turn, const Framework&);

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
