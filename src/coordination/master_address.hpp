// SPDX-License-Identifier: Apache-2.0
// Where the master is, as the flags `--zk` and `--master` and the driver's constructor spell it:
//   zk://[user:password@]host:port[,host:port...]/path    file:///path    [master@]host:port local
// Parsing touches neither network nor disk: a `file:` address names a file whose trimmed content is
// again an address; the shell reads it and parses what it finds.
// Failure: invalid, in the words that Mesos uses where it has some. Passwords never appear in
// errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"

namespace mesolith::coordination {

inline constexpr std::size_t address_bytes_max = 64 << 10;

struct ZooKeeperAddress {
  std::string credentials;  // "user:password" for digest authentication; empty: none
  std::string servers;      // "host:port,host:port", passed on as it stands
  std::string path;         // begins with '/', is not "/"; a prefix of names, not a chroot
  bool operator==(const ZooKeeperAddress&) const = default;
};

struct FileAddress {
  std::string path;
  bool operator==(const FileAddress&) const = default;
};

struct StandaloneAddress {
  std::string host;  // a name, an IPv4 address, or an IPv6 address without its brackets
  std::uint16_t port = 0;
  bool operator==(const StandaloneAddress&) const = default;
};

// A cluster inside the caller's own process.
struct LocalAddress {
  bool operator==(const LocalAddress&) const = default;
};

using MasterAddress = std::variant<StandaloneAddress, ZooKeeperAddress, FileAddress, LocalAddress>;

Result<MasterAddress> parse_master_address(std::string_view text);

// The same address as text, with a password replaced by "***".
std::string describe(const MasterAddress& address);

}  // namespace mesolith::coordination
