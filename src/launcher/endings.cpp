// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>

#include "base/log.hpp"
#include "launcher/containers.hpp"

namespace mesolith::launcher {
namespace {

using std::chrono::milliseconds;

constexpr Duration retry_wait_min = milliseconds(2);
constexpr Duration retry_wait_max = milliseconds(200);
// A process seems to have no environment while it starts a program: look again, but not for ever.
constexpr Duration unsure_max = milliseconds(100);

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void add_usage(Usage& usage, const rusage& ended) {
  usage.set_cpus_user_time_secs(usage.cpus_user_time_secs() + seconds_of(ended.ru_utime));
  usage.set_cpus_system_time_secs(usage.cpus_system_time_secs() + seconds_of(ended.ru_stime));
  usage.set_mem_rss_max_bytes(
      std::max(usage.mem_rss_max_bytes(), static_cast<uint64_t>(ended.ru_maxrss) * 1024));
}

// Our children, from the kernel's list or, where it keeps none, from all processes.
std::vector<pid_t> children() {
  std::vector<pid_t> pids;
  auto text = os::read_control_file(fmt::format("/proc/self/task/{}/children", ::gettid()));
  if (!text) {
    for (const auto& [pid, status] : os::process_table().value_or(os::ProcessTable())) {
      if (status.parent == ::getpid()) pids.push_back(pid);
    }
    return pids;
  }
  const char* end = text->data() + text->size();
  for (const char* at = text->data(); at < end;) {
    pid_t pid = 0;
    auto parsed = std::from_chars(at, end, pid);
    if (parsed.ec == std::errc()) pids.push_back(pid);
    at = std::max(parsed.ptr, at) + 1;
  }
  return pids;
}

bool is_within(std::string_view path, const std::string& directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

// Where a link of a process leads; empty when it may not be read, or the process is gone.
std::string target_of(pid_t pid, std::string_view link) {
  std::error_code error;
  return std::filesystem::read_symlink(fmt::format("/proc/{}/{}", pid, link), error).native();
}

}  // namespace

void Containers::reap(Time now) {
  next_retry_ = never;
  reap_children();
  table_.reset();
  if (!ending_.empty()) adopt_strangers();
  for (const std::string& container_id : std::vector(ending_.begin(), ending_.end())) {
    ContainerState& container = containers_.at(container_id);
    if (end_rest(container)) {
      finish(container);
      continue;
    }
    // Our own children tell when they end; the rest has to be asked again.
    container.retry_wait =
        std::clamp<Duration>(container.retry_wait * 2, retry_wait_min, retry_wait_max);
    next_retry_ = std::min(next_retry_, saturating_add(now, container.retry_wait));
  }
  checkpoints_.flush();
}

void Containers::reap_children() {
  while (true) {
    siginfo_t ended{};
    if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
    pid_t pid = ended.si_pid;
    auto found = by_pid_.find(pid);
    ContainerState* container = nullptr;
    if (found != by_pid_.end()) container = &containers_.at(found->second);
    bool is_first = container && !container->first_process_ended && !container->adopted;
    // As long as it is not waited for, its pid cannot name the group of anybody else.
    if (is_first) ::kill(-pid, SIGKILL);
    int status = 0;
    rusage usage{};
    if (::wait4(pid, &status, WNOHANG, &usage) != pid) return;
    if (is_first) {
      add_usage(container->usage, usage);
      first_process_ended(*container, status);
      continue;
    }
    auto stranger = strangers_.find(pid);
    if (stranger == strangers_.end()) continue;
    auto owner = containers_.find(stranger->second.container_id);
    if (owner != containers_.end() && !owner->second.exited) {
      add_usage(owner->second.usage, usage);
    }
    strangers_.erase(stranger);
  }
}

void Containers::first_process_ended(ContainerState& container, int wait_status) {
  container.first_process_ended = true;
  container.wait_status = wait_status;
  container.state = Container::DESTROYING;
  container.descriptor.close();
  ending_.insert(container.container_id);
}

void Containers::adopted_ended(const std::string& container_id) {
  auto found = containers_.find(container_id);
  if (found == containers_.end() || found->second.first_process_ended) return;
  first_process_ended(found->second, -1);
}

void Containers::adopt_strangers() {
  for (pid_t pid : children()) {
    auto first = by_pid_.find(pid);
    if (first != by_pid_.end() && !containers_.at(first->second).first_process_ended) continue;
    Stranger& stranger = strangers_[pid];
    bool is_new = stranger.since == never;
    if (!stranger.container_id.empty() || !(is_new || stranger.unsure)) continue;
    Time now = clock_now();
    if (is_new) stranger.since = now;
    ContainerState* owner = owner_of(pid, stranger.unsure);
    if (owner) stranger.container_id = owner->container_id;
    if (now - stranger.since > unsure_max) stranger.unsure = false;
  }
}

ContainerState* Containers::owner_of(pid_t pid, bool& unsure) {
  unsure = false;
  auto status = os::process_status(pid);
  if (!status || status->state == 'Z' || status->state == 'X') return nullptr;
  for (pid_t leader : {status->session, status->group}) {
    auto found = by_pid_.find(leader);
    if (found != by_pid_.end()) return &containers_.at(found->second);
  }
  auto directory = os::process_environment(pid, "MESOS_DIRECTORY");
  if (directory && *directory) {
    if (ContainerState* owner = owner_of_path(**directory)) return owner;
  }
  for (std::string_view link : {"cwd", "fd/1", "fd/2"}) {
    if (ContainerState* owner = owner_of_path(target_of(pid, link))) return owner;
  }
  unsure = true;
  return nullptr;
}

// Whose directory it is, or which it lies in.
ContainerState* Containers::owner_of_path(std::string path) {
  while (!path.empty()) {
    auto found = by_directory_.find(path);
    if (found != by_directory_.end()) return &containers_.at(found->second);
    path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
  return nullptr;
}

// For adopted ones. Where a process stands or writes to says nothing here: it may be an operator's.
bool Containers::has_sign_of(const os::ProcessStatus& status,
                             const ContainerState& container) const {
  if (status.pid == ::getpid() || status.state == 'Z' || status.state == 'X') return false;
  if (container.pid > 0 && status.start_time_ticks >= container.start_time_ticks &&
      (status.session == container.pid || status.group == container.pid)) {
    return true;
  }
  if (container.shares_directory) return false;
  auto directory = os::process_environment(status.pid, "MESOS_DIRECTORY");
  return directory && *directory && is_within(**directory, container.directory);
}

bool Containers::end_rest(ContainerState& container) {
  bool none_left = container.adopted ? end_adopted(container) : end_strangers(container);
  if (!container.cgroup.empty()) {
    auto pids = cgroups_.hierarchy().processes(container.cgroup);
    if (pids && !pids->empty()) {
      (void)cgroups_.hierarchy().kill(container.cgroup);
      none_left = false;
    }
  }
  return none_left && container.first_process_ended;
}

bool Containers::end_strangers(ContainerState& container) {
  bool none_left = true;
  for (auto& [pid, stranger] : strangers_) {
    if (stranger.container_id == container.container_id) {
      none_left = false;
      // Stopped first, so that they cannot run from the second pass by forking.
      (void)os::signal_tree(pid, SIGSTOP);
      (void)os::signal_tree(pid, SIGKILL);
    } else if (stranger.container_id.empty() && stranger.unsure) {
      none_left = false;  // it may turn out to be this one's
    }
  }
  return none_left;
}

bool Containers::end_adopted(ContainerState& container) {
  if (!container.first_process_ended &&
      !os::is_running(container.pid, container.start_time_ticks)) {
    first_process_ended(container, -1);
  }
  std::vector<pid_t> pids = processes_of(container);
  for (pid_t pid : pids) ::kill(pid, SIGSTOP);
  for (pid_t pid : pids) ::kill(pid, SIGKILL);
  return pids.empty();
}

void Containers::finish(ContainerState& container) {
  Exited exited;
  exited.set_container_id(container.container_id);
  exited.set_wait_status(container.wait_status);
  if (!container.cgroup.empty()) {
    const os::CgroupHierarchy& hierarchy = cgroups_.hierarchy();
    auto counted = hierarchy.statistics(container.cgroup);
    auto limit = hierarchy.memory_limit(container.cgroup);
    if (counted && limit) {
      const os::CgroupStatistics& before = container.cgroup_before;
      container.usage.set_cpus_user_time_secs(counted->user_seconds - before.user_seconds);
      container.usage.set_cpus_system_time_secs(counted->system_seconds - before.system_seconds);
      bool killed = counted->out_of_memory_kills > before.out_of_memory_kills;
      if (killed && container.wait_status != 0) {
        exited.mutable_memory_limitation()->set_limit_bytes(*limit);
        exited.mutable_memory_limitation()->set_message(
            fmt::format("Memory limit exceeded: {} bytes; most used at a time: {} bytes", *limit,
                        counted->memory_max_bytes));
      }
    }
    cgroups_.give_back(container.cgroup);
  }
  // From here on a sandbox that nobody uses any more counts its age.
  (void)::utimensat(AT_FDCWD, container.directory.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  if (container.usage.has_cpus_user_time_secs()) *exited.mutable_usage() = container.usage;
  if (auto found = by_pid_.find(container.pid);
      found != by_pid_.end() && found->second == container.container_id) {
    by_pid_.erase(found);
  }
  if (auto found = by_directory_.find(container.directory);
      found != by_directory_.end() && found->second == container.container_id) {
    by_directory_.erase(found);
  }
  ending_.erase(container.container_id);
  --live_;
  container.state = Container::EXITED;
  container.exited = exited;
  checkpoints_.exited(exited);
  *events_.emplace_back().mutable_exited() = std::move(exited);
}

}  // namespace mesolith::launcher
