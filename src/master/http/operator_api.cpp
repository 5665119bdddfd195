// SPDX-License-Identifier: Apache-2.0
// POST /api/v1: the operator API (mesos-api.md 3.1, shapes 4.4), both media types.
#include "master/http/documents.hpp"
#include "master/http/routes.hpp"
#include "mesos/v1/master/master.pb.h"

namespace mesolith::master::http {
namespace {

using mesos::v1::master::Call;
using MasterResponse = mesos::v1::master::Response;

void set_time(mesos::v1::TimeInfo* out, Time time) {
  out->set_nanoseconds(time.time_since_epoch().count());
}

void write(const model::Resources& resources, model::RepeatedResource* out) {
  resources.append_to(out, model::Format::post_reservation_refinement);
}

void fill(MasterResponse::GetAgents* out, const State& state) {
  for (const auto& [id, agent] : state.agents) {
    auto& one = *out->add_agents();
    *one.mutable_agent_info() = agent.info;
    one.set_active(agent.active);
    one.set_deactivated(false);
    one.set_version(agent.version);
    one.set_pid(agent.process_id);
    set_time(one.mutable_registered_time(), agent.registered);
    if (agent.ever_reregistered) set_time(one.mutable_reregistered_time(), agent.reregistered);
    write(agent.total, one.mutable_total_resources());
    write(used(agent), one.mutable_allocated_resources());
    write(offered(state, agent.offers), one.mutable_offered_resources());
    for (const auto& capability : agent.capabilities) *one.add_capabilities() = capability;
  }
  for (const auto& [id, agent] : state.recovered_agents) *out->add_recovered_agents() = agent.info;
}

void fill(mesos::v1::Offer* out, const Offer& offer, const State& state) {
  out->mutable_id()->set_value(offer.id.value);
  out->mutable_framework_id()->set_value(offer.framework_id.value);
  out->mutable_agent_id()->set_value(offer.agent_id.value);
  const auto agent = state.agents.find(offer.agent_id);
  out->set_hostname(agent == state.agents.end() ? "" : agent->second.info.hostname());
  write(offer.resources, out->mutable_resources());
  out->mutable_allocation_info()->set_role(offer.role);
}

void fill(MasterResponse::GetFrameworks::Framework* out, const Framework& framework,
          const State& state) {
  *out->mutable_framework_info() = framework.info;
  out->set_active(framework.active);
  out->set_connected(framework.connected);
  out->set_recovered(framework.recovered);
  set_time(out->mutable_registered_time(), framework.registered);
  if (framework.ever_reregistered)
    set_time(out->mutable_reregistered_time(), framework.reregistered);
  if (framework.unregistered != Time{})
    set_time(out->mutable_unregistered_time(), framework.unregistered);
  for (const OfferId& id : framework.offers) {
    const auto found = state.offers.find(id);
    if (found != state.offers.end()) fill(out->add_offers(), found->second, state);
  }
  write(used(framework), out->mutable_allocated_resources());
  write(offered(state, framework.offers), out->mutable_offered_resources());
}

void fill(MasterResponse::GetFrameworks* out, const State& state) {
  for (const auto& [id, framework] : state.frameworks)
    fill(out->add_frameworks(), framework, state);
  for (const auto& completed : state.completed_frameworks) {
    fill(out->add_completed_frameworks(), completed.framework, state);
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

void fill(MasterResponse::GetRoles* out, const State& state) {
  std::map<std::string, std::vector<std::string>> members;
  std::map<std::string, model::Resources> allocated;
  for (const auto& [id, framework] : state.frameworks) {
    for (const std::string& role : framework.roles) members[role].push_back(id.value);
    for (const auto& [agent, resources] : framework.used) {
      for (const std::string& role : resources.allocation_roles()) {
        allocated[role] += resources.allocated_part(role);
      }
    }
  }
  for (const auto& [name, frameworks] : members) {
    auto& role = *out->add_roles();
    role.set_name(name);
    role.set_weight(state.allocator.weight(name));
    for (const std::string& id : frameworks) role.add_frameworks()->set_value(id);
    write(allocated[name], role.mutable_resources());
  }
}

void fill_metrics(MasterResponse::GetMetrics* out, const Context& context) {
  for (const auto& [name, value] : collect_metrics(context)) {
    auto& metric = *out->add_metrics();
    metric.set_name(name);
    metric.set_value(value);
  }
}

// A call that only reads: its response, or nothing when the call is of another kind.
std::optional<MasterResponse> read(const Context& context, const Call& call) {
  const State& state = context.state;
  MasterResponse response;
  MasterResponse::Type type = MasterResponse::UNKNOWN;
  if (!MasterResponse::Type_Parse(Call::Type_Name(call.type()), &type)) return std::nullopt;
  response.set_type(type);
  switch (call.type()) {
    case Call::GET_HEALTH:
      response.mutable_get_health()->set_healthy(true);
      break;
    case Call::GET_FLAGS:
      for (const auto& [name, value] : state.options.flags) {
        auto& flag = *response.mutable_get_flags()->add_flags();
        flag.set_name(name);
        flag.set_value(value);
      }
      break;
    case Call::GET_VERSION:
      response.mutable_get_version()->mutable_version_info()->set_version(state.options.version);
      break;
    case Call::GET_METRICS:
      fill_metrics(response.mutable_get_metrics(), context);
      break;
    case Call::GET_LOGGING_LEVEL:
      response.mutable_get_logging_level()->set_level(0);
      break;
    case Call::GET_STATE:
      fill(response.mutable_get_state()->mutable_get_tasks(), state);
      fill(response.mutable_get_state()->mutable_get_executors(), state);
      fill(response.mutable_get_state()->mutable_get_frameworks(), state);
      fill(response.mutable_get_state()->mutable_get_agents(), state);
      break;
    case Call::GET_AGENTS:
      fill(response.mutable_get_agents(), state);
      break;
    case Call::GET_FRAMEWORKS:
      fill(response.mutable_get_frameworks(), state);
      break;
    case Call::GET_EXECUTORS:
      fill(response.mutable_get_executors(), state);
      break;
    case Call::GET_OPERATIONS:
      response.mutable_get_operations();
      break;
    case Call::GET_TASKS:
      fill(response.mutable_get_tasks(), state);
      break;
    case Call::GET_ROLES:
      fill(response.mutable_get_roles(), state);
      break;
    case Call::GET_WEIGHTS:
      for (const auto& [role, weight] : state.options.weights) {
        auto& info = *response.mutable_get_weights()->add_weight_infos();
        info.set_role(role);
        info.set_weight(weight);
      }
      response.mutable_get_weights();
      break;
    case Call::GET_MASTER:
      *response.mutable_get_master()->mutable_master_info() = state.info;
      response.mutable_get_master()->set_start_time(to_seconds(state.started));
      response.mutable_get_master()->set_elected_time(to_seconds(state.elected));
      break;
    default:
      return std::nullopt;
  }
  return response;
}

std::optional<std::string> invalid(const Call& call) {
  if (!call.has_type() || call.type() == Call::UNKNOWN) return "Expecting 'type' to be present";
  const auto missing = [](const char* field) {
    return "Expecting '" + std::string(field) + "' to be present";
  };
  switch (call.type()) {
    case Call::GET_METRICS:
      if (!call.has_get_metrics()) return missing("get_metrics");
      break;
    case Call::LIST_FILES:
      if (!call.has_list_files()) return missing("list_files");
      break;
    case Call::READ_FILE:
      if (!call.has_read_file()) return missing("read_file");
      break;
    case Call::TEARDOWN:
      if (!call.has_teardown()) return missing("teardown");
      break;
    default:
      break;
  }
  return std::nullopt;
}

}  // namespace

Outcome operator_api(const Context& context) {
  const wire::Request& request = context.request;
  if (!context.state.recovered) return wire::text(503, "Master has not finished recovery");
  if (request.method != "POST") return method_not_allowed(request, "POST");
  Call call;
  if (auto refused = decode_body(request, call)) return *refused;
  if (auto problem = invalid(call)) {
    return wire::text(400, "Failed to validate master::Call: " + *problem);
  }
  const std::optional<wire::Media> media = accepted_media(request);
  if (!media) return not_acceptable();
  if (call.type() == Call::TEARDOWN) {
    const FrameworkId id(call.teardown().framework_id().value());
    if (!context.state.frameworks.contains(id)) {
      return wire::text(400, "No framework found with specified ID");
    }
    return Accepted{wire::empty(200), FrameworkTornDown{id}};
  }
  if (call.type() == Call::LIST_FILES || call.type() == Call::READ_FILE) return wire::empty(404);
  const std::optional<MasterResponse> answer = read(context, call);
  if (!answer) {
    return wire::text(
        501, "The call " + Call::Type_Name(call.type()) + " is not served by this version");
  }
  return wire::api_answer(*media, wire::encode(*media, *answer));
}

}  // namespace mesolith::master::http
