// SPDX-License-Identifier: Apache-2.0
// /containers, /monitor/statistics and GET_CONTAINERS: which containers to measure, and the
// measurements as they are shown.
#include "agent/http/documents.hpp"
#include "agent/http/routes.hpp"
#include "google/protobuf/descriptor.h"
#include "model/ids.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::agent::http {
namespace {

using mesos::v1::agent::Response;

const Executor* owner_of(const State& state, const ContainerId& id) {
  const auto found = state.containers.find(id);
  if (found == state.containers.end()) return nullptr;
  return &state.frameworks.at(found->second.first).executors.at(found->second.second);
}

mesos::v1::ContainerStatus status_of(const Executor& executor) {
  mesos::v1::ContainerStatus status;
  *status.mutable_container_id() = model::to_proto(executor.container_id);
  if (executor.pid > 0) status.set_executor_pid(static_cast<uint32_t>(executor.pid));
  return status;
}

// What it uses, with what it asked for beside it.
mesos::v1::ResourceStatistics with_limits(const Executor& executor,
                                          mesos::v1::ResourceStatistics measured) {
  const model::Resources asked = used(executor);
  const model::Millis cpus = asked.scalar(model::cpus), mem = asked.scalar(model::mem);
  const auto bytes = static_cast<uint64_t>(model::to_units(mem) * 1024 * 1024);
  if (cpus > 0) measured.set_cpus_soft_limit(model::to_units(cpus));
  if (mem > 0) measured.set_mem_soft_limit_bytes(bytes);
  if (mem > 0 && !measured.has_mem_limit_bytes()) measured.set_mem_limit_bytes(bytes);
  return measured;
}

wire::Response api_containers(const State& state, const StatisticsRequest& request,
                              const Statistics& statistics) {
  Response answer;
  answer.set_type(Response::GET_CONTAINERS);
  for (const ContainerId& id : request.containers) {
    const Executor* executor = owner_of(state, id);
    if (!executor) continue;
    auto* container = answer.mutable_get_containers()->add_containers();
    *container->mutable_framework_id() = model::to_proto(executor->framework_id);
    *container->mutable_executor_id() = model::to_proto(executor->id);
    container->set_executor_name(executor_info(*executor).name());
    *container->mutable_container_id() = model::to_proto(id);
    *container->mutable_container_status() = status_of(*executor);
    const auto measured = statistics.find(id);
    if (measured != statistics.end()) {
      *container->mutable_resource_statistics() = with_limits(*executor, measured->second);
    }
  }
  return api_answer(*request.answer, wire::encode(*request.answer, answer));
}

}  // namespace

std::vector<ContainerId> running_containers(const State& state) {
  std::vector<ContainerId> found;
  for (const auto& [id, owner] : state.containers) {
    const Executor* executor = owner_of(state, id);
    if (executor->pid > 0) found.push_back(id);
  }
  return found;
}

Outcome containers(const Context& context) {
  const State& state = context.state;
  const wire::Query& query = context.request.query;
  const std::string* container = query.find("container_id");
  const std::string* framework = query.find("framework_id");
  const std::string* executor = query.find("executor_id");
  if ((executor && !framework) || (container && (framework || executor))) {
    return wire::text(400,
                      "Supported query parameters are container_id only, framework_id only, or "
                      "executor_id and framework_id only");
  }
  StatisticsRequest request;
  request.with_status = true;
  for (const ContainerId& id : running_containers(state)) {
    const auto& owner = state.containers.at(id);
    if ((!container || id.value == *container) && (!framework || owner.first.value == *framework) &&
        (!executor || owner.second.value == *executor)) {
      request.containers.push_back(id);
    }
  }
  return request;
}

Outcome statistics(const Context& context) {
  StatisticsRequest request;
  request.containers = running_containers(context.state);
  return request;
}

wire::Response render(const State& state, const StatisticsRequest& request,
                      const Statistics& statistics) {
  if (request.answer) return api_containers(state, request, statistics);
  std::string body;
  wire::JsonWriter json(body);
  json.begin_array();
  for (const ContainerId& id : request.containers) {
    const Executor* executor = owner_of(state, id);
    const auto measured = statistics.find(id);
    if (!executor || (measured == statistics.end() && !request.with_status)) continue;
    const mesos::v1::ExecutorInfo info = executor_info(*executor);
    json.begin_object();
    if (request.with_status) json.member("container_id", id.value);
    json.member("executor_id", executor->id.value);
    json.member("executor_name", info.name());
    json.member("framework_id", executor->framework_id.value);
    json.member("source", info.source());
    if (measured != statistics.end()) {
      json.key("statistics").message(with_limits(*executor, measured->second));
    }
    if (request.with_status) json.key("status").message(status_of(*executor));
    json.end_object();
  }
  json.end_array();
  return wire::json(std::move(body));
}

}  // namespace mesolith::agent::http
