// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "launcher/containers.hpp"

namespace mesolith::launcher {

void Containers::recover() {
  const Memory memory = checkpoints_.memory();
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
  if (container.pid == 0 && !container.shares_directory) find_lost(container);
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

// The earlier launcher ended between starting it and writing down its pid.
void Containers::find_lost(ContainerState& container) {
  for (const auto& [pid, status] : table()) {
    bool older = container.pid == 0 || status.start_time_ticks < container.start_time_ticks;
    if (status.session != pid || !older) continue;
    auto directory = os::process_environment(pid, "MESOS_DIRECTORY");
    if (!directory || !*directory || **directory != container.directory) continue;
    container.pid = pid;
    container.start_time_ticks = status.start_time_ticks;
  }
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
