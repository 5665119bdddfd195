// SPDX-License-Identifier: Apache-2.0
// The scheduler driver's core: keeps one framework subscribed to whichever master leads, over the
// public v1 scheduler API alone (mesos-api.md section 1), so it works against Apache Mesos too.
// Pure; a shell owns the connection.
//
// It promises the framework: each status update is delivered once and acknowledged after that; a
// launch that could not be sent is answered with TASK_DROPPED (REASON_MASTER_DISCONNECTED); a kill
// is repeated until its task ends; after a reconnection every live task is reconciled, those that
// nothing is heard of again and again: a new master that still waits for an agent does not answer.
// It fails only for good: Abort.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "mesos/v1/scheduler/scheduler.pb.h"

namespace mesolith::frameworks::driver {

struct Options {
  mesos::v1::FrameworkInfo info;           // with id: take up the framework of an earlier run
  std::vector<std::string> masters;        // "ip:port", tried in turn; not empty
  std::set<std::string> suppressed_roles;  // at the first subscription
  Duration backoff_min = std::chrono::milliseconds(100);  // between attempts, doubling, with jitter
  Duration backoff_max = std::chrono::seconds(10);
  uint32_t heartbeats_missed_max = 5;  // silent for longer: the connection counts as lost
  Duration kill_retry = std::chrono::seconds(10);
  size_t reconcile_batch = 1000;  // tasks per RECONCILE
  // Between two RECONCILEs of a task that nothing is heard of: doubling, from one to the other.
  Duration reconcile_retry_min = std::chrono::seconds(10);
  Duration reconcile_retry_max = std::chrono::minutes(2);
};

// Events.
struct Started {};
struct Opened {};  // the subscription was answered 200
struct Refused {   // it was answered something else
  int status = 0;
  std::string location;  // of a 307: "//host:port/path"
  std::string body;
};
struct Closed {  // connection or stream lost, or not made
  std::string reason;
};
struct Received {
  mesos::v1::scheduler::Event event;
};
struct Requested {  // by the framework; framework_id is filled in here
  mesos::v1::scheduler::Call call;
};
struct Tick {};
using Event = std::variant<Started, Opened, Refused, Closed, Received, Requested, Tick>;

// Effects.
struct Connect {  // drop what is open, then subscribe there
  std::string master;
  mesos::v1::scheduler::Call subscribe;
};
struct Disconnect {};
struct Send {
  mesos::v1::scheduler::Call call;
};
struct Deliver {  // to the framework
  mesos::v1::scheduler::Event event;
};
struct Disconnected {  // tell the framework; its offers are void
  std::string reason;
};
struct Abort {  // no further events will come
  std::string message;
};
using Effect = std::variant<Connect, Disconnect, Send, Deliver, Disconnected, Abort>;
using Effects = std::vector<Effect>;

enum class Phase { idle, waiting, connecting, subscribing, subscribed, aborted };

struct LiveTask {
  std::string agent_id;   // may be empty until told
  std::string last_uuid;  // of the last update delivered
};
struct PendingKill {  // asked for, its task not yet seen to end
  mesos::v1::scheduler::Call call;
  Time next = never;
};

struct State {
  State(Options options, uint64_t seed);

  Options options;
  Rng rng;
  Phase phase = Phase::idle;
  size_t next_master = 0;
  std::string master;                   // connected or connecting to
  std::optional<std::string> redirect;  // the next attempt goes there
  Duration backoff{};
  Time next_attempt = never;
  Duration heartbeat_interval{};
  Time silent_deadline = never;
  std::string framework_id;  // empty until first subscribed
  bool was_subscribed = false;
  // Attempts given up because of silence. Should such a SUBSCRIBE arrive after a later one, the
  // master takes it for a failover and turns us away though nobody else is there.
  uint32_t given_up = 0;
  Time given_up_until = never;  // later none of them can arrive any more
  std::set<std::string> suppressed;
  std::map<TaskId, LiveTask> tasks;     // launched and not known to have ended
  std::map<TaskId, PendingKill> kills;  // of tasks in `tasks`
  std::set<TaskId> unanswered;          // of those: asked for, nothing heard since
  Duration reconcile_wait{};
  Time next_reconcile = never;
};

void step(State& state, Time now, const Event& event, Effects& effects);
Time next_deadline(const State& state);

}  // namespace mesolith::frameworks::driver
