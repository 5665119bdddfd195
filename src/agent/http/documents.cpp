// SPDX-License-Identifier: Apache-2.0
#include "agent/http/documents.hpp"

#include "model/attributes.hpp"
#include "model/framework_info.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent::http {
namespace {

using wire::JsonWriter;

void write_labels(JsonWriter& json, const mesos::v1::Labels& labels) {
  json.key("labels");
  json.begin_array();
  for (const auto& label : labels.labels()) json.message(label);
  json.end_array();
}

void write_status(JsonWriter& json, const mesos::v1::TaskStatus& status) {
  json.begin_object();
  json.member("state", model::name_of(status.state()));
  json.member("timestamp", status.timestamp());
  if (status.has_labels()) write_labels(json, status.labels());
  if (status.has_container_status()) {
    mesos::v1::ContainerStatus container = status.container_status();
    container.clear_executor_pid();
    json.key("container_status").message(container);
  }
  if (status.has_healthy()) json.member("healthy", status.healthy());
  json.end_object();
}

void write_task(JsonWriter& json, const mesos::v1::Task& task) {
  const model::Resources resources = parse(task.resources());
  json.begin_object();
  json.member("id", task.task_id().value());
  json.member("name", task.name());
  json.member("framework_id", task.framework_id().value());
  json.member("executor_id", task.executor_id().value());
  json.member("slave_id", task.agent_id().value());
  json.member("state", model::name_of(task.state()));
  json.key("resources");
  write_resources(json, resources);
  json.member("role", resources.allocation_role());
  json.key("statuses");
  json.begin_array();
  for (const auto& status : task.statuses()) write_status(json, status);
  json.end_array();
  if (task.has_user()) json.member("user", task.user());
  if (task.has_labels()) write_labels(json, task.labels());
  if (task.has_discovery()) json.key("discovery").message(task.discovery());
  if (task.has_container()) json.key("container").message(task.container());
  if (task.has_health_check()) json.key("health_check").message(task.health_check());
  json.end_object();
}

void write_queued_task(JsonWriter& json, const State& state, const Executor& executor,
                       const Task& task) {
  const model::Resources resources = parse(task.info.resources());
  json.begin_object();
  json.member("id", task.info.task_id().value());
  json.member("name", task.info.name());
  json.member("slave_id", state.id.value);
  json.key("resources");
  write_resources(json, resources);
  json.member("role", resources.allocation_role());
  if (task.info.has_command()) json.key("command").message(task.info.command());
  if (!executor.is_command()) json.member("executor_id", executor.id.value);
  if (task.info.has_discovery()) json.key("discovery").message(task.info.discovery());
  json.end_object();
}

void write_tasks(JsonWriter& json, const State& state, const Framework& framework,
                 const Executor& executor) {
  json.key("tasks");
  json.begin_array();
  for (const auto& [id, task] : executor.tasks) {
    if (!task.delivered || model::is_terminal(task.state)) continue;
    write_task(json, to_proto(framework, executor, task, state.id));
  }
  json.end_array();
  json.key("queued_tasks");
  json.begin_array();
  for (const auto& [id, task] : executor.tasks) {
    if (task.delivered || model::is_terminal(task.state)) continue;
    write_queued_task(json, state, executor, task);
  }
  json.end_array();
  json.key("completed_tasks");
  json.begin_array();
  for (const auto& task : executor.completed_tasks) write_task(json, task);
  for (const auto& [id, task] : executor.tasks) {
    if (!model::is_terminal(task.state)) continue;
    write_task(json, to_proto(framework, executor, task, state.id));
  }
  json.end_array();
}

void write_executor(JsonWriter& json, const State& state, const Framework& framework,
                    const Executor& executor) {
  const mesos::v1::ExecutorInfo info = executor_info(executor);
  const model::Resources resources = used(executor);
  json.begin_object();
  json.member("id", executor.id.value);
  json.member("name", info.name());
  json.member("source", info.source());
  json.member("container", executor.container_id.value);
  json.member("directory", executor.directory);
  json.key("resources");
  write_resources(json, resources);
  json.member("role", resources.allocation_role());
  if (info.has_labels()) write_labels(json, info.labels());
  if (info.has_type()) {
    json.member("type", mesos::v1::ExecutorInfo::Type_Name(info.type()));
  }
  write_tasks(json, state, framework, executor);
  json.end_object();
}

}  // namespace

