// SPDX-License-Identifier: Apache-2.0
// The route table. Every route also answers under "/slave(1)" and with a slash at its end.
#include "agent/http/handle.hpp"

#include <array>

#include "agent/http/routes.hpp"

namespace mesolith::agent::http {

struct Route {
  std::string_view path;
  std::string_view methods;  // those of the table of contents; each handler checks its own
  Handler handler;
  std::string_view summary;
};

constexpr std::array route_table = {
    Route{"/api/v1/executor", "POST", executor_api, "Executor API: subscribe and call"},
    Route{"/api/v1", "POST", operator_api, "Operator API"},
    Route{"/state", "GET", state_document, "Everything the agent knows"},
    Route{"/state.json", "GET", state_document, "The same, by its old name"},
    Route{"/containers", "GET", containers, "Containers with status and statistics"},
    Route{"/monitor/statistics", "GET", statistics, "What containers use"},
    Route{"/monitor/statistics.json", "GET", statistics, "The same, by its old name"},
    Route{"/health", "GET", health, "200 while the agent serves"},
    Route{"/version", "GET", version, "Version"},
    Route{"/flags", "GET", flags, "Flags as given"},
    Route{"/system/stats.json", "GET", system_stats, "Load and memory of this host"},
    Route{"/metrics/snapshot", "GET", metrics_snapshot, "Metrics as one JSON object"},
    Route{"/files/browse", "GET", files_browse, "Files of a directory"},
    Route{"/files/read", "GET", files_read, "A window of a file"},
    Route{"/files/download", "GET", files_download, "A whole file"},
    Route{"/files/debug", "GET", files_debug, "Which paths can be read"},
    Route{"/openapi.json", "GET", openapi, "This table as an OpenAPI document"},
};

Outcome handle(const State& state, Time now, const wire::Request& request,
               const ProcessFigures& figures) {
  constexpr std::string_view process = "/slave(1)";
  std::string_view path = request.path;
  if (path.starts_with(process) && path.substr(process.size()).starts_with('/')) {
    path.remove_prefix(process.size());
  }
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const Context context{state, now, request, figures};
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
                     R"({"openapi":"3.1.0","info":{"title":"Mesolith agent","version":")" +
                         context.state.options.version + "\"},\"paths\":{" + paths + "}}");
}

}  // namespace mesolith::agent::http
