// SPDX-License-Identifier: Apache-2.0
// The route table. Every route also answers under "/master" and with a slash at its end.
#include "master/http/handle.hpp"

#include <array>

#include "master/http/routes.hpp"

namespace mesolith::master::http {

struct Route {
  std::string_view path;
  std::string_view methods;  // those of the table of contents; each handler checks its own
  Handler handler;
  std::string_view summary;
};

constexpr std::array route_table = {
    Route{"/api/v1/scheduler", "POST", scheduler_api, "Scheduler API: subscribe and call"},
    Route{"/api/v1", "POST", operator_api, "Operator API"},
    Route{"/api/mesolith/v1/agent", "POST", agent_api, "Agents register and report here"},
    Route{"/api/mesolith/v1/why", "GET", why, "Why a framework, agent or task waits"},
    Route{"/api/mesolith/v1/decisions", "GET", decisions, "The allocator's latest decisions"},
    Route{"/api/mesolith/v1/kill", "POST", kill, "Kill a task on its framework's behalf"},
    Route{"/state", "GET", state_document, "Everything the master knows"},
    Route{"/state.json", "GET", state_document, "The same, by its old name"},
    Route{"/state-summary", "GET", state_summary, "Agents and frameworks with task counts"},
    Route{"/slaves", "GET", slaves, "Agents"},
    Route{"/frameworks", "GET", frameworks, "Frameworks"},
    Route{"/tasks", "GET", tasks, "Tasks, paged"},
    Route{"/roles", "GET", roles, "Roles"},
    Route{"/weights", "GET", weights, "Weights of roles"},
    Route{"/reserve", "POST", reserve, "Reserve resources of an agent"},
    Route{"/unreserve", "POST", unreserve, "Unreserve resources of an agent"},
    Route{"/create-volumes", "POST", create_volumes, "Make persistent volumes"},
    Route{"/destroy-volumes", "POST", destroy_volumes, "Destroy persistent volumes"},
    Route{"/quota", "GET", quota, "Quotas of roles"},
    Route{"/maintenance/schedule", "GET", maintenance_schedule, "When machines are not available"},
    Route{"/maintenance/status", "GET", maintenance_status, "Machines that drain or are down"},
    Route{"/machine/down", "POST", machine_down, "Take scheduled machines down"},
    Route{"/machine/up", "POST", machine_up, "Machines are back"},
    Route{"/teardown", "POST", teardown, "End a framework"},
    Route{"/health", "GET", health, "200 while the master serves"},
    Route{"/version", "GET", version, "Version"},
    Route{"/flags", "GET", flags, "Flags as given"},
    Route{"/redirect", "GET", redirect, "To the leading master"},
    Route{"/system/stats.json", "GET", system_stats, "Load and memory of this host"},
    Route{"/registrar(1)/registry", "GET", registry_document, "What is durable"},
    Route{"/metrics/snapshot", "GET", metrics_snapshot, "Metrics as one JSON object"},
    Route{"/metrics", "GET", metrics_prometheus, "Metrics in Prometheus' text format"},
    Route{"/files/browse", "GET", files_browse, "Files of a directory"},
    Route{"/files/read", "GET", files_read, "A window of a file"},
    Route{"/files/download", "GET", files_download, "A whole file"},
    Route{"/files/debug", "GET", files_debug, "Which paths can be read"},
    Route{"/openapi.json", "GET", openapi, "This table as an OpenAPI document"},
};

Outcome handle(const State& state, Time now, const wire::Request& request,
               const ProcessFigures& figures, const std::string& stream_uuid) {
  std::string_view path = request.path;
  if (path.starts_with("/master/")) path.remove_prefix(std::string_view("/master").size());
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path.starts_with("/quota/")) path = "/quota";  // the rest names a role
  const Context context{state, now, request, figures, stream_uuid};
  for (const Route& route : route_table) {
    if (route.path == path) return route.handler(context);
  }
  return wire::text(404, "404 Not Found.");
}

Outcome openapi(const Context& context) {
  std::string paths;
  for (const Route& route : route_table) {
    if (!paths.empty()) paths += ',';
    paths += '"' + std::string(route.path) + "\":{\"" + (route.methods == "POST" ? "post" : "get") +
             "\":{\"summary\":\"" + std::string(route.summary) +
             "\",\"responses\":{\"default\":{\"description\":\"see the guide\"}}}}";
  }
  return json_answer(context.request,
                     R"({"openapi":"3.1.0","info":{"title":"Mesolith master","version":")" +
                         context.state.options.version + "\"},\"paths\":{" + paths + "}}");
}

}  // namespace mesolith::master::http
