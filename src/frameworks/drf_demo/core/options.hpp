// SPDX-License-Identifier: Apache-2.0
// What one run of the fair-sharing demo asks for. Values from a person: check() says what is wrong
// with them in a sentence, and a State is only made from checked ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "model/quantities.hpp"

namespace mesolith::frameworks::drf_demo {

// However large an offer is, one ACCEPT launches no more than this; the rest is offered again.
inline constexpr size_t tasks_per_launch_max = 1000;
// Tasks that end badly one after the other; beyond: the run is given up, since the next would too.
inline constexpr size_t failures_in_row_max = 20;

struct Options {
  std::string name;
  std::string role = "*";
  model::Quantities task;  // cpus and mem (in MB) of each task, both > 0
  Duration duration_min = std::chrono::seconds(20);
  Duration duration_max = std::chrono::seconds(40);
  uint64_t tasks = 0;           // to run in all; 0: no limit
  Duration run_time{};          // stops launching after it; 0: no limit
  bool wait_for_tasks = false;  // at the end, instead of killing them
  size_t tasks_per_launch = tasks_per_launch_max;
  Duration refuse = std::chrono::seconds(1);  // what does not fit is not wanted for so long
  // How long an offer that is too small is kept, so that it may be joined with later ones of the
  // same agent; 0 declines it at once.
  Duration hold{};
  Duration warm_up{};  // the report's averages leave out so much of the beginning
  uint64_t seed = 0;
};

Result<void> check(const Options& options);

}  // namespace mesolith::frameworks::drf_demo
