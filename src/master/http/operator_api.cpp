// SPDX-License-Identifier: Apache-2.0
// POST /api/v1: the operator API (mesos-api.md 3.1, shapes 4.4), both media types.
#include <google/protobuf/descriptor.h>

#include <cctype>

#include "master/core/snapshot.hpp"
#include "master/http/documents.hpp"
#include "master/http/routes.hpp"
#include "mesos/v1/master/master.pb.h"

namespace mesolith::master::http {
namespace {

using mesos::v1::master::Call;
using MasterResponse = mesos::v1::master::Response;

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
  for (const auto& config : state.cluster.quotas()) members[config.role()];
  for (const auto& [role, weight] : state.weights) members[role];
  for (const auto& [name, frameworks] : members) {
    auto& role = *out->add_roles();
    role.set_name(name);
    role.set_weight(state.allocator.weight(name));
    for (const std::string& id : frameworks) role.add_frameworks()->set_value(id);
    allocated[name].append_to(role.mutable_resources(), model::Format::post_reservation_refinement);
  }
}

void fill(MasterResponse::GetFlags* out, const State& state) {
  for (const auto& [name, value] : state.options.flags) {
    auto& flag = *out->add_flags();
    flag.set_name(name);
    flag.set_value(value);
  }
}

void fill(MasterResponse::GetWeights* out, const State& state) {
  for (const auto& [role, weight] : state.weights) {
    auto& info = *out->add_weight_infos();
    info.set_role(role);
    info.set_weight(weight);
  }
}

mesos::v1::VersionInfo version_of(const State& state) {
  mesos::v1::VersionInfo info;
  info.set_version(state.options.version);
  info.set_build_date("");
  info.set_build_time(0);
  info.set_build_user("");
  return info;
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
      fill(response.mutable_get_flags(), state);
      break;
    case Call::GET_VERSION:
      *response.mutable_get_version()->mutable_version_info() = version_of(state);
      break;
    case Call::GET_METRICS:
      fill_metrics(response.mutable_get_metrics(), context);
      break;
    case Call::GET_LOGGING_LEVEL:
      response.mutable_get_logging_level()->set_level(0);
      break;
    case Call::GET_STATE:
      fill(response.mutable_get_state(), state);
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
      for (const auto& [id, agent] : state.agents) {
        for (const auto& [uuid, operation] : agent.operations) {
          *response.mutable_get_operations()->add_operations() = operation;
        }
      }
      break;
    case Call::GET_TASKS:
      fill(response.mutable_get_tasks(), state);
      break;
    case Call::GET_ROLES:
      fill(response.mutable_get_roles(), state);
      break;
    case Call::GET_WEIGHTS:
      fill(response.mutable_get_weights(), state);
      break;
    case Call::GET_QUOTA:
      *response.mutable_get_quota()->mutable_status() = quota_status(state);
      break;
    case Call::GET_MAINTENANCE_SCHEDULE:
      *response.mutable_get_maintenance_schedule()->mutable_schedule() = state.cluster.schedule();
      break;
    case Call::GET_MAINTENANCE_STATUS:
      *response.mutable_get_maintenance_status()->mutable_status() = maintenance_status(state);
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

// Every type whose name, in lower case, is that of a field demands that field.
std::optional<std::string> invalid(const Call& call) {
  if (!call.has_type() || call.type() == Call::UNKNOWN) return "Expecting 'type' to be present";
  std::string name = Call::Type_Name(call.type());
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto* field = Call::descriptor()->FindFieldByName(name);
  if (!field || call.GetReflection()->HasField(call, field)) return std::nullopt;
  return "Expecting '" + name + "' to be present";
}

// Calls that change the cluster: the core checks them.
bool changes(Call::Type type) {
  switch (type) {
    case Call::DRAIN_AGENT:
    case Call::DEACTIVATE_AGENT:
    case Call::REACTIVATE_AGENT:
    case Call::MARK_AGENT_GONE:
    case Call::UPDATE_WEIGHTS:
    case Call::UPDATE_QUOTA:
    case Call::SET_QUOTA:
    case Call::REMOVE_QUOTA:
    case Call::UPDATE_MAINTENANCE_SCHEDULE:
    case Call::START_MAINTENANCE:
    case Call::STOP_MAINTENANCE:
      return true;
    default:
      return false;
  }
}

// Its own log is the only file there is.
Outcome look_at_log(const Context& context, const Call& call, wire::Media media) {
  const bool list = call.type() == Call::LIST_FILES;
  const std::string& path = list ? call.list_files().path() : call.read_file().path();
  if (path != log_path || context.figures.log_file.empty()) return wire::empty(404);
  if (list) {
    MasterResponse response;
    response.set_type(MasterResponse::LIST_FILES);
    response.mutable_list_files();
    return wire::api_answer(media, wire::encode(media, response));
  }
  ReadLog read;
  read.call = media;
  read.offset = call.read_file().offset();
  if (call.read_file().has_length()) read.length = call.read_file().length();
  return read;
}

}  // namespace

wire::Response render(const AnswerOperator& answer) {
  if (answer.message.empty()) return wire::empty(answer.status);
  return wire::text(answer.status, answer.message);
}

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
  if (call.type() == Call::SUBSCRIBE) {
    return OpenStream{wire::api_answer(*media, ""), *media, OperatorSubscribing{}};
  }
  if (changes(call.type())) return Asked{{0, std::move(call)}};
  if (call.type() == Call::TEARDOWN) {
    const FrameworkId id(call.teardown().framework_id().value());
    if (!context.state.frameworks.contains(id)) {
      return wire::text(400, "No framework found with specified ID");
    }
    return Accepted{wire::empty(200), FrameworkTornDown{id}};
  }
  if (auto outcome = resource_operation(context.state, call)) return *std::move(outcome);
  if (call.type() == Call::LIST_FILES || call.type() == Call::READ_FILE) {
    return look_at_log(context, call, *media);
  }
  const std::optional<MasterResponse> answer = read(context, call);
  if (!answer) {
    return wire::text(
        501, "The call " + Call::Type_Name(call.type()) + " is not served by this version");
  }
  return wire::api_answer(*media, wire::encode(*media, *answer));
}

}  // namespace mesolith::master::http
