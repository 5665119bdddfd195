// SPDX-License-Identifier: Apache-2.0
#include "os/system.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

namespace mesolith::os {
namespace {

constexpr size_t record_bytes_max = 1u << 20;

// Calls one of the getXX_r functions with a buffer that grows until it suffices.
template <class Record, class Call>
Result<Record> look_up(const std::string& what, std::string& buffer, Call call) {
  buffer.resize(1024);
  while (true) {
    Record record{};
    Record* found = nullptr;
    int error = call(&record, buffer.data(), buffer.size(), &found);
    if (error == ERANGE && buffer.size() < record_bytes_max) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    if (!found && (error == 0 || error == ENOENT || error == ESRCH)) {
      return failure(Code::not_found, fmt::format("there is no {}", what));
    }
    if (!found) return std::unexpected(system_error(error, what));
    return record;
  }
}

// A field of /proc/meminfo, in bytes.
uint64_t memory_field(std::string_view text, std::string_view name) {
  size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" :"), text.size()));
  uint64_t kibibytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), kibibytes);
  return kibibytes * 1024;
}

}  // namespace

uint32_t cpu_count() {
  long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : static_cast<uint32_t>(count);
}

Result<Space> memory() {
  TRY(std::string text, read_control_file("/proc/meminfo"));
  return Space{memory_field(text, "MemTotal"), memory_field(text, "MemAvailable")};
}

Result<Space> disk(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) return std::unexpected(system_error(errno, path));
  return Space{static_cast<uint64_t>(status.f_blocks) * status.f_frsize,
               static_cast<uint64_t>(status.f_bavail) * status.f_frsize};
}

Result<std::array<double, 3>> load_averages() {
  std::array<double, 3> loads{};
  if (::getloadavg(loads.data(), 3) != 3) {
    return failure(Code::system, "the load averages cannot be read");
  }
  return loads;
}

std::string hostname() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

Result<User> find_user(const std::string& name) {
  std::string buffer;
  TRY(passwd record, (look_up<passwd>(fmt::format("user '{}'", name), buffer,
                                      [&](passwd* into, char* text, size_t size, passwd** found) {
                                        return ::getpwnam_r(name.c_str(), into, text, size, found);
                                      })));
  User user;
  user.name = record.pw_name;
  user.home = record.pw_dir;
  user.shell = record.pw_shell;
  user.identity.uid = record.pw_uid;
  user.identity.gid = record.pw_gid;
  int count = 64;
  user.identity.groups.resize(64);
  while (::getgrouplist(name.c_str(), record.pw_gid, user.identity.groups.data(), &count) < 0) {
    user.identity.groups.resize(
        std::max<size_t>(static_cast<size_t>(count), user.identity.groups.size() * 2));
    count = static_cast<int>(user.identity.groups.size());
  }
  user.identity.groups.resize(static_cast<size_t>(count));
  return user;
}

Result<std::string> user_name(uid_t uid) {
  std::string buffer;
  TRY(passwd record, (look_up<passwd>(fmt::format("user with number {}", uid), buffer,
                                      [&](passwd* into, char* text, size_t size, passwd** found) {
                                        return ::getpwuid_r(uid, into, text, size, found);
                                      })));
  return std::string(record.pw_name);
}

Result<std::string> group_name(gid_t gid) {
  std::string buffer;
  TRY(group record, (look_up<group>(fmt::format("group with number {}", gid), buffer,
                                    [&](group* into, char* text, size_t size, group** found) {
                                      return ::getgrgid_r(gid, into, text, size, found);
                                    })));
  return std::string(record.gr_name);
}

}  // namespace mesolith::os
