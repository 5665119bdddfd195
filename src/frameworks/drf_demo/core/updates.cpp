// SPDX-License-Identifier: Apache-2.0
// What becomes of a task. The driver acknowledges; each update arrives once.
#include <fmt/format.h>

#include <algorithm>

#include "frameworks/drf_demo/core/internal.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

void count_end(State& state, Time now, const mesos::v1::TaskStatus& status, Effects& effects) {
  switch (status.state()) {
    case mesos::v1::TASK_FINISHED:
      ++state.counts.finished;
      state.failures_in_row = 0;
      return;
    case mesos::v1::TASK_KILLED:
      ++state.counts.killed;
      return;
    case mesos::v1::TASK_DROPPED:
      ++state.counts.dropped;
      return;
    default:
      break;
  }
  ++state.counts.failed;
  state.exit_status = 1;
  effects.push_back(PrintLine{fmt::format(
      "Task {} ended as {}: {}", status.task_id().value(), model::name_of(status.state()),
      status.message().empty() ? "no reason was given" : status.message())});
  if (++state.failures_in_row >= failures_in_row_max) {
    end_run(state, now, fmt::format("{} tasks failed in a row", state.failures_in_row), effects);
  }
}

}  // namespace

void on_update(State& state, Time now, const mesos::v1::TaskStatus& status, Effects& effects) {
  const auto task = state.tasks.find(model::id_of(status.task_id()));
  if (task == state.tasks.end()) return;
  if (status.state() == mesos::v1::TASK_RUNNING && !task->second.running) {
    task->second.running = true;
    add(state.starts, state.rng, now - task->second.launched);
  }
  if (!model::is_terminal(status.state())) return;
  state.tasks.erase(task);
  count_end(state, now, status, effects);
  const bool all_placed = state.options.tasks > 0 &&
                          state.counts.launched - state.counts.dropped >= state.options.tasks;
  if (state.phase == Phase::running && all_placed && state.tasks.empty()) {
    end_run(state, now, fmt::format("all {} tasks have run", state.options.tasks), effects);
  } else if (state.phase == Phase::draining && state.tasks.empty()) {
    leave(state, now, effects);
  }
}

void add(Samples& samples, Rng& rng, Duration value) {
  ++samples.count;
  if (samples.seconds.size() < samples_max) {
    samples.seconds.push_back(to_seconds(value));
  } else if (const uint64_t place = rng.below(samples.count); place < samples_max) {
    samples.seconds[place] = to_seconds(value);
  }
}

double percentile(const Samples& samples, double fraction) {
  if (samples.seconds.empty()) return 0;
  std::vector<double> sorted = samples.seconds;
  const auto rank = std::min(sorted.size() - 1,
                             static_cast<size_t>(fraction * static_cast<double>(sorted.size())));
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(rank),
                   sorted.end());
  return sorted[rank];
}

}  // namespace mesolith::frameworks::drf_demo
