// SPDX-License-Identifier: Apache-2.0
// Everything an agent knows. A struct; what happens to it are free functions, one noun per file.
// Only core changes it, within step(); agent/http reads it. Ordered containers only, so that a
// walk is the same on every run.
//
// Invariants: a task is in exactly one executor, and the framework's `tasks` says which; an
// executor that has not ended has exactly one container and `containers` leads to it, and so it is
// with the command of a task of a group; a task is
// kept until its terminal update is acknowledged, so is its executor; a timer is in a set if and
// only if the field it stands for is not `never`.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "agent/core/effects.hpp"
#include "agent/core/options.hpp"
#include "base/id.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "model/resources.hpp"

namespace mesolith::agent {

using TaskKey = std::pair<FrameworkId, TaskId>;

// A check or a health check of a task that the agent runs (mesos-api.md 2.6).
struct Watch {
  Time due = never;           // the next look, or the time limit of the one under way
  ContainerId probe;          // the look under way; empty: none
  bool is_container = false;  // that one; else a ProbePort
};

// The process of a task whose executor the agent itself is.
struct Command {
  ContainerId container_id;  // of a command task its executor's
  std::string directory;     // its sandbox
  int64_t pid = 0;
  bool requested = false;           // LaunchContainer was emitted
  bool launched = false;            // ContainerLaunched came
  bool gone = false;                // known at a recovery, and not told yet
  bool killed = false;              // by a KILL, by a health check or with its group
  bool unhealthy = false;           // killed by its health check
  bool completion_reached = false;  // killed for max_completion_time
  Time started{};                   // when it was launched
  Time kill_started{};
  Time kill_deadline = never;        // then it is destroyed
  Time completion_deadline = never;  // max_completion_time
  Watch check, health;
  bool was_healthy = false;        // its grace period is over with that
  uint32_t failures_in_a_row = 0;  // of the health check
};

struct Task {
  mesos::v1::TaskInfo info;
  std::optional<Command> command;  // unless its executor is custom
  uint64_t group = 0;              // tasks of one LAUNCH_GROUP have the same; 0: of none
  mesos::v1::TaskState state = mesos::v1::TASK_STAGING;  // the latest known
  std::vector<mesos::v1::TaskStatus> statuses;           // without data; equal states overwrite
  // Of the last update sent to the master.
  std::optional<mesos::v1::TaskState> status_update_state;
  std::string status_update_uuid;
  bool durable = false;       // its record is, or the framework does not checkpoint
  bool delivered = false;     // to its executor; a command task's container was asked for
  bool kill_pending = false;  // for an executor that is not connected
  std::optional<mesos::v1::KillPolicy> kill_policy;  // of that kill
};

// Why an executor is being ended by the agent, told in its tasks' last updates.
struct Termination {
  mesos::v1::TaskState state = mesos::v1::TASK_FAILED;
  mesos::v1::TaskStatus::Reason reason = mesos::v1::TaskStatus::REASON_EXECUTOR_TERMINATED;
  std::string message;
};

struct Executor {
  enum class Kind {
    custom,   // a program that speaks the executor API
    command,  // the agent, for one task, whose id is the executor's
    group,    // the agent, for the groups of tasks of an executor of type DEFAULT
  };
  enum class Phase { registering, running, terminating, terminated };
  struct Queued {  // not yet delivered
    std::vector<TaskId> tasks;
    bool group = false;
  };

  ExecutorId id;
  FrameworkId framework_id;
  Kind kind = Kind::custom;
  mesos::v1::ExecutorInfo info;  // empty for a command task
  ContainerId container_id;      // of a group executor only a name, the parent of its tasks'
  std::string directory;         // its sandbox
  int64_t pid = 0;
  Phase phase = Phase::registering;
  bool ever_delivered = false;         // it has been given a task
  bool container_requested = false;    // LaunchContainer was emitted
  StreamId stream = 0;                 // 0: not connected
  Time next_heartbeat = never;         // while connected
  Time registration_deadline = never;  // while registering, or recovered and not back
  Time shutdown_deadline = never;      // while terminating: then it is destroyed
  bool recovered = false;              // and not back
  std::optional<Termination> termination;
  uint64_t groups = 0;                          // launched so far
  std::map<TaskId, Task> tasks;                 // until acknowledged as terminal
  std::deque<Queued> queued;                    // in the order received
  std::deque<mesos::v1::Task> completed_tasks;  // newest last

