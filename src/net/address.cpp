// SPDX-License-Identifier: Apache-2.0
#include "net/address.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace mesolith::net {

std::string Endpoint::text() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const std::string digits = std::to_string(port);
  return ip.contains(':') ? "[" + ip + "]:" + digits : ip + ":" + digits;
}

Result<std::string> parse_ip(std::string_view text) {
  if (text == "localhost") return "127.0.0.1";
  const std::string ip(text);
  in6_addr address{};
  if (inet_pton(AF_INET, ip.c_str(), &address) == 1) return ip;
  if (inet_pton(AF_INET6, ip.c_str(), &address) == 1) return ip;
  return failure(Code::invalid, "'" + ip + "' is not an IP address in digits, nor localhost");
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::string quoted = "'" + std::string(text) + "'";
  if (text.starts_with("unix:")) {
    text.remove_prefix(5);
    if (!text.starts_with('/') || text.size() > 107) {
      return failure(Code::invalid,
                     quoted + " is not unix: and an absolute path of at most 107 bytes");
    }
    return Endpoint{"", 0, std::string(text)};
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return failure(Code::invalid, quoted + " has no port: give ip:port");
  }
  const std::string_view digits = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return failure(Code::invalid, quoted + " needs brackets around its IPv6 address: [ip]:port");
  }
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return failure(Code::invalid, quoted + " does not end in a port from 0 to 65535");
  }
  TRY(std::string ip, parse_ip(host));
  return Endpoint{std::move(ip), port};
}

}  // namespace mesolith::net
