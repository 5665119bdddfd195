// SPDX-License-Identifier: Apache-2.0
#include "net/client_messages.hpp"

namespace mesolith::net {
namespace {

bool has_body(const wire::Request& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
         request.method == "PATCH";
}

bool is_ours(const std::string& name) {
  return wire::equal_ignoring_case(name, "host") ||
         wire::equal_ignoring_case(name, "content-length");
}

}  // namespace

std::string render_request(const Endpoint& server, const wire::Request& request) {
  std::string out;
  out.reserve(256 + request.body.size());
  out += request.method;
  out += ' ';
  out += request.target.empty() ? request.path : request.target;
  out += " HTTP/1.1\r\nHost: ";
  out += server.unix_path.empty() ? server.text() : "localhost";
  for (const auto& [name, value] : request.headers) {
    if (is_ours(name)) continue;
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  if (has_body(request)) {
    out += "\r\nContent-Length: ";
    out += std::to_string(request.body.size());
  }
  out += "\r\n\r\n";
  out += request.body;
  return out;
}

Error answer_error(const Endpoint& server, const HttpParser& parser) {
  const bool large = parser.failure_status() == 413 || parser.failure_status() == 431;
  return {large ? Code::too_large : Code::corrupt,
          "The answer of " + server.text() + " cannot be used: " + parser.failure_text()};
}

Error lost_error(const Endpoint& server, const std::string& what) {
  return {Code::unavailable, server.text() + ": " + what};
}

}  // namespace mesolith::net
