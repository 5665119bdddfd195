// SPDX-License-Identifier: Apache-2.0
// What a run has shown: dominant shares over time against the ideal, tasks, waits, verdicts. Data
// first, then its three forms: text and JSON here, HTML in page.hpp. Shares are 0 to 1 in JSON and
// percent for people; times are seconds since `begin`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frameworks/drf_demo/core/drf_demo.hpp"

namespace mesolith::frameworks::drf_demo {

struct Run {  // of one framework, as itself knows it
  std::string id;
  std::string name;
  std::string role;
  model::Quantities task;
  uint64_t seed = 0;
  double seconds = 0;  // launching
  Counts counts;
  uint64_t unfinished = 0;              // neither ended nor killed when the framework left
  double wait_p50 = 0, wait_p99 = 0;    // s, from the launch before (or start) to a launch
  double start_p50 = 0, start_p99 = 0;  // s, from launch to TASK_RUNNING
};

struct Verdict {  // of a measured mean against the computed ideal
  std::string name;
  double measured = 0;
  double ideal = 0;
  double tolerance = 0;
  bool holds() const;
};

struct Report {
  std::string title;
  std::vector<std::string> lesson;  // paragraphs: what is to be seen, and why
  Time begin{};
  Duration warm_up{};  // left out of means and deviations
  model::Quantities totals;
  std::optional<Run> run;
  std::vector<Track> tracks;  // the framework's own first
  std::vector<Verdict> verdicts;
};

Report make_report(const State& state, Time now);

// What the means of a report leave out, as a clause for people.
std::string warm_up_text(const Report& report);

// One line of ASCII per track: a digit 0 to 9 per column, tenths of the largest share shown.
std::string ascii_series(const Track& track, double share_max, size_t columns);

std::string report_text(const Report& report);
std::string report_json(const Report& report);

}  // namespace mesolith::frameworks::drf_demo
