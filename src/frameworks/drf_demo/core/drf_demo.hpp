// SPDX-License-Identifier: Apache-2.0
// The fair-sharing demo's core: a framework that runs tasks which only sleep, as many as it is
// given, and watches how large its dominant share is beside the ideal one. Pure; a shell speaks
// with the master through frameworks/driver and polls its public JSON.
//
// It promises: every task is made of resources that were offered, exact in thousandths, reserved
// ones used first and launched as what they are; at most tasks_per_launch tasks per ACCEPT; each
// offer is accepted, declined with a filter, or held no longer than Options::hold. It ends by
// TEARDOWN and then exactly one Finish, after which nothing follows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "frameworks/drf_demo/core/options.hpp"
#include "frameworks/drf_demo/core/tracks.hpp"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "model/resources.hpp"

namespace mesolith::frameworks::drf_demo {

// Events.
struct Delivered {  // by the driver
  mesos::v1::scheduler::Event event;
};
struct Disconnected {
  std::string reason;
};
struct Aborted {  // by the driver, for good
  std::string message;
};
struct ClusterObserved {
  Observation observation;
};
struct StopRequested {};  // by a person; the second time it stops without waiting
struct Tick {};
using Event = std::variant<Delivered, Disconnected, Aborted, ClusterObserved, StopRequested, Tick>;

// Effects.
struct Call {
  mesos::v1::scheduler::Call call;  // framework_id is filled in by the driver
};
struct PrintLine {
  std::string text;
};
struct Finish {
  int exit_status = 0;  // 0: ran as asked; 1: a task failed, or the master refused
};
using Effect = std::variant<Call, PrintLine, Finish>;
using Effects = std::vector<Effect>;

enum class Phase { connecting, running, draining, leaving, finished };

struct LaunchedTask {
  AgentId agent_id;
  Time launched{};
  bool running = false;
};
struct HeldOffer {
  OfferId id;
  model::Resources resources;
  Time until{};
};

// Of some times at most samples_max, each as likely as any other; in seconds.
inline constexpr size_t samples_max = 16384;
struct Samples {
  std::vector<double> seconds;
  uint64_t count = 0;
};
void add(Samples& samples, Rng& rng, Duration value);
double percentile(const Samples& samples, double fraction);  // 0 when there are none

struct Counts {
  uint64_t launched = 0;
  uint64_t finished = 0;
  uint64_t failed = 0;   // FAILED, ERROR, LOST, GONE
  uint64_t killed = 0;   // by whomever
  uint64_t dropped = 0;  // never started, because the master or agent was not connected
};

struct State {
  explicit State(Options options);  // which check() accepts

  Options options;
  Rng rng;
  Phase phase = Phase::connecting;
  std::string framework_id;
  Time started = never;      // first subscribed
  Time ended = never;        // stopped launching
  Time last_launch = never;  // or start
  Time leave_deadline = never;
  std::map<TaskId, LaunchedTask> tasks;  // launched, not known to have ended
  std::map<AgentId, std::vector<HeldOffer>> held;
  Counts counts;
  size_t failures_in_row = 0;
  int exit_status = 0;
  Samples waits;   // from start or the launch before to a task's launch
  Samples starts;  // from a task's launch to its TASK_RUNNING
  Tracks tracks;
};

void step(State& state, Time now, const Event& event, Effects& effects);
Time next_deadline(const State& state);

// What it subscribes as. It has no failover timeout: when its process ends its framework does.
mesos::v1::FrameworkInfo framework_info(const Options& options, const std::string& user,
                                        const std::string& hostname);

}  // namespace mesolith::frameworks::drf_demo
