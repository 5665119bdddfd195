// SPDX-License-Identifier: Apache-2.0
// What an agent's core asks its shell to do, in order. To one stream, to the master, to one
// container and to the store they keep that order; between those there is none.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/core/events.hpp"

namespace mesolith::agent {

// Close the connection to the master, if any, find the leader and open a new one with this
// SUBSCRIBE. Answered by MasterEventReceived or MasterDisconnected with the same number.
struct SubscribeToMaster {
  uint64_t connection = 0;
  protocol::AgentCall call;
};
// On the connection of the latest SubscribeToMaster; dropped when it is broken.
struct SendToMaster {
  protocol::AgentCall call;
};

struct SendToExecutor {
  StreamId stream = 0;
  mesos::v1::executor::Event event;
};
struct CloseStream {  // after everything sent to it before
  StreamId stream = 0;
};

// A persistent volume in a sandbox: a symbolic link. The volume's directory is made over to the
// user, unless it is shared.
struct VolumeLink {
  std::string volume;  // absolute
  std::string link;    // below the sandbox
  bool shared = false;
};

// Make the sandbox and fetch into it as that user, before LaunchContainer. Answered by UrisFetched,
// or by ContainerLaunchFailed when a URI cannot be fetched or DestroyContainer came first.
struct FetchUris {
  ContainerId container_id;
  std::string sandbox;  // absolute
  std::string user;     // empty: the agent's own
  std::vector<mesos::v1::CommandInfo::URI> uris;
};
// Make the sandbox (owned by `user`, with files stdout and stderr), if it isn't there, and run.
// Answered by ContainerLaunched, then ContainerExited, or by ContainerLaunchFailed alone.
struct LaunchContainer {
  ContainerId container_id;
  std::string sandbox;                 // absolute; also the working directory
  std::string link;                    // absolute: a symbolic link to it to make; empty: none
  std::string program;                 // a path, or a name to look for in `environment`'s PATH
  std::vector<std::string> arguments;  // argv, from argv[0]
  std::map<std::string, std::string> environment;  // all of it; nothing is inherited
  std::string user;                                // empty: the agent's own
  double cpus = 0;                                 // asked for; 0: unspecified
  double mem_bytes = 0;
  double disk_bytes = 0;
  std::optional<double> cpus_limit, mem_limit_bytes;  // TaskInfo.limits; infinite: no limit
  std::optional<mesos::v1::ContainerInfo> container;  // image, volumes, rlimits, tty, as given
  std::vector<VolumeLink> volumes;
};
// Volumes of a task that goes to an executor which runs already. Not answered.
struct LinkVolumes {
  std::string sandbox;
  std::string user;  // empty: the agent's own
  std::vector<VolumeLink> volumes;
};
// Look once whether something on this machine answers on a port. Answered by Probed with the same
// name, unless CancelProbe comes before. There is no time limit: CancelProbe is one.
struct ProbePort {
  ContainerId probe;  // never the id of a container
  bool ipv6 = false;  // of the loopback address
  uint16_t port = 0;
  std::optional<std::string> http_path;  // GET it; none: to connect is enough
  bool tls = false;                      // https; the certificate is not verified
};
struct CancelProbe {  // one that has answered is no error
  ContainerId probe;
};
// The sum of what its tasks and its executor may use has changed. Not answered.
struct ResizeContainer {
  ContainerId container_id;
  double cpus = 0;
  double mem_bytes = 0;
};
// To every process of the container. Not answered; one that is gone is no error.
struct SignalContainer {
  ContainerId container_id;
  int signal = 0;
};
// End it now, with everything in it; a fetch or launch that is under way is given up. Ends in
// ContainerExited or, when it had not started, ContainerLaunchFailed{destroyed}.
struct DestroyContainer {
  ContainerId container_id;
};
// The launcher may forget it.
struct AcknowledgeContainer {
  ContainerId container_id;
};

// Answered by DiskMeasured.
struct MeasureDisk {};
// Which sandboxes are there, those of living tasks too: at most `count_max`, the longest unchanged
// ones. Answered by SandboxesFound.
struct FindSandboxes {
  size_t count_max = 0;
};
// With all that is in them, and then the directories of executors and frameworks that held nothing
// else. Answered by SandboxesRemoved; one that is not there counts as removed.
struct RemoveSandboxes {
  std::vector<std::string> directories;
};
// The directory of a persistent volume; one that is there stays as it is. Not answered, like the
// next two: a volume that cannot be made fails the task that wants it.
struct MakeVolume {
  std::string path;
};
// Moves the directory to `trash`, unless that is there already: then this was done before, and what
// lies at `path` is a newer volume.
struct RemoveVolume {
  std::string path, trash;
};
// Empties these directories, which hold removed volumes.
struct DiscardVolumes {
  std::set<std::string> directories;
  std::set<std::string> keep;  // trash of RemoveVolume that stays
};

// Make durable, all or nothing, in the order of tickets; then answer with Persisted{ticket}. A
// write that fails ends the process. Keys and values: proto/mesolith/checkpoint.proto.
struct Persist {
  uint64_t ticket = 0;
  std::vector<std::pair<std::string, std::string>> puts;
  std::vector<std::string> deletes;
};

// End the process with this exit code, after every Persist before it is durable and every
// SendToMaster before it is written.
struct Exit {
  int code = 0;
  std::string message;  // for the log
};

using Effect =
    std::variant<SubscribeToMaster, SendToMaster, SendToExecutor, CloseStream, FetchUris,
                 LaunchContainer, ProbePort, CancelProbe, ResizeContainer, SignalContainer,
                 DestroyContainer, AcknowledgeContainer, LinkVolumes, MakeVolume, RemoveVolume,
                 DiscardVolumes, MeasureDisk, FindSandboxes, RemoveSandboxes, Persist, Exit>;
using Effects = std::vector<Effect>;

}  // namespace mesolith::agent
