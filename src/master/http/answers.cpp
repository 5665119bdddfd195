// SPDX-License-Identifier: Apache-2.0
// Answers that several routes give, in the original's words.
#include <fmt/format.h>

#include "master/http/routes.hpp"

namespace mesolith::master::http {

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

wire::Response stream_head(wire::Media media, const std::string& stream_uuid) {
  wire::Response head;
  head.status = 200;
  head.headers.set("Mesos-Stream-Id", stream_uuid);
  head.headers.set("Content-Type", std::string(wire::media_name(media)));
  return head;
}

wire::Response json_answer(const wire::Request& request, std::string body) {
  if (const auto callback = request.query.find("jsonp")) {
    wire::Response response = wire::empty(200);
    response.body = *callback + "(" + body + ")";
    response.headers.set("Content-Type", "text/javascript");
    return response;
  }
  return wire::json(std::move(body));
}

}  // namespace mesolith::master::http
