// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/log.hpp"
#include "launcher/containers.hpp"

namespace mesolith::launcher {

void Containers::recover() {
  Memory memory = checkpoints_.memory();
  for (auto& [container_id, seen] : find_marked()) {
    auto [found, is_new] = memory.try_emplace(container_id);
    Remembered& remembered = found->second;
    if (is_new) {
      log::warning("Container {} is known by its process {} alone", container_id,
                   seen.running->pid());
      checkpoints_.launching(seen.launching);
      remembered.launching = std::move(seen.launching);
    }
    // The earlier launcher may have ended between starting it and writing down its pid.
    if (remembered.running || remembered.exited) continue;
    checkpoints_.running(*seen.running);
    remembered.running = std::move(seen.running);
  }
  checkpoints_.flush();
  for (const auto& [container_id, remembered] : memory) recover_one(remembered);
  cgroups_.sweep();
  if (!memory.empty()) {
    log::info("{} containers of an earlier launcher were found, {} of them not ended",
              memory.size(), live_);
  }
}

void Containers::recover_one(const Remembered& remembered) {
  ContainerState container;
  container.container_id = remembered.launching.container_id();
  container.directory = remembered.launching.directory();
  if (remembered.running) {
    container.pid = static_cast<pid_t>(remembered.running->pid());
    container.start_time_ticks = remembered.running->start_time_ticks();
  }
  if (remembered.exited) {
    container.state = Container::EXITED;
    container.exited = remembered.exited;
    containers_.emplace(container.container_id, std::move(container));
    return;
  }
  container.adopted = true;
  container.shares_directory = remembered.launching.shares_directory();
  if (remembered.launching.has_cgroup() && cgroups_.unavailable().empty()) {
    // What its counters were when it was leased is not known any more: it is counted from now.
    container.cgroup = remembered.launching.cgroup();
    container.cgroup_before =
        cgroups_.hierarchy().statistics(container.cgroup).value_or(os::CgroupStatistics());
    cgroups_.adopt(container.cgroup);
  }
  // The descriptor first, then the question: then it is of the process that was asked for.
  if (container.pid > 0) {
    if (auto descriptor = os::open_process(container.pid)) {
      container.descriptor = *std::move(descriptor);
    }
  }
  ++live_;
  if (!container.shares_directory) by_directory_[container.directory] = container.container_id;
  std::string container_id = container.container_id;
  if (container.descriptor && os::is_running(container.pid, container.start_time_ticks)) {
    unwatched_.push_back(container_id);
    containers_.emplace(container_id, std::move(container));
    return;
  }
  auto [added, is_new] = containers_.emplace(container_id, std::move(container));
  first_process_ended(added->second, -1);
}

// Containers by the oldest session leader with their mark: their first process, if that still runs.
Memory Containers::find_marked() {
  Memory marked;
  std::string suffix = "@" + checkpoints_.state_directory();
  for (const auto& [pid, status] : table()) {
    if (status.session != pid || status.state == 'Z' || status.state == 'X') continue;
    auto mark = os::process_environment(pid, std::string(container_variable));
    if (!mark || !*mark || !(*mark)->ends_with(suffix)) continue;
    auto directory = os::process_environment(pid, "MESOS_DIRECTORY");
    if (!directory || !*directory) continue;
    std::string container_id = (*mark)->substr(0, (*mark)->size() - suffix.size());
    Remembered& seen = marked[container_id];
    if (seen.running && seen.running->start_time_ticks() <= status.start_time_ticks) continue;
    seen.launching.set_container_id(container_id);
    seen.launching.set_directory(**directory);
    if (std::string cgroup = cgroup_of(pid); !cgroup.empty()) seen.launching.set_cgroup(cgroup);
    seen.running.emplace();
    seen.running->set_container_id(container_id);
    seen.running->set_pid(pid);
    seen.running->set_start_time_ticks(status.start_time_ticks);
  }
  // Of several in one directory the first is its owner.
  std::map<std::string, Remembered*> owners;
  for (auto& [container_id, seen] : marked) {
    Remembered*& owner = owners[seen.launching.directory()];
    bool older = owner && seen.running->start_time_ticks() < owner->running->start_time_ticks();
    if (owner) (older ? owner : &seen)->launching.set_shares_directory(true);
    if (!owner || older) owner = &seen;
  }
  return marked;
}

std::string Containers::cgroup_of(pid_t pid) const {
  if (!cgroups_.unavailable().empty()) return "";
  auto groups = cgroups_.hierarchy().groups();
  if (!groups) return "";
  for (const std::string& name : *groups) {
    auto pids = cgroups_.hierarchy().processes(name);
    if (pids && std::ranges::find(*pids, pid) != pids->end()) return name;
  }
  return "";
}

std::vector<std::pair<int, std::string>> Containers::take_unwatched() {
  std::vector<std::pair<int, std::string>> descriptors;
  for (const std::string& container_id : unwatched_) {
    const ContainerState& container = containers_.at(container_id);
    if (container.descriptor) descriptors.emplace_back(container.descriptor.get(), container_id);
  }
  unwatched_.clear();
  return descriptors;
}

}  // namespace mesolith::launcher
