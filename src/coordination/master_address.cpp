// SPDX-License-Identifier: Apache-2.0
#include "coordination/master_address.hpp"

#include <fmt/format.h>

#include <charconv>

namespace mesolith::coordination {
namespace {

constexpr std::string_view blanks = " \t\r\n\f\v";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_control(char c) {
  return (c >= 0 && c < ' ') || c == 0x7f;
}

// A server as ZooKeeper's client takes it: a host, perhaps with a port.
bool looks_like_servers(std::string_view servers) {
  return servers.find_first_of(blanks) == std::string_view::npos && !servers.starts_with(',') &&
         !servers.ends_with(',') && servers.find(",,") == std::string_view::npos;
}

Result<MasterAddress> parse_zookeeper(std::string_view rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  const std::string_view path = slash == std::string_view::npos ? "/" : rest.substr(slash);
  if (path == "/")
    return failure(Code::invalid, "Expecting a (chroot) path for ZooKeeper ('/' is not supported)");
  ZooKeeperAddress address;
  // A password may contain '@' but not '/'.
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    address.credentials = authority.substr(0, at);
    if (address.credentials.find(':') == std::string::npos)
      return failure(Code::invalid, "Expecting 'user:password' before the '@' of a zk:// address");
  }
  address.servers = at == std::string_view::npos ? authority : authority.substr(at + 1);
  if (address.servers.empty())
    return failure(Code::invalid, "Expecting at least one host:port in a zk:// address");
  if (!looks_like_servers(address.servers))
    return failure(Code::invalid, fmt::format("Expecting host:port,host:port... in a zk:// "
                                              "address, not '{}'",
                                              address.servers));
  address.path = path;
  return address;
}

Result<MasterAddress> parse_standalone(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("master@")) rest.remove_prefix(7);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos)
    return failure(Code::invalid, fmt::format("Failed to parse '{}': expecting 'host:port', "
                                              "'zk://host:port/path' or 'file:///path'",
                                              text));
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return failure(Code::invalid,
                   fmt::format("Failed to parse '{}': an IPv6 address goes in brackets", text));
  if (host.empty() || host.find_first_of("/@[] ") != std::string_view::npos)
    return failure(Code::invalid,
                   fmt::format("Failed to parse '{}': '{}' is not a host", text, host));
  const std::string_view digits = rest.substr(colon + 1);
  StandaloneAddress address{std::string(host), 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size() || address.port == 0)
    return failure(
        Code::invalid,
        fmt::format("Failed to parse '{}': the port must be 1 to 65535, not '{}'", text, digits));
  return address;
}

struct Describe {
  std::string operator()(const StandaloneAddress& address) const {
    const bool brackets = address.host.find(':') != std::string::npos;
    return fmt::format(fmt::runtime(brackets ? "[{}]:{}" : "{}:{}"), address.host, address.port);
  }
  std::string operator()(const ZooKeeperAddress& address) const {
    std::string user = address.credentials.substr(0, address.credentials.find(':'));
    if (!address.credentials.empty()) user += ":***@";
    return fmt::format("zk://{}{}{}", user, address.servers, address.path);
  }
  std::string operator()(const FileAddress& address) const { return "file://" + address.path; }
  std::string operator()(const LocalAddress&) const { return "local"; }
};

}  // namespace

Result<MasterAddress> parse_master_address(std::string_view text) {
  if (text.size() > address_bytes_max)
    return failure(Code::too_large, fmt::format("a master address of {} bytes; at most {}",
                                                text.size(), address_bytes_max));
  const std::string_view trimmed = trim(text);
  for (std::size_t i = 0; i < trimmed.size(); ++i)
    if (is_control(trimmed[i]))
      return failure(
          Code::invalid,
          fmt::format("a control character (code {}) at position {} of the master address",
                      static_cast<int>(trimmed[i]), i));
  if (trimmed.empty())
    return failure(Code::invalid,
                   "the master address is empty; expecting 'host:port', 'zk://host:port/path' or "
                   "'file:///path'");
  if (trimmed == "local") return LocalAddress{};
  if (trimmed.starts_with("zk://")) return parse_zookeeper(trimmed.substr(5));
  if (trimmed.starts_with("file://")) {
    const std::string_view path = trimmed.substr(7);
    if (!path.starts_with('/'))
      return failure(Code::invalid,
                     fmt::format("Expecting an absolute path after file://, not '{}'", path));
    return FileAddress{std::string(path)};
  }
  if (trimmed.find("://") != std::string_view::npos)
    return failure(Code::invalid, fmt::format("Failed to parse '{}': only zk:// and file:// are "
                                              "known schemes",
                                              trimmed.substr(0, trimmed.find("://") + 3)));
  return parse_standalone(trimmed);
}

std::string describe(const MasterAddress& address) {
  return std::visit(Describe{}, address);
}

}  // namespace mesolith::coordination