  bool is_command() const { return kind == Kind::command; }
  bool is_custom() const { return kind == Kind::custom; }
};

struct Framework {
  FrameworkId id;
  mesos::v1::FrameworkInfo info;  // id set
  bool partition_aware = false, task_killing = false;
  bool checkpoint = false;   // as of its first task; never changes
  bool terminating = false;  // its updates are dropped
  std::map<ExecutorId, Executor> executors;
  std::map<TaskId, ExecutorId> tasks;
  std::deque<Executor> completed_executors;  // newest last; tasks empty
};

// The updates of one task that the scheduler has not acknowledged, oldest first. Only the head is
// in flight. Of those that the agent's own checks have made no more are kept than this; beyond it
// the newest takes the place of the one before it.
inline constexpr size_t watch_updates_max = 16;
struct UpdateStream {
  struct Update {
    mesos::v1::TaskStatus status;
    bool durable = false;
  };
  ExecutorId executor_id;
  bool checkpoint = false;
  bool terminal = false;  // the last update is; no other follows
  std::deque<Update> updates;
  std::optional<mesos::v1::TaskStatus> latest;  // without data
  std::set<std::string> received;               // uuids from the executor, acknowledged or not
  bool in_flight = false;
  Time retry_at = never;  // while in flight
  Duration retry_interval{};
};

// One that a framework wants to hear of, until it has acknowledged its status.
struct Operation {
  mesos::v1::Operation info;  // latest_status: with uuid
  bool durable = false;
  Time retry_at = never;  // while in flight
  Duration retry_interval{};
};

struct RemovedVolume {
  std::string path, trash;  // see RemoveVolume
  bool moved = false;       // RemoveVolume was emitted; that it was is not yet durable
};

// What waits for Persisted{ticket}.
struct RecordDurable {  // of a task: launch it
  TaskKey task;
};
struct UpdateDurable {  // of a task's stream
  TaskKey task;
  std::string uuid;
};
struct EndDurable {  // of a container's tasks: the launcher may forget it
  ContainerId container_id;
};
struct IdleDurable {  // a group executor has no task left to run: it ends
  ContainerId container_id;
};
struct OperationDurable {
  std::string uuid;
};
struct VolumesDurable {  // made and destroyed in the books; now on the disk
  std::vector<std::string> made;
  std::vector<RemovedVolume> removed;
};
struct RemovalsDurable {  // that they were moved: what was in them may go
  std::vector<RemovedVolume> removed;
};
using Pending = std::variant<RecordDurable, UpdateDurable, EndDurable, OperationDurable,
                             IdleDurable, VolumesDurable, RemovalsDurable>;

// The first four are of a task's command, the others of an executor.
enum class Timer { kill, completion, check, health, registration, shutdown, heartbeat };

struct Owner {  // of a container
  FrameworkId framework;
  ExecutorId executor;
  TaskId task;  // empty: the executor itself
};
struct Look {                  // a probe under way
  ContainerId container_id;    // of the task that is looked at
  Timer watch = Timer::check;  // or health
};

struct Batch {                                                // of the step under way
  std::map<std::string, std::optional<std::string>> records;  // none: deleted
  std::vector<Pending> pending;
};

// Sandboxes that nobody uses any more. The disk knows more of them when there are too many, and all
// of those of earlier lives of the agent.
struct Garbage {
  std::set<std::pair<Time, std::string>> sandboxes;  // since when, where; the oldest
  bool complete = false;                             // those are all
  bool finding = false, removing = false;            // an effect is unanswered
  uint32_t in_removal = 0;                           // how many that one removes
  Time watch_at = never;                             // when the disk is measured
  Duration age_max{};                                // what is older is removed
};

struct State {
  State(Options options, uint64_t seed, Time now);

  Options options;
  Rng rng;
  Time started{};
  bool recovered = false;     // false: /state and executors' calls are answered 503
  mesos::v1::AgentInfo info;  // id set once registered
  AgentId id;                 // empty until registered for the first time

  model::Resources total;                       // of info, with reservations and volumes
  std::map<std::string, Operation> operations;  // by uuid
  std::vector<RemovedVolume> removals;          // destroyed, until RemovalsDurable

  // The master. `registered` from SUBSCRIBED to the end of that connection.
  bool registered = false;
  bool subscribing = false;  // SubscribeToMaster was emitted and is unanswered
  uint64_t connection = 0;
  // EXECUTOR_EXITED of executors that the latest SUBSCRIBE still listed; told once registered.
  std::vector<protocol::AgentCall> exits_to_tell;
  std::optional<mesos::v1::MasterInfo> master_info;
  Time subscribe_at = never;
  Duration backoff{};
  Duration ping_timeout_total{};
  Time ping_deadline = never;
  std::optional<mesos::v1::DrainConfig> drain;  // being drained: no task is taken
  Time drain_started{};
  bool stopping = false;  // everything is being ended, then Exit
  bool exited = false;    // Exit was emitted: nothing more happens
  int exit_code = 0;
  std::string stop_message;

  std::map<FrameworkId, Framework> frameworks;
  std::deque<Framework> completed_frameworks;  // newest last
  std::map<ContainerId, Owner> containers;
  std::map<ContainerId, Look> probes;       // by the name of the probe
  std::set<ContainerId> ending;             // ended, and waiting for EndDurable
  std::map<StreamId, ContainerId> streams;  // of executors
  std::map<TaskKey, UpdateStream> updates;
  Garbage garbage;

  Batch batch;
  std::map<uint64_t, std::vector<Pending>> pending;  // by ticket
  uint64_t next_ticket = 1;
  std::set<std::tuple<Time, Timer, ContainerId>> timers;
  std::set<std::pair<Time, TaskKey>> retries;
  std::set<std::pair<Time, std::string>> operation_retries;  // by uuid
  std::map<std::string, uint64_t> counters;  // "slave/tasks_finished", ... cumulative
};

const char* name_of(Executor::Phase phase);
// The task as the API shows it.
mesos::v1::Task to_proto(const Framework& framework, const Executor& executor, const Task& task,
                         const AgentId& agent_id);
// What stands for a command task where the API shows executors (mesos-api.md 2.4).
mesos::v1::ExecutorInfo executor_info(const Executor& executor);

}  // namespace mesolith::agent
