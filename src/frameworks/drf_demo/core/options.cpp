// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/core/options.hpp"

#include <fmt/format.h>

#include "model/roles.hpp"

namespace mesolith::frameworks::drf_demo {

Result<void> check(const Options& options) {
  if (options.name.empty()) {
    return failure(Code::invalid, "The framework needs a name: --framework-name 'Framework A'");
  }
  if (options.task.get(model::cpus) <= 0) {
    return failure(
        Code::invalid,
        "--task-cpus must be at least 0.001: tasks that need no cpus would fit any offer "
        "without end");
  }
  if (options.task.get(model::mem) <= 0) {
    return failure(Code::invalid,
                   "--task-memory must be at least 0.001 (MB): tasks that need no memory would fit "
                   "any offer without end");
  }
  if (options.duration_min < Duration::zero() || options.duration_max < options.duration_min) {
    return failure(Code::invalid,
                   fmt::format("--duration-max ({} s) must not be less than --duration-min ({} s), "
                               "and neither may be negative",
                               to_seconds(options.duration_max), to_seconds(options.duration_min)));
  }
  if (options.tasks_per_launch == 0 || options.tasks_per_launch > tasks_per_launch_max) {
    return failure(Code::invalid,
                   fmt::format("--tasks-per-launch must be 1 to {}", tasks_per_launch_max));
  }
  if (options.run_time < Duration::zero() || options.refuse < Duration::zero() ||
      options.hold < Duration::zero() || options.warm_up < Duration::zero()) {
    return failure(Code::invalid,
                   "--run-time, --refuse, --hold and --warm-up must not be negative");
  }
  return {};
}

}  // namespace mesolith::frameworks::drf_demo
