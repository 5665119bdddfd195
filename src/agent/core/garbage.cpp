// SPDX-License-Identifier: Apache-2.0
// Sandboxes of what has ended stay for gc_delay, less when their disk fills up, and are then
// removed (mesos-api.md 5.9). Those that are known are bounded: beyond that, and after a restart,
// the disk is asked what else lies there.
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/log.hpp"

namespace mesolith::agent {
namespace {

constexpr size_t batch_max = 256;  // directories; so that a batch is done in about a second

std::set<std::string> directories_in_use(const State& state) {
  std::set<std::string> directories;
  for (const auto& [framework_id, framework] : state.frameworks) {
    for (const auto& [executor_id, executor] : framework.executors) {
      directories.insert(executor.directory);
    }
  }
  return directories;
}

// The newest are looked for again once the others have gone.
void forget_newest(State& state) {
  Garbage& garbage = state.garbage;
  while (garbage.sandboxes.size() > state.options.sandboxes_left_max) {
    garbage.sandboxes.erase(std::prev(garbage.sandboxes.end()));
    garbage.complete = false;
  }
}

}  // namespace

void watch_garbage(Context& context) {
  Garbage& garbage = context.state.garbage;
  garbage.age_max = context.state.options.gc_delay;
  garbage.watch_at = saturating_add(context.now, context.state.options.disk_watch_interval);
  context.effects.push_back(MeasureDisk{});
}

void leave_sandbox(Context& context, const Executor& executor) {
  if (!executor.container_requested && !executor.ever_delivered) return;  // it never had one
  context.state.garbage.sandboxes.emplace(context.now, executor.directory);
  forget_newest(context.state);
}

void collect_garbage(Context& context) {
  State& state = context.state;
  Garbage& garbage = state.garbage;
  if (garbage.watch_at <= context.now) {
    garbage.watch_at = saturating_add(context.now, state.options.disk_watch_interval);
    context.effects.push_back(MeasureDisk{});
  }
  if (garbage.removing) return;
  RemoveSandboxes remove;
  while (!garbage.sandboxes.empty() && remove.directories.size() < batch_max) {
    const auto oldest = garbage.sandboxes.begin();
    if (saturating_add(oldest->first, garbage.age_max) > context.now) break;
    remove.directories.push_back(oldest->second);
    garbage.sandboxes.erase(oldest);
  }
  if (remove.directories.empty()) return;
  garbage.removing = true;
  garbage.in_removal = static_cast<uint32_t>(remove.directories.size());
  context.effects.push_back(std::move(remove));
}

void on_disk_measured(Context& context, const DiskMeasured& event) {
  const Options& options = context.state.options;
  Garbage& garbage = context.state.garbage;
  if (event.used) {
    const double part = std::clamp(1 - options.gc_disk_headroom - *event.used, 0.0, 1.0);
    garbage.age_max =
        Duration(static_cast<int64_t>(static_cast<double>(options.gc_delay.count()) * part));
  }
  if (!garbage.complete && garbage.sandboxes.empty() && !garbage.removing && !garbage.finding) {
    garbage.finding = true;
    context.effects.push_back(FindSandboxes{options.sandboxes_left_max});
  }
}

void on_sandboxes_found(Context& context, const SandboxesFound& event) {
  Garbage& garbage = context.state.garbage;
  garbage.finding = false;
  garbage.complete = event.all;
  std::set<std::string> known = directories_in_use(context.state);
  for (const auto& [since, directory] : garbage.sandboxes) known.insert(directory);
  for (const FoundSandbox& found : event.sandboxes) {
    if (known.contains(found.directory)) continue;
    garbage.sandboxes.emplace(std::min(found.modified, context.now), found.directory);
  }
  forget_newest(context.state);
}

void on_sandboxes_removed(Context& context, const SandboxesRemoved& event) {
  State& state = context.state;
  state.garbage.removing = false;
  state.garbage.in_removal = 0;
  state.counters["gc/path_removals_succeeded"] += event.succeeded;
  state.counters["gc/path_removals_failed"] += event.failed;
}

Time garbage_deadline(const State& state) {
  const Garbage& garbage = state.garbage;
  if (garbage.removing || garbage.sandboxes.empty()) return garbage.watch_at;
  return std::min(garbage.watch_at,
                  saturating_add(garbage.sandboxes.begin()->first, garbage.age_max));
}

}  // namespace mesolith::agent
