// SPDX-License-Identifier: Apache-2.0
#include "os/process.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <set>

namespace mesolith::os {
namespace {

// The number of a /proc directory, or nothing.
std::optional<pid_t> parse_pid(std::string_view name) {
  pid_t pid = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc() || end != name.data() + name.size() || pid <= 0) return std::nullopt;
  return pid;
}

// The fields of /proc/<pid>/stat after the name in parentheses, which may itself hold any
// character: proc(5) numbers them from 3.
class StatFields {
 public:
  explicit StatFields(std::string_view rest) {
    while (!rest.empty() && count_ < fields_.size()) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" \n"), rest.size()));
      size_t end = std::min(rest.find_first_of(" \n"), rest.size());
      if (end > 0) fields_[count_++] = rest.substr(0, end);
      rest.remove_prefix(end);
    }
  }
  size_t count() const { return count_; }
  std::string_view text(size_t number) const { return fields_[number - 3]; }
  int64_t number(size_t number) const {
    int64_t value = 0;
    std::string_view field = text(number);
    std::from_chars(field.data(), field.data() + field.size(), value);
    return value;
  }
  uint64_t count_of(size_t number) const {
    uint64_t value = 0;
    std::string_view field = text(number);
    std::from_chars(field.data(), field.data() + field.size(), value);
    return value;
  }

 private:
  std::array<std::string_view, 22> fields_;
  size_t count_ = 0;
};

bool has_ended(const ProcessStatus& status) {
  return status.state == 'Z' || status.state == 'X';
}

}  // namespace

Result<ProcessStatus> process_status(pid_t pid) {
  TRY(std::string text, read_control_file(fmt::format("/proc/{}/stat", pid)));
  size_t name_end = text.rfind(')');
  StatFields fields(name_end == std::string::npos ? std::string_view()
                                                  : std::string_view(text).substr(name_end + 1));
  if (fields.count() < 22) {
    return failure(Code::system, fmt::format("/proc/{}/stat: it cannot be understood", pid));
  }
  ProcessStatus status;
  status.pid = pid;
  status.state = fields.text(3)[0];
  status.parent = static_cast<pid_t>(fields.number(4));
  status.group = static_cast<pid_t>(fields.number(5));
  status.session = static_cast<pid_t>(fields.number(6));
  status.user_ticks = fields.count_of(14);
  status.system_ticks = fields.count_of(15);
  status.child_user_ticks = fields.count_of(16);
  status.child_system_ticks = fields.count_of(17);
  status.threads = static_cast<uint32_t>(fields.count_of(20));
  status.start_time_ticks = fields.count_of(22);
  status.resident_bytes = fields.count_of(24) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return status;
}

Result<ProcessTable> process_table() {
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
  if (!directory) return std::unexpected(system_error(errno, "/proc"));
  ProcessTable table;
  while (const dirent* entry = ::readdir(directory.get())) {
    std::optional<pid_t> pid = parse_pid(entry->d_name);
    if (!pid) continue;
    // One that has gone meanwhile is simply left out.
    if (auto status = process_status(*pid)) table.emplace(*pid, *status);
  }
  return table;
}

std::vector<pid_t> process_tree(const ProcessTable& table, pid_t root) {
  std::multimap<pid_t, pid_t> by_parent, by_group, by_session;
  for (const auto& [pid, status] : table) {
    by_parent.emplace(status.parent, pid);
    by_group.emplace(status.group, pid);
    by_session.emplace(status.session, pid);
  }
  std::vector<pid_t> tree;
  std::set<pid_t> seen;
  auto add = [&](pid_t pid) {
    if (seen.insert(pid).second) tree.push_back(pid);
  };
  auto add_range = [&](auto range) {
    for (auto it = range.first; it != range.second; ++it) add(it->second);
  };
  add(root);
  for (size_t i = 0; i < tree.size(); ++i) {
    pid_t pid = tree[i];
    add_range(by_parent.equal_range(pid));
    // What a member leads is the tree's; a group or session led from outside is somebody else's.
    add_range(by_group.equal_range(pid));
    add_range(by_session.equal_range(pid));
  }
  std::erase_if(tree, [&](pid_t pid) {
    auto found = table.find(pid);
    return found == table.end() || has_ended(found->second);
  });
  return tree;
}

Result<size_t> signal_tree(pid_t root, int signal) {
  std::set<std::pair<pid_t, uint64_t>> sent;
  while (true) {
    TRY(ProcessTable table, process_table());
    bool found_new = false;
    for (pid_t pid : process_tree(table, root)) {
      if (!sent.emplace(pid, table.at(pid).start_time_ticks).second) continue;
      found_new = true;
      if (::kill(pid, signal) != 0 && errno != ESRCH) {
        return std::unexpected(system_error(errno, fmt::format("signalling process {}", pid)));
      }
    }
    if (!found_new) return sent.size();
  }
}

bool is_running(pid_t pid, uint64_t start_time_ticks) {
  auto status = process_status(pid);
  return status && status->start_time_ticks == start_time_ticks && !has_ended(*status);
}

Result<std::optional<std::string>> process_environment(pid_t pid, const std::string& name) {
  TRY(std::string text, read_control_file(fmt::format("/proc/{}/environ", pid)));
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\0'), rest.size());
    std::string_view variable = rest.substr(0, end);
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=')
      return std::string(variable.substr(name.size() + 1));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

TreeUsage usage_of(const ProcessTable& table, const std::vector<pid_t>& pids) {
  TreeUsage usage;
  auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  for (pid_t pid : pids) {
    auto found = table.find(pid);
    if (found == table.end()) continue;
    const ProcessStatus& status = found->second;
    ++usage.processes;
    usage.threads += status.threads;
    usage.user_seconds +=
        static_cast<double>(status.user_ticks + status.child_user_ticks) / ticks_per_second;
    usage.system_seconds +=
        static_cast<double>(status.system_ticks + status.child_system_ticks) / ticks_per_second;
    usage.resident_bytes += status.resident_bytes;
  }
  return usage;
}

Result<std::string> boot_id() {
  TRY(std::string text, read_control_file("/proc/sys/kernel/random/boot_id"));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace mesolith::os
