// SPDX-License-Identifier: Apache-2.0
// /containers, /monitor/statistics and GET_CONTAINERS: which containers to measure, and the
// measurements as they are shown.
#include <map>
#include <optional>
#include <vector>

#include "agent/http/documents.hpp"
#include "agent/http/routes.hpp"
#include "google/protobuf/descriptor.h"
#include "model/ids.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::agent::http {
namespace {

using mesos::v1::agent::Response;

using mesos::v1::ResourceStatistics;

const Executor* owner_of(const State& state, const ContainerId& id) {
  const auto found = state.containers.find(id);
  if (found == state.containers.end()) return nullptr;
  return &state.frameworks.at(found->second.framework).executors.at(found->second.executor);
}

// An executor, and what its container uses; of a group executor, what those of its tasks use.
struct Row {
  const Executor* executor = nullptr;
  std::optional<ResourceStatistics> measured;
};

void add(ResourceStatistics& sum, const ResourceStatistics& other) {
  sum.set_processes(sum.processes() + other.processes());
  sum.set_threads(sum.threads() + other.threads());
  sum.set_cpus_user_time_secs(sum.cpus_user_time_secs() + other.cpus_user_time_secs());
  sum.set_cpus_system_time_secs(sum.cpus_system_time_secs() + other.cpus_system_time_secs());
  sum.set_mem_rss_bytes(sum.mem_rss_bytes() + other.mem_rss_bytes());
  if (other.has_cpus_limit()) sum.set_cpus_limit(sum.cpus_limit() + other.cpus_limit());
  if (other.has_mem_limit_bytes()) {
    sum.set_mem_limit_bytes(sum.mem_limit_bytes() + other.mem_limit_bytes());
  }
}

std::vector<Row> rows(const State& state, const StatisticsRequest& request,
                      const Statistics& statistics) {
  std::vector<Row> rows;
  std::map<ContainerId, size_t> seen;
  for (const ContainerId& id : request.containers) {
    const Executor* executor = owner_of(state, id);
    if (!executor) continue;
    const auto [at, added] = seen.try_emplace(executor->container_id, rows.size());
    if (added) rows.push_back({executor, std::nullopt});
    const auto measured = statistics.find(id);
    if (measured == statistics.end()) continue;
    std::optional<ResourceStatistics>& sum = rows[at->second].measured;
    if (sum) {
      add(*sum, measured->second);
    } else {
      sum = measured->second;
    }
  }
  return rows;
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
  for (const Row& row : rows(state, request, statistics)) {
    auto* container = answer.mutable_get_containers()->add_containers();
    *container->mutable_framework_id() = model::to_proto(row.executor->framework_id);
    *container->mutable_executor_id() = model::to_proto(row.executor->id);
    container->set_executor_name(executor_info(*row.executor).name());
    *container->mutable_container_id() = model::to_proto(row.executor->container_id);
    *container->mutable_container_status() = status_of(*row.executor);
    if (row.measured) {
      *container->mutable_resource_statistics() = with_limits(*row.executor, *row.measured);
    }
  }
  return api_answer(*request.answer, wire::encode(*request.answer, answer));
}

}  // namespace

std::vector<ContainerId> running_containers(const State& state) {
  std::vector<ContainerId> found;
  for (const auto& [id, owner] : state.containers) {
    const Executor& executor = *owner_of(state, id);
    const bool in_group = executor.kind == Executor::Kind::group && !owner.task.empty();
    const int64_t pid = in_group ? executor.tasks.at(owner.task).command->pid : executor.pid;
    if (pid > 0) found.push_back(id);
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
    const ContainerId& shown = owner_of(state, id)->container_id;
    if ((!container || shown.value == *container) &&
        (!framework || owner.framework.value == *framework) &&
        (!executor || owner.executor.value == *executor)) {
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
  for (const Row& row : rows(state, request, statistics)) {
    if (!row.measured && !request.with_status) continue;
    const mesos::v1::ExecutorInfo info = executor_info(*row.executor);
    json.begin_object();
    if (request.with_status) json.member("container_id", row.executor->container_id.value);
    json.member("executor_id", row.executor->id.value);
    json.member("executor_name", info.name());
    json.member("framework_id", row.executor->framework_id.value);
    json.member("source", info.source());
    if (row.measured) {
      json.key("statistics").message(with_limits(*row.executor, *row.measured));
    }
    if (request.with_status) json.key("status").message(status_of(*row.executor));
    json.end_object();
  }
  json.end_array();
  return wire::json(std::move(body));
}

}  // namespace mesolith::agent::http
