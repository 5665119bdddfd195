// SPDX-License-Identifier: Apache-2.0
// /state of the agent (mesos-api.md 3.4).
#include "agent/http/documents.hpp"
#include "agent/http/routes.hpp"

namespace mesolith::agent::http {
namespace {

using wire::JsonWriter;

constexpr const char* capabilities[] = {
    "MULTI_ROLE",    "HIERARCHICAL_ROLE",        "RESERVATION_REFINEMENT", "RESOURCE_PROVIDER",
    "RESIZE_VOLUME", "AGENT_OPERATION_FEEDBACK", "AGENT_DRAINING",         "TASK_RESOURCE_LIMITS"};

void write_identity(JsonWriter& json, const State& state) {
  const Options& options = state.options;
  json.member("version", options.version);
  json.member("build_date", "");
  json.member("build_time", 0.0);
  json.member("build_user", "");
  json.member("start_time", to_seconds(state.started));
  json.member("id", state.id.value);
  json.member("pid", "slave(1)@" + options.ip + ":" + std::to_string(state.info.port()));
  json.member("hostname", state.info.hostname());
  json.key("capabilities");
  json.begin_array();
  for (const char* capability : capabilities) json.string(capability);
  json.end_array();
  if (!state.drain) return;
  json.key("drain_config").message(*state.drain);
  json.member("estimated_drain_start_time_seconds", to_seconds(state.drain_started));
}

void write_all_resources(JsonWriter& json, const State& state) {
  const model::Resources& total = state.total;
  const model::Resources in_use = used(state).unallocated();
  const auto reserved = reserved_by_role(total);
  json.key("resources");
  write_resources(json, total);
  json.key("reserved_resources");
  json.begin_object();
  for (const auto& [role, resources] : reserved) {
    json.key(role);
    write_resources(json, resources);
  }
  json.end_object();
  json.key("unreserved_resources");
  write_resources(json, total.unreserved());
  json.key("reserved_resources_full");
  json.begin_object();
  for (const auto& [role, resources] : reserved) {
    json.key(role);
    write_resources_full(json, resources);
  }
  json.end_object();
  json.key("unreserved_resources_full");
  write_resources_full(json, total.unreserved());
  json.key("reserved_resources_allocated");
  json.begin_object();
  for (const auto& [role, resources] : reserved_by_role(in_use)) {
    json.key(role);
    write_resources(json, resources);
  }
  json.end_object();
  json.key("unreserved_resources_allocated");
  write_resources(json, in_use.unreserved());
}

}  // namespace

Outcome state_document(const Context& context) {
  const State& state = context.state;
  if (!state.recovered) return wire::text(503, "Agent has not finished recovery");
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  write_identity(json, state);
  write_all_resources(json, state);
  json.key("resource_providers");
  json.begin_array();
  json.end_array();
  json.key("attributes");
  write_attributes(json, state.info);
  if (state.registered && state.master_info) {
    json.member("master_hostname", state.master_info->hostname());
  }
  if (!state.options.log_dir.empty()) json.member("log_dir", state.options.log_dir);
  json.key("flags");
  json.begin_object();
  for (const auto& [name, value] : state.options.flags) json.member(name, value);
  json.end_object();
  json.key("frameworks");
  json.begin_array();
  for (const auto& [id, framework] : state.frameworks) write_framework(json, state, framework);
  json.end_array();
  json.key("completed_frameworks");
  json.begin_array();
  for (const Framework& framework : state.completed_frameworks) {
    write_framework(json, state, framework);
  }
  json.end_array();
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace mesolith::agent::http
