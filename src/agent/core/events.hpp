// SPDX-License-Identifier: Apache-2.0
// What can happen to an agent: the events its core is stepped with. Values, so that a shell can
// record and a simulator replay them. What an executor's request alone can be refused for was
// refused by agent/http before (mesos-api.md 2.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "mesolith/protocol.pb.h"
#include "mesos/v1/executor/executor.pb.h"

namespace mesolith::agent {

// A streaming response to an executor, held open by the shell; never reused within a process.
using StreamId = uint64_t;

// One container as the launcher knows it. It stays listed until AcknowledgeContainer.
struct ContainerListing {
  ContainerId container_id;
  int64_t pid = 0;
  std::optional<int> exit_status;              // as wait(2) gives it, once it has ended
  std::optional<uint64_t> memory_limit_bytes;  // it was ended for reaching this much
};

// Always the first event: what was durable, and what the launcher holds.
struct Recovered {
  std::vector<std::pair<std::string, std::string>> records;  // key, bytes: see Persist
  std::vector<ContainerListing> containers;
};
struct Persisted {  // the change of Persist{ticket} is durable
  uint64_t ticket = 0;
};

// A leading master is known, the first one or another than before.
struct MasterDetected {};
// `connection` is that of the SubscribeToMaster whose stream this came from. Older ones are
// ignored.
struct MasterEventReceived {
  uint64_t connection = 0;
  protocol::MasterEvent event;
};
// The stream ended, could not be opened, was refused, or no master is known.
struct MasterDisconnected {
  uint64_t connection = 0;
};

struct ExecutorSubscribing {
  StreamId stream = 0;
  mesos::v1::executor::Call call;
};
struct ExecutorCalled {  // UPDATE or MESSAGE; its executor is subscribed
  mesos::v1::executor::Call call;
};
struct StreamClosed {  // by the executor, or because its outgoing queue overran
  StreamId stream = 0;
};

struct ContainerLaunched {
  ContainerId container_id;
  int64_t pid = 0;
};
// Nothing of it is left; AcknowledgeContainer does not follow.
struct ContainerLaunchFailed {
  enum class Cause {
    user_unknown,  // the user does not exist here
    fetch_failed,  // a URI could not be fetched
    exec_failed,   // the program does not exist or may not be run
    system,        // anything else: the sandbox, the cgroup, the launcher
    destroyed,     // DestroyContainer came first
  };
  ContainerId container_id;
  Cause cause = Cause::system;
  std::string message;
};
// All of FetchUris is in the sandbox.
struct UrisFetched {
  ContainerId container_id;
};
// Comes once per container and launcher connection until it is acknowledged.
struct ContainerExited {
  ContainerId container_id;
  int status = 0;                              // as wait(2) gives it
  std::optional<uint64_t> memory_limit_bytes;  // it was ended for reaching this much
};

struct Probed {  // the answer to ProbePort
  ContainerId probe;
  bool connected = false;
  std::optional<int> http_status;  // of the last answer, redirects followed
  std::string problem;             // why there is nothing better; for the log
};
// Of the file system that holds the sandboxes, from 0 to 1; none when it could not be measured.
struct DiskMeasured {
  std::optional<double> used;
};
struct FoundSandbox {
  std::string directory;
  Time modified{};
};
// What FindSandboxes asked for, and whether that is all there is.
struct SandboxesFound {
  std::vector<FoundSandbox> sandboxes;
  bool all = true;
};
struct SandboxesRemoved {  // of one RemoveSandboxes
  uint32_t succeeded = 0, failed = 0;
};

// The operator ends the agent for good (SIGUSR1): it leaves the cluster and takes its tasks along.
struct OperatorStopped {};
struct Tick {};  // next_deadline() has come

using Event =
    std::variant<Recovered, Persisted, MasterDetected, MasterEventReceived, MasterDisconnected,
                 ExecutorSubscribing, ExecutorCalled, StreamClosed, UrisFetched, ContainerLaunched,
                 ContainerLaunchFailed, ContainerExited, Probed, DiskMeasured, SandboxesFound,
                 SandboxesRemoved, OperatorStopped, Tick>;

}  // namespace mesolith::agent
