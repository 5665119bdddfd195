// SPDX-License-Identifier: Apache-2.0
// /metrics/snapshot with the original's names (mesos-api.md 3.6), and the same figures in
// Prometheus' text format (exposition format 0.0.4). Gauges are computed from State when asked;
// counters are kept by the core.
#include <cctype>

#include "master/http/documents.hpp"
#include "master/http/routes.hpp"
#include "model/task_state.hpp"

namespace mesolith::master::http {
namespace {

using Figures = std::map<std::string, double>;

// Present from the first snapshot on, as clients expect; the core counts them up.
constexpr std::string_view counters_from_start[] = {
    "dropped_messages",
    "messages_register_slave",
    "messages_reregister_slave",
    "messages_unregister_slave",
    "messages_status_update",
    "messages_status_update_acknowledgement",
    "messages_launch_tasks",
    "messages_decline_offers",
    "messages_revive_offers",
    "messages_suppress_offers",
    "messages_kill_task",
    "messages_reconcile_tasks",
    "messages_reconcile_operations",
    "messages_resource_request",
    "messages_framework_to_executor",
    "messages_executor_to_framework",
    "messages_exited_executor",
    "messages_authenticate",
    "messages_register_framework",
    "messages_reregister_framework",
    "messages_unregister_framework",
    "messages_deactivate_framework",
    "messages_update_slave",
    "messages_operation_status_update",
    "messages_operation_status_update_acknowledgement",
    "valid_status_updates",
    "invalid_status_updates",
    "valid_status_update_acknowledgements",
    "invalid_status_update_acknowledgements",
    "valid_framework_to_executor_messages",
    "invalid_framework_to_executor_messages",
    "valid_executor_to_framework_messages",
    "invalid_executor_to_framework_messages",
    "slave_registrations",
    "slave_reregistrations",
    "slave_removals",
    "slave_removals/reason_registered",
    "slave_removals/reason_unhealthy",
    "slave_removals/reason_unregistered",
    "slave_unreachable_scheduled",
    "slave_unreachable_completed",
    "slave_unreachable_canceled",
    "recovery_slave_removals",
    "slave_shutdowns_scheduled",
    "slave_shutdowns_completed",
    "slave_shutdowns_canceled",
    "valid_operation_status_updates",
    "invalid_operation_status_updates",
    "valid_operation_status_update_acknowledgements",
    "invalid_operation_status_update_acknowledgements",
    "http_cache_hits",
    "event_queue_messages",
    "event_queue_dispatches",
    "event_queue_http_requests",
    "tasks_finished",
    "tasks_failed",
    "tasks_killed",
    "tasks_lost",
    "tasks_error",
    "tasks_dropped",
    "tasks_gone",
    "tasks_gone_by_operator"};

void add_agents(const State& state, Figures& figures) {
  double active = 0, connected = 0;
  model::Quantities total, used_sum;
  for (const auto& [id, agent] : state.agents) {
    active += agent.active ? 1 : 0;
    connected += agent.connected ? 1 : 0;
    total += agent.total.quantities();
    used_sum += used(agent).quantities();
  }
  const auto agents = static_cast<double>(state.agents.size());
  figures["master/slaves_active"] = active;
  figures["master/slaves_inactive"] = agents - active;
  figures["master/slaves_connected"] = connected;
  figures["master/slaves_disconnected"] = agents - connected;
  figures["master/slaves_unreachable"] = static_cast<double>(state.unreachable_agents.size());
  for (const char* name : {"cpus", "gpus", "mem", "disk"}) {
    const std::string key = "master/" + std::string(name);
    const double all = model::to_units(total.get(model::Name(name)));
    const double in_use = model::to_units(used_sum.get(model::Name(name)));
    figures[key + "_total"] = all;
    figures[key + "_used"] = in_use;
    figures[key + "_percent"] = all > 0 ? in_use / all : 0;
    for (const char* what : {"_total", "_used", "_percent"}) figures[key + "_revocable" + what] = 0;
  }
}

void add_frameworks(const State& state, Figures& figures) {
  double active = 0, connected = 0;
  std::map<mesos::v1::TaskState, double> live;
  for (const auto& [id, framework] : state.frameworks) {
    active += framework.active ? 1 : 0;
    connected += framework.connected ? 1 : 0;
    for (const auto& [task_id, task] : framework.tasks) ++live[task.proto.state()];
    live[mesos::v1::TASK_UNREACHABLE] += static_cast<double>(framework.unreachable_tasks.size());
  }
  const auto all = static_cast<double>(state.frameworks.size());
  figures["master/frameworks_active"] = active;
  figures["master/frameworks_inactive"] = all - active;
  figures["master/frameworks_connected"] = connected;
  figures["master/frameworks_disconnected"] = all - connected;
  figures["master/tasks_staging"] = live[mesos::v1::TASK_STAGING];
  figures["master/tasks_starting"] = live[mesos::v1::TASK_STARTING];
  figures["master/tasks_running"] = live[mesos::v1::TASK_RUNNING];
  figures["master/tasks_killing"] = live[mesos::v1::TASK_KILLING];
  figures["master/tasks_unreachable"] = live[mesos::v1::TASK_UNREACHABLE];
  figures["master/outstanding_offers"] = static_cast<double>(state.offers.size());
  figures["master/operator_event_stream_subscribers"] = static_cast<double>(state.operators.size());
}

void add_framework(const Framework& framework, Figures& figures) {
  const std::string prefix = "master/frameworks/" + wire::percent_encode(framework.info.name()) +
                             "/" + framework.id.value + "/";
  const Counters& counters = framework.counters;
  figures[prefix + "subscribed"] = framework.connected ? 1 : 0;
  figures[prefix + "calls"] = static_cast<double>(counters.calls);
  figures[prefix + "events"] = static_cast<double>(counters.events);
  for (const auto& [type, count] : counters.calls_by_type) {
    figures[prefix + "calls/" + type] = static_cast<double>(count);
  }
  for (const auto& [type, count] : counters.events_by_type) {
    figures[prefix + "events/" + type] = static_cast<double>(count);
  }
  figures[prefix + "offers/sent"] = static_cast<double>(counters.offers_sent);
  figures[prefix + "offers/accepted"] = static_cast<double>(counters.offers_accepted);
  figures[prefix + "offers/declined"] = static_cast<double>(counters.offers_declined);
  figures[prefix + "offers/rescinded"] = static_cast<double>(counters.offers_rescinded);
  for (const std::string& role : framework.roles) {
    figures[prefix + "roles/" + wire::percent_encode(role) + "/suppressed"] =
        framework.suppressed.contains(role) ? 1 : 0;
  }
}

void add_roles(const State& state, Figures& figures) {
  std::set<std::string> roles;
  for (const auto& [id, framework] : state.frameworks) {
    roles.insert(framework.roles.begin(), framework.roles.end());
  }
  for (const std::string& role : roles) {
    const std::string name = wire::percent_encode(role);
    figures["allocator/mesos/roles/" + name + "/shares/dominant"] =
        state.allocator.role_share(role);
    figures["allocator/mesos/offer_filters/roles/" + name + "/active"] =
        static_cast<double>(state.allocator.active_filters(role));
  }
}

// Of the whole cluster, and of the quotas.
void add_allocator(const State& state, Figures& figures) {
  model::Quantities total, held;
  for (const auto& [id, agent] : state.agents) {
    total += agent.total.quantities();
    held += used(agent).quantities() + offered(state, agent.offers).quantities();
  }
  for (const char* name : {"cpus", "disk", "gpus", "mem"}) {
    const std::string key = std::string("allocator/mesos/resources/") + name;
    figures[key + "/total"] = model::to_units(total.get(model::Name(name)));
    figures[key + "/offered_or_allocated"] = model::to_units(held.get(model::Name(name)));
  }
  for (const auto& config : state.cluster.quotas()) {
    const std::string key =
        "allocator/mesos/quota/roles/" + wire::percent_encode(config.role()) + "/resources/";
    const model::Quantities consumed = state.allocator.consumed(config.role());
    for (const auto& [name, scalar] : config.guarantees()) {
      figures[key + name + "/guarantee"] = scalar.value();
      figures[key + name + "/offered_or_allocated"] = model::to_units(consumed.get(name));
    }
    for (const auto& [name, scalar] : config.limits()) {
      figures[key + name + "/limit"] = scalar.value();
      figures[key + name + "/consumed"] = model::to_units(consumed.get(name));
    }
  }
}

// A metric's name may hold letters, digits and underscores only.
std::string prometheus_name(std::string_view name) {
  std::string result = "mesolith_";
  for (const char c : name) result += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return result;
}

}  // namespace

std::map<std::string, double> collect_metrics(const Context& context) {
  const State& state = context.state;
  Figures figures;
  for (const std::string_view name : counters_from_start)
    figures["master/" + std::string(name)] = 0;
  for (const auto& [name, value] : state.metrics.counters)
    figures[name] = static_cast<double>(value);
  figures["master/elected"] = 1;
  figures["master/uptime_secs"] = to_seconds(context.now - state.started);
  figures["registrar/queued_operations"] = static_cast<double>(state.pending.size());
  figures["registrar/log/recovered"] = state.recovered ? 1 : 0;
  add_agents(state, figures);
  add_frameworks(state, figures);
  for (const auto& [id, framework] : state.frameworks) add_framework(framework, figures);
  add_roles(state, figures);
  add_allocator(state, figures);
  figures["allocator/mesos/event_queue_dispatches"] = 0;  // there is no queue
  figures["allocator/event_queue_dispatches"] = 0;
  figures["registrar/log/ensemble_size"] = 1;
  figures["system/cpus_total"] = context.figures.cpus_total;
  figures["system/load_1min"] = context.figures.load_1min;
  figures["system/load_5min"] = context.figures.load_5min;
  figures["system/load_15min"] = context.figures.load_15min;
  figures["system/mem_total_bytes"] = static_cast<double>(context.figures.mem_total_bytes);
  figures["system/mem_free_bytes"] = static_cast<double>(context.figures.mem_free_bytes);
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

Outcome metrics_prometheus(const Context& context) {
  std::string body;
  for (const auto& [name, value] : collect_metrics(context)) {
    const std::string metric = prometheus_name(name);
    const bool counter = context.state.metrics.counters.contains(name);
    body += "# TYPE " + metric + (counter ? " counter\n" : " gauge\n") + metric + " ";
    wire::append_json_double(value, body);
    body += '\n';
  }
  wire::Response response = wire::text(200, std::move(body));
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace mesolith::master::http