model::Resources parse(const model::RepeatedResource& resources) {
  return model::Resources::parse(resources).value_or(model::Resources());
}

model::Resources used(const Executor& executor) {
  model::Resources sum = parse(executor_info(executor).resources());
  for (const auto& [id, task] : executor.tasks) {
    if (!model::is_terminal(task.state)) sum += parse(task.info.resources());
  }
  return sum;
}

model::Resources used(const State& state) {
  model::Resources sum;
  for (const auto& [framework_id, framework] : state.frameworks) {
    for (const auto& [executor_id, executor] : framework.executors) {
      if (executor.phase != Executor::Phase::terminated) sum += used(executor);
    }
  }
  return sum;
}

std::map<std::string, model::Resources> reserved_by_role(const model::Resources& resources) {
  std::map<std::string, model::Resources> reserved;
  for (const model::Entry& entry : resources.entries()) {
    if (entry.reserved()) reserved[entry.reservation_role()] += model::Resources::of(entry);
  }
  return reserved;
}

void write_resources(JsonWriter& json, const model::Resources& resources) {
  json.begin_object();
  for (const auto known :
       {model::Name::disk_id, model::Name::mem_id, model::Name::gpus_id, model::Name::cpus_id}) {
    const model::Name name(known);
    json.member(name.text(), model::to_units(resources.non_revocable().scalar(name)));
  }
  std::set<std::string> written = {"disk", "mem", "gpus", "cpus"};
  for (const model::Entry& entry : resources.entries()) {
    const std::string name = entry.name.str();
    if (!written.insert(name).second) continue;
    json.key(name);
    if (entry.type == model::Entry::Type::scalar) {
      json.number(model::to_units(resources.scalar(entry.name)));
    } else if (entry.type == model::Entry::Type::ranges) {
      json.string(resources.ranges(entry.name).describe());
    } else {
      std::string items;
      for (const std::string& item : *entry.items) items += (items.empty() ? "" : ", ") + item;
      json.string("{" + items + "}");
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

void write_attributes(JsonWriter& json, const mesos::v1::AgentInfo& info) {
  json.begin_object();
  for (const auto& attribute : info.attributes()) {
    if (attribute.type() == mesos::v1::Value::SCALAR) {
      json.member(attribute.name(), attribute.scalar().value());
    } else {
      const std::string text = model::describe(attribute);
      json.member(attribute.name(), text.substr(attribute.name().size() + 1));
    }
  }
  json.end_object();
}

void write_framework(JsonWriter& json, const State& state, const Framework& framework) {
  const mesos::v1::FrameworkInfo& info = framework.info;
  json.begin_object();
  json.member("id", framework.id.value);
  json.member("name", info.name());
  json.member("user", info.user());
  json.member("failover_timeout", info.failover_timeout());
  json.member("checkpoint", framework.checkpoint);
  json.member("hostname", info.hostname());
  if (info.has_principal()) json.member("principal", info.principal());
  if (model::has_capability(info, mesos::v1::FrameworkInfo::Capability::MULTI_ROLE)) {
    json.key("roles");
    json.begin_array();
    for (const std::string& role : info.roles()) json.string(role);
    json.end_array();
  } else {
    json.member("role", info.role());
  }
  json.key("executors");
  json.begin_array();
  for (const auto& [id, executor] : framework.executors) {
    write_executor(json, state, framework, executor);
  }
  json.end_array();
  json.key("completed_executors");
  json.begin_array();
  for (const Executor& executor : framework.completed_executors) {
    write_executor(json, state, framework, executor);
  }
  json.end_array();
  json.end_object();
}

}  // namespace mesolith::agent::http
