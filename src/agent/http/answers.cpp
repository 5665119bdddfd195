// SPDX-License-Identifier: Apache-2.0
// Answers that several routes give, in the original's words, and the small v0 endpoints.
#include <fmt/format.h>

#include "agent/http/routes.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::agent::http {

wire::Response method_not_allowed(const wire::Request& request, std::string_view allowed) {
  wire::Response response = wire::text(
      405, fmt::format("405 Method Not Allowed. Expecting one of {{ '{}' }}, but received '{}'.",
                       allowed, request.method));
  response.headers.set("Allow", std::string(allowed));
  return response;
}

wire::Response not_acceptable() {
  return wire::text(406,
                    "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'");
}

std::optional<wire::Response> decode_body(const wire::Request& request,
                                          google::protobuf::Message& out) {
  const std::string* type = request.headers.find("Content-Type");
  if (!type) return wire::text(400, "Expecting 'Content-Type' to be present");
  const std::optional<wire::Media> media = wire::media_of_content_type(*type);
  if (!media) {
    return wire::text(415,
                      "Expecting 'Content-Type' of application/json or application/x-protobuf");
  }
  if (auto decoded = wire::decode(*media, request.body, out); !decoded) {
    return wire::text(400, decoded.error().message);
  }
  return std::nullopt;
}

std::optional<wire::Media> accepted_media(const wire::Request& request) {
  const std::string* accept = request.headers.find("Accept");
  return wire::negotiate(accept ? std::optional<std::string_view>(*accept) : std::nullopt);
}

wire::Response api_answer(wire::Media media, std::string body) {
  wire::Response response = wire::empty(200);
  response.body = std::move(body);
  response.headers.set("Content-Type", std::string(wire::media_name(media)));
  return response;
}

wire::Response json_answer(const wire::Request& request, std::string body) {
  if (const auto* callback = request.query.find("jsonp")) {
    wire::Response response = wire::empty(200);
    response.body = *callback + "(" + body + ")";
    response.headers.set("Content-Type", "text/javascript");
    return response;
  }
  return wire::json(std::move(body));
}

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
