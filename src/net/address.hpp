// SPDX-License-Identifier: Apache-2.0
// Where a peer is: an IP address in digits and a port, or the path of a unix socket. Nothing here
// asks a name server; "localhost" is 127.0.0.1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::net {

struct Endpoint {
  std::string ip;  // "10.0.0.1" or "::1"; empty for a unix socket
  uint16_t port = 0;
  std::string unix_path = {};  // of a unix socket, for clients only

  bool operator==(const Endpoint&) const = default;
  std::string text() const;  // "10.0.0.1:5050", "[::1]:5050", "unix:/run/docker.sock"
};

// "ip:port", "[ip]:port", "localhost:port" or "unix:/path". Code::invalid says what is wrong with
// it.
Result<Endpoint> parse_endpoint(std::string_view text);
// The ip in digits, where "localhost" is 127.0.0.1.
Result<std::string> parse_ip(std::string_view text);

}  // namespace mesolith::net
