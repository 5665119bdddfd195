// SPDX-License-Identifier: Apache-2.0
// /registrar(1)/registry: what is durable, in the shape of the original's registry
// (mesos-api.md 6.3).
#include "master/http/routes.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::master::http {
namespace {

using wire::JsonWriter;

template <class Fill>
void list_in(JsonWriter& json, const char* key, Fill fill) {
  json.key(key);
  json.begin_object();
  json.key(key);
  json.begin_array();
  fill();
  json.end_array();
  json.end_object();
}

void write_agent(JsonWriter& json, const State& state, const mesos::v1::AgentInfo& info) {
  const auto found = state.deactivated_agents.find(AgentId(info.id().value()));
  const bool deactivated = found != state.deactivated_agents.end();
  json.begin_object();
  json.member("deactivated", deactivated);
  if (deactivated && found->second.drain) json.key("drain_info").message(*found->second.drain);
  json.key("info").message(info);
  json.end_object();
}

void write_away(JsonWriter& json, const std::string& id, Time since) {
  json.begin_object();
  json.key("id");
  json.begin_object();
  json.member("value", id);
  json.end_object();
  if (since != Time{}) {
    json.key("timestamp");
    json.begin_object();
    json.member("nanoseconds", since.time_since_epoch().count());
    json.end_object();
  }
  json.end_object();
}

void write_agents(JsonWriter& json, const State& state) {
  list_in(json, "slaves", [&] {
    for (const auto& [id, agent] : state.agents) write_agent(json, state, agent.info);
    for (const auto& [id, agent] : state.recovered_agents) write_agent(json, state, agent.info);
  });
  if (!state.unreachable_agents.empty()) {
    json.key("unreachable");
    json.begin_object();
    json.key("slaves");
    json.begin_array();
    for (const auto& [id, agent] : state.unreachable_agents) {
      write_away(json, id.value, agent.since);
    }
    json.end_array();
    json.end_object();
  }
  if (!state.gone_agents.empty()) {
    json.key("gone");
    json.begin_object();
    json.key("slaves");
    json.begin_array();
    for (const AgentId& id : state.gone_agents) write_away(json, id.value, Time{});
    json.end_array();
    json.end_object();
  }
}

}  // namespace

Outcome registry_document(const Context& context) {
  const State& state = context.state;
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  list_in(json, "machines", [&] {
    for (const auto& machine : state.cluster.machines()) {
      json.begin_object();
      json.key("info").message(machine);
      json.end_object();
    }
  });
  json.key("master");
  json.begin_object();
  json.key("info").message(state.info);
  json.end_object();
  json.key("minimum_capabilities");
  json.begin_array();
  if (!state.cluster.quotas().empty()) {
    json.begin_object();
    json.member("capability", "QUOTA_V2");
    json.end_object();
  }
  json.end_array();
  json.key("quota_configs");
  json.begin_array();
  for (const auto& config : state.cluster.quotas()) json.message(config);
  json.end_array();
  json.key("schedules");
  json.begin_array();
  if (state.cluster.has_schedule()) json.message(state.cluster.schedule());
  json.end_array();
  write_agents(json, state);
  json.key("weights");
  json.begin_array();
  for (const auto& weight : state.cluster.weights()) {
    json.begin_object();
    json.key("info").message(weight);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace mesolith::master::http
