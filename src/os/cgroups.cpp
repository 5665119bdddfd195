// SPDX-License-Identifier: Apache-2.0
#include "os/cgroups.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <set>

namespace mesolith::os {
namespace {

// What version 1 reports as "no limit" is the largest multiple of a page; more than this is it.
constexpr uint64_t memory_unlimited = 1ull << 62;

uint64_t parse_number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The value of a line "name value" in a flat keyed file; 0 when it has none.
uint64_t keyed(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ') {
      return parse_number(line.substr(name.size() + 1));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return 0;
}

std::string number_or(uint64_t value, std::string_view unlimited) {
  return value == 0 ? std::string(unlimited) : fmt::format("{}", value);
}

Result<uint64_t> read_number(const std::string& path) {
  TRY(std::string text, read_control_file(path));
  return parse_number(text);
}

}  // namespace

uint64_t weight_of_shares(uint64_t shares) {
  shares = std::clamp<uint64_t>(shares, 2, 262'144);
  return 1 + (shares - 2) * 9'999 / 262'142;
}

std::string CgroupHierarchy::file(std::string_view controller, std::string_view name,
                                  std::string_view file_name) const {
  auto found = directories_.find(version_ == 2 ? std::string_view() : controller);
  if (found == directories_.end()) return fmt::format("cgroup controller {}", controller);
  return fmt::format("{}/{}/{}", found->second, name, file_name);
}

Result<void> CgroupHierarchy::create(std::string_view name, const CgroupLimits& limits) const {
  if (name.empty() || name.find('/') != std::string_view::npos || name.starts_with('.')) {
    return failure(Code::invalid, fmt::format("'{}' is no name for a cgroup", name));
  }
  for (const auto& [controller, directory] : directories_) {
    std::string path = fmt::format("{}/{}", directory, name);
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
      return std::unexpected(system_error(errno, path));
    }
  }
  if (version_ == 2) {
    // A container ends as a whole when its memory is out. Kernels before 4.19 cannot.
    (void)write_control_file(file("memory", name, "memory.oom.group"), "1");
  }
  auto limited = update(name, limits);
  if (!limited) (void)remove(name);
  return limited;
}

Result<void> CgroupHierarchy::update(std::string_view name, const CgroupLimits& limits) const {
  auto set = [&](std::string_view controller, std::string_view file_name, std::string value) {
    return write_control_file(file(controller, name, file_name), value);
  };
  bool unified = version_ == 2;
  if (limits.cpu_shares) {
    uint64_t shares = std::clamp<uint64_t>(*limits.cpu_shares, 2, 262'144);
    TRY_VOID(unified ? set("cpu", "cpu.weight", fmt::format("{}", weight_of_shares(shares)))
                     : set("cpu", "cpu.shares", fmt::format("{}", shares)));
  }
  if (limits.cpu_quota_micros) {
    if (unified) {
      TRY_VOID(set("cpu", "cpu.max",
                   fmt::format("{} {}", number_or(*limits.cpu_quota_micros, "max"),
                               limits.cpu_period_micros)));
    } else {
      TRY_VOID(set("cpu", "cpu.cfs_period_us", fmt::format("{}", limits.cpu_period_micros)));
      TRY_VOID(set("cpu", "cpu.cfs_quota_us", number_or(*limits.cpu_quota_micros, "-1")));
    }
  }
  if (limits.memory_soft_limit_bytes) {
    TRY_VOID(unified
                 ? set("memory", "memory.low", fmt::format("{}", *limits.memory_soft_limit_bytes))
                 : set("memory", "memory.soft_limit_in_bytes",
                       number_or(*limits.memory_soft_limit_bytes, "-1")));
  }
  if (limits.memory_limit_bytes) {
    TRY_VOID(unified ? set("memory", "memory.max", number_or(*limits.memory_limit_bytes, "max"))
                     : set("memory", "memory.limit_in_bytes",
                           number_or(*limits.memory_limit_bytes, "-1")));
  }
  if (limits.processes_max) {
    TRY_VOID(set("pids", "pids.max", number_or(*limits.processes_max, "max")));
  }
  return {};
}

Result<void> CgroupHierarchy::reset(std::string_view name) const {
  CgroupLimits defaults;
  defaults.cpu_shares = 1024;
  defaults.cpu_quota_micros = 0;
  defaults.memory_limit_bytes = 0;
  defaults.memory_soft_limit_bytes = 0;
  if (version_ == 2 || directories_.contains("pids")) defaults.processes_max = 0;
  // The pages it leaves behind would count against whoever gets it next. Where the kernel cannot
  // drop them they are reclaimed when the limit asks for it.
  (void)write_control_file(
      file("memory", name, version_ == 2 ? "memory.reclaim" : "memory.force_empty"),
      version_ == 2 ? "1G" : "0");
  if (version_ == 1) {
    (void)write_control_file(file("memory", name, "memory.max_usage_in_bytes"), "0");
  }
  return update(name, defaults);
}

Result<void> CgroupHierarchy::remove(std::string_view name) const {
  for (const auto& [controller, directory] : directories_) {
    std::string path = fmt::format("{}/{}", directory, name);
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) {
      return std::unexpected(system_error(errno, path));
    }
  }
  return {};
}

std::vector<std::string> CgroupHierarchy::process_files(std::string_view name) const {
  std::set<std::string> directories;  // controllers may be mounted together
  for (const auto& [controller, directory] : directories_) directories.insert(directory);
  std::vector<std::string> files;
  for (const std::string& directory : directories) {
    files.push_back(fmt::format("{}/{}/cgroup.procs", directory, name));
  }
  return files;
}

Result<void> CgroupHierarchy::add(std::string_view name, pid_t pid) const {
  for (const std::string& path : process_files(name)) {
    TRY_VOID(write_control_file(path, fmt::format("{}", pid)));
  }
  return {};
}

Result<std::vector<pid_t>> CgroupHierarchy::processes(std::string_view name) const {
  TRY(std::string text, read_control_file(file("memory", name, "cgroup.procs")));
  std::vector<pid_t> pids;
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    if (auto pid = static_cast<pid_t>(parse_number(rest.substr(0, end))); pid > 0) {
      pids.push_back(pid);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return pids;
}

Result<std::vector<std::string>> CgroupHierarchy::groups() const {
  std::set<std::string> names;
  for (const auto& [controller, directory] : directories_) {
    TRY(auto files, list(directory));
    for (const FileStatus& below : files) {
      if (below.type != FileStatus::Type::directory) continue;
      names.insert(std::filesystem::path(below.path).filename().native());
    }
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<CgroupStatistics> CgroupHierarchy::statistics(std::string_view name) const {
  CgroupStatistics statistics;
  bool unified = version_ == 2;
  TRY(std::string cpu, read_control_file(file("cpu", name, "cpu.stat")));
  TRY(std::string memory, read_control_file(file("memory", name, "memory.stat")));
  TRY(auto pids, processes(name));
  statistics.processes = static_cast<uint32_t>(pids.size());
  statistics.periods = keyed(cpu, "nr_periods");
  statistics.periods_throttled = keyed(cpu, "nr_throttled");
  if (unified) {
    statistics.user_seconds = static_cast<double>(keyed(cpu, "user_usec")) / 1e6;
    statistics.system_seconds = static_cast<double>(keyed(cpu, "system_usec")) / 1e6;
    statistics.throttled_seconds = static_cast<double>(keyed(cpu, "throttled_usec")) / 1e6;
    TRY(statistics.memory_bytes, read_number(file("memory", name, "memory.current")));
    statistics.memory_resident_bytes = keyed(memory, "anon");
    statistics.memory_max_bytes = read_number(file("memory", name, "memory.peak")).value_or(0);
    TRY(std::string events, read_control_file(file("memory", name, "memory.events")));
    statistics.out_of_memory_kills = keyed(events, "oom_kill");
    return statistics;
  }
  statistics.throttled_seconds = static_cast<double>(keyed(cpu, "throttled_time")) / 1e9;
  if (directories_.contains("cpuacct")) {
    TRY(std::string account, read_control_file(file("cpuacct", name, "cpuacct.stat")));
    auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    statistics.user_seconds = static_cast<double>(keyed(account, "user")) / ticks_per_second;
    statistics.system_seconds = static_cast<double>(keyed(account, "system")) / ticks_per_second;
  }
  TRY(statistics.memory_bytes, read_number(file("memory", name, "memory.usage_in_bytes")));
  statistics.memory_resident_bytes = keyed(memory, "total_rss");
  TRY(statistics.memory_max_bytes, read_number(file("memory", name, "memory.max_usage_in_bytes")));
  TRY(std::string control, read_control_file(file("memory", name, "memory.oom_control")));
  statistics.out_of_memory_kills = keyed(control, "oom_kill");
  return statistics;
}

Result<uint64_t> CgroupHierarchy::memory_limit(std::string_view name) const {
  TRY(uint64_t limit,
      read_number(file("memory", name, version_ == 2 ? "memory.max" : "memory.limit_in_bytes")));
  return limit >= memory_unlimited ? 0 : limit;
}

Result<void> CgroupHierarchy::kill(std::string_view name) const {
  if (version_ == 2 && write_control_file(file("cgroup", name, "cgroup.kill"), "1")) return {};
  // Frozen, none of them can fork meanwhile; without a freezer the caller's next call gets the
  // rest.
  bool frozen = freeze(name, true).has_value();
  auto pids = processes(name);
  if (pids) {
    for (pid_t pid : *pids) ::kill(pid, SIGKILL);
  }
  if (frozen) {
    TRY_VOID(freeze(name, false));
  }
  if (!pids) return std::unexpected(std::move(pids).error());
  return {};
}

Result<void> CgroupHierarchy::freeze(std::string_view name, bool frozen) const {
  if (version_ == 2) {
    return write_control_file(file("cgroup", name, "cgroup.freeze"), frozen ? "1" : "0");
  }
  return write_control_file(file("freezer", name, "freezer.state"), frozen ? "FROZEN" : "THAWED");
}

}  // namespace mesolith::os
