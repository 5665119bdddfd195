// SPDX-License-Identifier: Apache-2.0
// The small v0 endpoints.
#include "agent/http/routes.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::agent::http {

Outcome health(const Context&) {
  return wire::empty(200);
}

Outcome version(const Context& context) {
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  json.member("build_date", "");
  json.member("build_time", 0.0);
  json.member("build_user", "");
  json.member("version", context.state.options.version);
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome flags(const Context& context) {
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  json.key("flags");
  json.begin_object();
  for (const auto& [name, value] : context.state.options.flags) json.member(name, value);
  json.end_object();
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome system_stats(const Context& context) {
  const ProcessFigures& figures = context.figures;
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  json.member("avg_load_15min", figures.load_15min);
  json.member("avg_load_1min", figures.load_1min);
  json.member("avg_load_5min", figures.load_5min);
  json.member("cpus_total", static_cast<uint64_t>(figures.cpus_total));
  json.member("mem_free_bytes", figures.mem_free_bytes);
  json.member("mem_total_bytes", figures.mem_total_bytes);
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace mesolith::agent::http
