// SPDX-License-Identifier: Apache-2.0
// Metrics by their original names (mesos-api.md 3.6).
#include "agent/http/documents.hpp"
#include "agent/http/routes.hpp"

namespace mesolith::agent::http {
namespace {

using Figures = std::map<std::string, double>;

// Counted by the core; shown as 0 until they happen.
constexpr const char* counters[] = {"containerizer/fetcher/task_fetches_failed",
                                    "containerizer/fetcher/task_fetches_succeeded",
                                    "containerizer/mesos/container_destroy_errors",
                                    "gc/path_removals_failed",
                                    "gc/path_removals_succeeded",
                                    "slave/container_launch_errors",
                                    "slave/executors_preempted",
                                    "slave/invalid_framework_messages",
                                    "slave/invalid_status_updates",
                                    "slave/recovery_errors",
                                    "slave/tasks_failed",
                                    "slave/tasks_finished",
                                    "slave/tasks_gone",
                                    "slave/tasks_killed",
                                    "slave/tasks_lost",
                                    "slave/valid_framework_messages",
                                    "slave/valid_status_updates"};

void add_resources(const State& state, Figures& figures) {
  const model::Resources& total = state.total;
  const model::Resources in_use = used(state);
  for (const char* text : {"cpus", "disk", "gpus", "mem"}) {
    const model::Name name(text);
    const std::string key = std::string("slave/") + text;
    const double all = model::to_units(total.non_revocable().scalar(name));
    const double part = model::to_units(in_use.non_revocable().scalar(name));
    figures[key + "_total"] = all;
    figures[key + "_used"] = part;
    figures[key + "_percent"] = all > 0 ? part / all : 0;
    for (const char* what : {"_total", "_used", "_percent"}) {
      figures[key + "_revocable" + what] = 0;
    }
  }
}

void add_executors(const State& state, Figures& figures) {
  for (const char* phase : {"registering", "running", "terminating", "terminated"}) {
    figures[std::string("slave/executors_") + phase] = 0;
  }
  for (const char* live : {"staging", "starting", "running", "killing"}) {
    figures[std::string("slave/tasks_") + live] = 0;
  }
  for (const auto& [framework_id, framework] : state.frameworks) {
    for (const auto& [executor_id, executor] : framework.executors) {
      ++figures[std::string("slave/executors_") + name_of(executor.phase)];
      for (const auto& [task_id, task] : executor.tasks) {
        if (task.state == mesos::v1::TASK_STAGING) ++figures["slave/tasks_staging"];
        if (task.state == mesos::v1::TASK_STARTING) ++figures["slave/tasks_starting"];
        if (task.state == mesos::v1::TASK_RUNNING) ++figures["slave/tasks_running"];
        if (task.state == mesos::v1::TASK_KILLING) ++figures["slave/tasks_killing"];
      }
    }
  }
}

}  // namespace

std::map<std::string, double> collect_metrics(const Context& context) {
  const State& state = context.state;
  Figures figures;
  for (const char* counter : counters) figures[counter] = 0;
  for (const auto& [name, value] : state.counters) figures[name] = static_cast<double>(value);
  add_resources(state, figures);
  add_executors(state, figures);
  figures["containerizer/fetcher/cache_size_total_bytes"] =
      static_cast<double>(context.figures.fetcher_cache_bytes_total);
  figures["containerizer/fetcher/cache_size_used_bytes"] =
      static_cast<double>(context.figures.fetcher_cache_bytes_used);
  figures["gc/path_removals_pending"] =
      static_cast<double>(state.garbage.sandboxes.size() + state.garbage.in_removal);
  figures["slave/executor_directory_max_allowed_age_secs"] = to_seconds(state.garbage.age_max);
  figures["slave/frameworks_active"] = static_cast<double>(state.frameworks.size());
  figures["slave/registered"] = state.registered ? 1 : 0;
  figures["slave/uptime_secs"] = to_seconds(context.now - state.started);
  figures["system/cpus_total"] = context.figures.cpus_total;
  figures["system/load_15min"] = context.figures.load_15min;
  figures["system/load_1min"] = context.figures.load_1min;
  figures["system/load_5min"] = context.figures.load_5min;
  figures["system/mem_free_bytes"] = static_cast<double>(context.figures.mem_free_bytes);
  figures["system/mem_total_bytes"] = static_cast<double>(context.figures.mem_total_bytes);
  return figures;
}

Outcome metrics_snapshot(const Context& context) {
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  for (const auto& [name, value] : collect_metrics(context)) json.member(name, value);
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace mesolith::agent::http
