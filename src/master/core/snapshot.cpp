// SPDX-License-Identifier: Apache-2.0
#include "master/core/snapshot.hpp"

#include "model/ids.hpp"

namespace mesolith::master {
namespace {

using MasterResponse = mesos::v1::master::Response;

void set_time(mesos::v1::TimeInfo* out, Time time) {
  out->set_nanoseconds(time.time_since_epoch().count());
}

// Sums are shown with the old fields role and reservation beside the new ones.
void write(const model::Resources& resources, model::RepeatedResource* out) {
  resources.append_to(out, model::Format::endpoint);
}

mesos::v1::URL url_of(const Agent& agent) {
  mesos::v1::URL url;
  url.set_scheme("http");
  url.mutable_address()->set_hostname(agent.info.hostname());
  url.mutable_address()->set_ip(agent.ip);
  url.mutable_address()->set_port(agent.info.port());
  url.set_path("/slave(1)");
  return url;
}

}  // namespace

model::Resources offered(const State& state, const std::set<OfferId>& offers) {
  model::Resources sum;
  for (const OfferId& id : offers) {
    const auto found = state.offers.find(id);
    if (found != state.offers.end()) sum += found->second.resources;
  }
  return sum;
}

model::Resources used(const Agent& agent) {
  model::Resources sum;
  for (const auto& [framework, resources] : agent.used) sum += resources;
  return sum;
}

model::Resources used(const Framework& framework) {
  model::Resources sum;
  for (const auto& [agent, resources] : framework.used) sum += resources;
  return sum;
}

mesos::v1::Offer describe(const State& state, const Offer& offer) {
  const Framework& framework = state.frameworks.at(offer.framework_id);
  const Agent& agent = state.agents.at(offer.agent_id);
  mesos::v1::Offer out;
  out.mutable_id()->set_value(offer.id.value);
  out.mutable_framework_id()->set_value(framework.id.value);
  out.mutable_agent_id()->set_value(agent.id.value);
  out.set_hostname(agent.info.hostname());
  *out.mutable_url() = url_of(agent);
  if (agent.info.has_domain()) *out.mutable_domain() = agent.info.domain();
  offer.resources.append_to(
      out.mutable_resources(),
      framework.refinement ? model::Format::post_reservation_refinement
                           : model::Format::pre_reservation_refinement,
      framework.multi_role ? model::Allocation::keep : model::Allocation::strip);
  *out.mutable_attributes() = agent.info.attributes();
  if (const auto executors = framework.executors.find(agent.id);
      executors != framework.executors.end()) {
    for (const auto& [id, executor] : executors->second)
      *out.add_executor_ids() = model::to_proto(id);
  }
  if (agent.unavailability) *out.mutable_unavailability() = *agent.unavailability;
  if (framework.multi_role) out.mutable_allocation_info()->set_role(offer.role);
  return out;
}

mesos::v1::InverseOffer describe_inverse(const Agent& agent, const FrameworkId& framework,
                                         const OfferId& id) {
  mesos::v1::InverseOffer out;
  out.mutable_id()->set_value(id.value);
  *out.mutable_url() = url_of(agent);
  out.mutable_framework_id()->set_value(framework.value);
  out.mutable_agent_id()->set_value(agent.id.value);
  *out.mutable_unavailability() = *agent.unavailability;
  return out;
}

MasterResponse::GetAgents::Agent describe(const State& state, const Agent& agent) {
  MasterResponse::GetAgents::Agent out;
  *out.mutable_agent_info() = agent.info;
  out.set_active(agent.active);
  const auto deactivation = state.deactivated_agents.find(agent.id);
  out.set_deactivated(deactivation != state.deactivated_agents.end());
  out.set_version(agent.version);
  out.set_pid(agent.process_id);
  set_time(out.mutable_registered_time(), agent.registered);
  if (agent.ever_reregistered) set_time(out.mutable_reregistered_time(), agent.reregistered);
  write(agent.total, out.mutable_total_resources());
  write(used(agent), out.mutable_allocated_resources());
  write(offered(state, agent.offers), out.mutable_offered_resources());
  for (const auto& capability : agent.capabilities) *out.add_capabilities() = capability;
  if (out.deactivated() && deactivation->second.drain) {
    *out.mutable_drain_info() = *deactivation->second.drain;
    set_time(out.mutable_estimated_drain_start_time(), deactivation->second.drain_started);
  }
  return out;
}

MasterResponse::GetFrameworks::Framework describe(const State& state, const Framework& framework) {
  MasterResponse::GetFrameworks::Framework out;
  *out.mutable_framework_info() = framework.info;
  out.set_active(framework.active);
  out.set_connected(framework.connected);
  out.set_recovered(framework.recovered);
  set_time(out.mutable_registered_time(), framework.registered);
  set_time(out.mutable_reregistered_time(),
           framework.ever_reregistered ? framework.reregistered : framework.registered);
  out.mutable_offer_constraints();
  if (framework.unregistered != Time{})
    set_time(out.mutable_unregistered_time(), framework.unregistered);
  for (const OfferId& id : framework.offers) {
    const auto found = state.offers.find(id);
    if (found != state.offers.end()) *out.add_offers() = describe(state, found->second);
  }
  for (const AgentId& id : state.unavailable_agents) {
    const Agent& agent = state.agents.at(id);
    const auto found = agent.inverse_offers.find(framework.id);
    if (found == agent.inverse_offers.end() || found->second.outstanding.empty()) continue;
    *out.add_inverse_offers() = describe_inverse(agent, framework.id, found->second.outstanding);
  }
  write(used(framework), out.mutable_allocated_resources());
  write(offered(state, framework.offers), out.mutable_offered_resources());
  return out;
}

void fill(MasterResponse::GetAgents* out, const State& state) {
  for (const auto& [id, agent] : state.agents) *out->add_agents() = describe(state, agent);
  for (const auto& [id, agent] : state.recovered_agents) *out->add_recovered_agents() = agent.info;
}

void fill(MasterResponse::GetFrameworks* out, const State& state) {
  for (const auto& [id, framework] : state.frameworks) {
    *out->add_frameworks() = describe(state, framework);
  }
  for (const auto& completed : state.completed_frameworks) {
    *out->add_completed_frameworks() = describe(state, completed.framework);
  }
}

void fill(MasterResponse::GetTasks* out, const State& state) {
  for (const auto& [id, framework] : state.frameworks) {
    for (const auto& [task_id, task] : framework.tasks) *out->add_tasks() = task.proto;
    for (const auto& [task_id, task] : framework.unreachable_tasks) {
      *out->add_unreachable_tasks() = task.proto;
    }
    for (const auto& task : framework.completed_tasks) *out->add_completed_tasks() = task;
  }
  for (const auto& completed : state.completed_frameworks) {
    for (const auto& task : completed.framework.completed_tasks) *out->add_completed_tasks() = task;
  }
}

void fill(MasterResponse::GetExecutors* out, const State& state) {
  for (const auto& [id, framework] : state.frameworks) {
    for (const auto& [agent, executors] : framework.executors) {
      for (const auto& [executor_id, executor] : executors) {
        auto& one = *out->add_executors();
        *one.mutable_executor_info() = executor;
        one.mutable_agent_id()->set_value(agent.value);
      }
    }
  }
}

void fill(MasterResponse::GetState* out, const State& state) {
  fill(out->mutable_get_tasks(), state);
  fill(out->mutable_get_executors(), state);
  fill(out->mutable_get_frameworks(), state);
  fill(out->mutable_get_agents(), state);
}

}  // namespace mesolith::master
