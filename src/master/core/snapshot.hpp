// SPDX-License-Identifier: Apache-2.0
// The state as the messages of the operator API (mesos-api.md 4.4): what GET_STATE, GET_AGENTS and
// the like answer, and what the operator event stream begins with. Copies; nothing here changes
// anything.
#pragma once

#include <set>

#include "master/core/state.hpp"
#include "mesos/v1/master/master.pb.h"

namespace mesolith::master {

// What an agent or a framework has been offered and uses.
model::Resources offered(const State& state, const std::set<OfferId>& offers);
model::Resources used(const Agent& agent);
model::Resources used(const Framework& framework);

// An offer as its framework sees it.
mesos::v1::Offer describe(const State& state, const Offer& offer);
mesos::v1::master::Response::GetAgents::Agent describe(const State& state, const Agent& agent);
mesos::v1::master::Response::GetFrameworks::Framework describe(const State& state,
                                                               const Framework& framework);

mesos::v1::InverseOffer describe_inverse(const Agent& agent, const FrameworkId& framework,
                                         const OfferId& id);
mesos::v1::quota::QuotaStatus quota_status(const State& state);
mesos::v1::maintenance::ClusterStatus maintenance_status(const State& state);

void fill(mesos::v1::master::Response::GetAgents* out, const State& state);
void fill(mesos::v1::master::Response::GetFrameworks* out, const State& state);
void fill(mesos::v1::master::Response::GetTasks* out, const State& state);
void fill(mesos::v1::master::Response::GetExecutors* out, const State& state);
void fill(mesos::v1::master::Response::GetState* out, const State& state);

}  // namespace mesolith::master
