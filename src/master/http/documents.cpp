// SPDX-License-Identifier: Apache-2.0
#include "master/http/documents.hpp"

#include "model/attributes.hpp"
#include "model/framework_info.hpp"
#include "model/task_state.hpp"

namespace mesolith::master::http {
namespace {

using wire::JsonWriter;

void write_status(JsonWriter& json, const mesos::v1::TaskStatus& status) {
  json.begin_object();
  json.member("state", model::name_of(status.state()));
  json.member("timestamp", status.timestamp());
  if (status.has_labels()) {
    json.key("labels");
    write_labels(json, status.labels());
  }
  if (status.has_container_status()) {
    json.key("container_status").message(status.container_status());
  }
  if (status.has_healthy()) json.member("healthy", status.healthy());
  json.end_object();
}

void write_attributes(JsonWriter& json, const model::RepeatedAttribute& attributes) {
  json.begin_object();
  for (const auto& attribute : attributes) {
    if (attribute.type() == mesos::v1::Value::SCALAR) {
      json.member(attribute.name(), attribute.scalar().value());
    } else {
      const std::string text = model::describe(attribute);
      json.member(attribute.name(), text.substr(attribute.name().size() + 1));
    }
  }
  json.end_object();
}

void write_command(JsonWriter& json, const mesos::v1::CommandInfo& command) {
  json.begin_object();
  if (command.has_shell()) json.member("shell", command.shell());
  if (command.has_value()) json.member("value", command.value());
  json.key("argv");
  json.begin_array();
  for (const std::string& argument : command.arguments()) json.string(argument);
  json.end_array();
  if (command.has_environment()) json.key("environment").message(command.environment());
  json.key("uris");
  json.begin_array();
  for (const auto& uri : command.uris()) json.message(uri);
  json.end_array();
  json.end_object();
}

void write_framework_capabilities(JsonWriter& json, const mesos::v1::FrameworkInfo& info) {
  using Capability = mesos::v1::FrameworkInfo::Capability;
  json.key("capabilities");
  json.begin_array();
  for (const auto& capability : info.capabilities()) {
    json.string(Capability::Type_Name(capability.type()));
  }
  json.end_array();
}

void write_roles_of(JsonWriter& json, const Framework& framework) {
  if (!framework.multi_role) {
    json.member("role", *framework.roles.begin());
    return;
  }
  json.key("roles");
  json.begin_array();
  for (const std::string& role : framework.roles) json.string(role);
  json.end_array();
}

void write_task_lists(JsonWriter& json, const Framework& framework) {
  json.key("tasks");
  json.begin_array();
  for (const auto& [id, task] : framework.tasks) write_task(json, task.proto, task.command);
  json.end_array();
  json.key("unreachable_tasks");
  json.begin_array();
  for (const auto& [id, task] : framework.unreachable_tasks) {
    write_task(json, task.proto, task.command);
  }
  json.end_array();
  json.key("completed_tasks");
  json.begin_array();
  for (const auto& task : framework.completed_tasks) {
    write_task(json, task, task.executor_id().value().empty());
  }
  json.end_array();
}

// "{a, b}", the items of all entries.
std::string describe_items(const model::Resources& sets) {
  model::Items items;
  for (const model::Entry& entry : sets.entries())
    items.insert(entry.items->begin(), entry.items->end());
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return "{" + text + "}";
}

}  // namespace

void write_resources(JsonWriter& json, const model::Resources& resources) {
  json.begin_object();
  for (const auto known :
       {model::Name::disk_id, model::Name::mem_id, model::Name::gpus_id, model::Name::cpus_id}) {
    const model::Name name(known);
    json.member(name.text(), model::to_units(resources.non_revocable().scalar(name)));
  }
  std::set<std::string> written = {"disk", "mem", "gpus", "cpus"};
  for (const model::Entry& entry : resources.entries()) {
    const std::string name = entry.name.str() + (entry.revocable() ? "_revocable" : "");
    if (!written.insert(name).second) continue;
    const model::Resources same = resources.filter([&](const model::Entry& other) {
      return other.name == entry.name && other.revocable() == entry.revocable();
    });
    json.key(name);
    switch (entry.type) {
      case model::Entry::Type::scalar:
        json.number(model::to_units(same.scalar(entry.name)));
        break;
      case model::Entry::Type::ranges:
        json.string(same.ranges(entry.name).describe());
        break;
      case model::Entry::Type::set:
        json.string(describe_items(same));
        break;
    }
  }
  json.end_object();
}

void write_resources_full(JsonWriter& json, const model::Resources& resources) {
  model::RepeatedResource list;
  resources.append_to(&list, model::Format::endpoint);
  json.begin_array();
  for (const auto& resource : list) json.message(resource);
  json.end_array();
}

void write_labels(JsonWriter& json, const mesos::v1::Labels& labels) {
  json.begin_array();
  for (const auto& label : labels.labels()) json.message(label);
  json.end_array();
}

void write_task(JsonWriter& json, const mesos::v1::Task& task, bool command) {
  const auto resources = model::Resources::parse(task.resources());
  json.begin_object();
  json.member("id", task.task_id().value());
  json.member("name", task.name());
  json.member("framework_id", task.framework_id().value());
  json.member("executor_id", command ? "" : task.executor_id().value());
  json.member("slave_id", task.agent_id().value());
  json.member("state", model::name_of(task.state()));
  json.key("resources");
  write_resources(json, resources ? *resources : model::Resources());
  json.member("role", resources ? resources->allocation_role() : std::string());
  json.key("statuses");
  json.begin_array();
  for (const auto& status : task.statuses()) write_status(json, status);
  json.end_array();
  if (task.has_user()) json.member("user", task.user());
  if (task.has_labels()) {
    json.key("labels");
    write_labels(json, task.labels());
  }
  if (task.has_discovery()) json.key("discovery").message(task.discovery());
  if (task.has_container()) json.key("container").message(task.container());
  if (task.has_health_check()) json.key("health_check").message(task.health_check());
  json.end_object();
}

void write_offer(JsonWriter& json, const Offer& offer) {
  json.begin_object();
  json.member("id", offer.id.value);
  json.member("framework_id", offer.framework_id.value);
  json.key("allocation_info");
  json.begin_object();
  json.member("role", offer.role);
  json.end_object();
  json.member("slave_id", offer.agent_id.value);
  json.key("resources");
  write_resources(json, offer.resources);
  json.end_object();
}

void write_executor(JsonWriter& json, const mesos::v1::ExecutorInfo& executor,
                    const AgentId& agent_id) {
  const auto resources = model::Resources::parse(executor.resources());
  json.begin_object();
  json.member("executor_id", executor.executor_id().value());
  json.member("name", executor.name());
  json.member("framework_id", executor.framework_id().value());
  json.key("command");
  write_command(json, executor.command());
  json.key("resources");
  write_resources(json, resources ? *resources : model::Resources());
  json.member("role", resources ? resources->allocation_role() : std::string());
  if (executor.has_labels()) {
    json.key("labels");
    write_labels(json, executor.labels());
  }
  if (executor.has_type()) {
    json.member("type", mesos::v1::ExecutorInfo::Type_Name(executor.type()));
  }
  json.member("slave_id", agent_id.value);
  json.end_object();
}

void write_agent(JsonWriter& json, const State& state, const Agent& agent, Detail detail) {
  const model::Resources in_use = used(agent), in_offers = offered(state, agent.offers);
  std::map<std::string, model::Resources> reserved;
  for (const model::Entry& entry : agent.total.reserved().entries()) {
    reserved[entry.reservation_role()] += model::Resources::of(entry);
  }
  json.begin_object();
  json.member("id", agent.id.value);
  json.member("hostname", agent.info.hostname());
  json.member("port", agent.info.port());
  json.key("attributes");
  write_attributes(json, agent.info.attributes());
  json.member("pid", agent.process_id);
  json.member("registered_time", to_seconds(agent.registered));
  if (agent.ever_reregistered) json.member("reregistered_time", to_seconds(agent.reregistered));
  const auto resources = [&](std::string_view key, const model::Resources& value) {
    json.key(key);
    write_resources(json, value);
  };
  resources("resources", agent.total);
  resources("used_resources", in_use);
  resources("offered_resources", in_offers);
  json.key("reserved_resources");
  json.begin_object();
  for (const auto& [role, value] : reserved) resources(role, value);
  json.end_object();
  resources("unreserved_resources", agent.total.unreserved());
  json.member("active", agent.active);
  const auto deactivation = state.deactivated_agents.find(agent.id);
  json.member("deactivated", deactivation != state.deactivated_agents.end());
  json.member("version", agent.version);
  json.key("capabilities");
  json.begin_array();
  for (const auto& capability : agent.capabilities) {
    json.string(mesos::v1::AgentInfo::Capability::Type_Name(capability.type()));
  }
  json.end_array();
  if (deactivation != state.deactivated_agents.end() && deactivation->second.drain) {
    json.key("drain_info").message(*deactivation->second.drain);
    json.member("estimated_drain_start_time_seconds",
                to_seconds(deactivation->second.drain_started));
  }
  if (detail == Detail::whole) {
    json.key("reserved_resources_full");
    json.begin_object();
    for (const auto& [role, value] : reserved) {
      json.key(role);
      write_resources_full(json, value);
    }
    json.end_object();
    const auto full = [&](std::string_view key, const model::Resources& value) {
      json.key(key);
      write_resources_full(json, value);
    };
    full("unreserved_resources_full", agent.total.unreserved());
    full("used_resources_full", in_use);
    full("offered_resources_full", in_offers);
  }
}

void write_recovered_agent(JsonWriter& json, const mesos::v1::AgentInfo& info) {
  json.begin_object();
  json.member("id", info.id().value());
  json.member("hostname", info.hostname());
  json.member("port", info.port());
  json.key("attributes");
  write_attributes(json, info.attributes());
  json.end_object();
}

void write_framework_summary(JsonWriter& json, const State& state, const Framework& framework) {
  json.member("id", framework.id.value);
  json.member("name", framework.info.name());
  json.key("used_resources");
  write_resources(json, used(framework));
  json.key("offered_resources");
  write_resources(json, offered(state, framework.offers));
  write_framework_capabilities(json, framework.info);
  json.member("hostname", framework.info.hostname());
  json.member("webui_url", framework.info.webui_url());
  json.member("active", framework.active);
  json.member("connected", framework.connected);
  json.member("recovered", framework.recovered);
}

void write_framework(JsonWriter& json, const State& state, const Framework& framework) {
  json.begin_object();
  write_framework_summary(json, state, framework);
  json.member("user", framework.info.user());
  json.member("failover_timeout", framework.info.failover_timeout());
  json.member("checkpoint", framework.info.checkpoint());
  json.member("registered_time", to_seconds(framework.registered));
  json.member("unregistered_time", to_seconds(framework.unregistered));
  if (framework.info.has_principal()) json.member("principal", framework.info.principal());
  json.key("resources");
  write_resources(json, used(framework) + offered(state, framework.offers));
  if (framework.ever_reregistered) {
    json.member("reregistered_time", to_seconds(framework.reregistered));
  }
  write_roles_of(json, framework);
  write_task_lists(json, framework);
  json.key("offers");
  json.begin_array();
  for (const OfferId& id : framework.offers) {
    const auto found = state.offers.find(id);
    if (found != state.offers.end()) write_offer(json, found->second);
  }
  json.end_array();
  json.key("executors");
  json.begin_array();
  for (const auto& [agent, executors] : framework.executors) {
    for (const auto& [id, executor] : executors) write_executor(json, executor, agent);
  }
  json.end_array();
  if (framework.info.has_labels()) {
    json.key("labels");
    write_labels(json, framework.info.labels());
  }
  json.key("offer_constraints");
  json.begin_object();
  json.end_object();
  json.end_object();
}

}  // namespace mesolith::master::http
