// SPDX-License-Identifier: Apache-2.0
#include "wire/answers.hpp"

#include <fmt/format.h>

namespace mesolith::wire {

Response method_not_allowed(const Request& request, std::string_view allowed) {
  std::string quoted(allowed);
  for (size_t at = 0; (at = quoted.find(", ", at)) != std::string::npos; at += 4) {
    quoted.replace(at, 2, "', '");
  }
  Response response = text(
      405, fmt::format("405 Method Not Allowed. Expecting one of {{ '{}' }}, but received '{}'.",
                       quoted, request.method));
  response.headers.set("Allow", std::string(allowed));
  return response;
}

Response not_acceptable() {
  return text(406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'");
}

std::optional<Response> decode_body(const Request& request, google::protobuf::Message& out) {
  const std::string* type = request.headers.find("Content-Type");
  if (!type) return text(400, "Expecting 'Content-Type' to be present");
  const std::optional<Media> media = media_of_content_type(*type);
  if (!media) {
    return text(415, "Expecting 'Content-Type' of application/json or application/x-protobuf");
  }
  if (auto decoded = decode(*media, request.body, out); !decoded) {
    return text(400, decoded.error().message);
  }
  return std::nullopt;
}

std::optional<Media> accepted_media(const Request& request) {
  const std::string* accept = request.headers.find("Accept");
  return negotiate(accept ? std::optional<std::string_view>(*accept) : std::nullopt);
}

Response api_answer(Media media, std::string body) {
  Response response = empty(200);
  response.body = std::move(body);
  response.headers.set("Content-Type", std::string(media_name(media)));
  return response;
}

Response json_answer(const Request& request, std::string body) {
  if (const auto* callback = request.query.find("jsonp")) {
    Response response = empty(200);
    response.body = *callback + "(" + body + ")";
    response.headers.set("Content-Type", "text/javascript");
    return response;
  }
  return json(std::move(body));
}

}  // namespace mesolith::wire
