// SPDX-License-Identifier: Apache-2.0
// What really happened to each task, as somebody who sees everything would write it down: asked
// for by whom, which containers ran it, how they ended, what its framework was told. Checkers
// compare it with the promises.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "mesos/v1/mesos.pb.h"

namespace mesolith::sim {

using TaskKey = std::pair<FrameworkId, TaskId>;

struct ContainerRecord {
  std::string agent;  // the node's name
  ContainerId container_id;
  Time started{};
  std::optional<Time> ended;
  int status = 0;          // as wait(2) gives it, once it has ended
  bool destroyed = false;  // by the agent, or signalled
};

struct Told {  // one update that the framework's driver delivered
  Time when{};
  mesos::v1::TaskState state{};
  std::string uuid;  // empty: a master's answer
};

struct TaskRecord {
  Time requested{};
  AgentId agent_id;         // where it was asked for
  bool agent_left = false;  // that agent was ended for good: what became of it nobody will tell
  bool checkpoint = false;
  bool partition_aware = false;
  bool kill_requested = false;
  bool launch_failed = false;  // the container could not be started
  bool by_executor = false;    // a container of it is then the run in its executor's
  std::string group;           // tasks of one group may be killed together; empty: of none
  // The agent has acknowledged to the executor how it ended, and keeps that over restarts.
  bool end_acknowledged = false;
  std::vector<ContainerRecord> containers;
  std::vector<Told> told;
};

using Ledger = std::map<TaskKey, TaskRecord>;

// A state that says how a task ended because somebody saw it end. The others that end a task (LOST,
// DROPPED, GONE...) say that nobody knows.
inline bool is_definite(mesos::v1::TaskState state) {
  return state == mesos::v1::TASK_FINISHED || state == mesos::v1::TASK_FAILED ||
         state == mesos::v1::TASK_KILLED || state == mesos::v1::TASK_ERROR;
}

}  // namespace mesolith::sim
