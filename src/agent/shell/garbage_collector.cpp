// SPDX-License-Identifier: Apache-2.0
#include "agent/shell/garbage_collector.hpp"

#include <utility>

#include "agent/hands/garbage.hpp"
#include "base/log.hpp"
#include "os/system.hpp"

namespace mesolith::agent {
namespace {

// The core asks for one of each and waits, but for MeasureDisk, which a removal of hours delays.
constexpr size_t queue_max = 1024;

std::optional<double> disk_used(const std::string& path) {
  const auto space = os::disk(path);
  if (!space || space->bytes_total == 0) {
    log::warning("The disk of {} cannot be measured", path);
    return std::nullopt;
  }
  return 1 - static_cast<double>(space->bytes_free) / static_cast<double>(space->bytes_total);
}

}  // namespace

GarbageCollector::GarbageCollector(net::Loop& loop, std::string work_dir,
                                   std::function<void(Event)> on_event)
    : loop_(loop),
      work_dir_(std::move(work_dir)),
      on_event_(std::move(on_event)),
      pool_(1, queue_max) {}

void GarbageCollector::submit(std::function<Event()> work) {
  const auto submitted = pool_.submit([this, work = std::move(work)] {
    loop_.post([on_event = on_event_, event = work()] { on_event(event); });
  });
  if (!submitted) log::warning("The disk is not measured: {}", submitted.error().message);
}

void GarbageCollector::perform(const MeasureDisk&) {
  submit([work_dir = work_dir_] { return DiskMeasured{disk_used(work_dir)}; });
}

void GarbageCollector::perform(const FindSandboxes& effect) {
  submit([work_dir = work_dir_, count_max = effect.count_max] {
    const SandboxesOnDisk on_disk = find_sandboxes(work_dir, count_max);
    SandboxesFound found{{}, on_disk.all};
    for (const SandboxOnDisk& each : on_disk.oldest) {
      found.sandboxes.push_back({each.directory, each.modified});
    }
    return found;
  });
}

void GarbageCollector::perform(const RemoveSandboxes& effect, const AgentId& agent_id) {
  submit([directories = effect.directories, own = work_dir_ + "/slaves/" + agent_id.value] {
    const SandboxRemoval removal = remove_sandboxes(directories, own);
    return SandboxesRemoved{removal.succeeded, removal.failed};
  });
}

}  // namespace mesolith::agent
