// SPDX-License-Identifier: Apache-2.0
// Starting processes without copying this one's address space, and looking at trees of them.
// spawn() holds the calling thread until the new program runs or has failed to; it may be called
// from any thread. A pid says nothing by itself: with its start time it names one process.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/files.hpp"

namespace mesolith::os {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary; replaces all
};

struct Limit {
  int resource = 0;  // RLIMIT_*
  rlimit value{};
};

// Where a standard stream comes from or goes to: a descriptor that stays the caller's, or a path.
// A path is opened for reading (standard input) or appended to and made with mode 0644. Neither:
// /dev/null.
struct Stream {
  int descriptor = -1;
  std::string path;
};

struct SpawnSpec {
  std::string program;                   // a path, or a name to look for in environment's PATH
  std::vector<std::string> arguments;    // argv, from argv[0]; empty: the program alone
  std::vector<std::string> environment;  // all of it, as NAME=value; nothing is inherited
  std::string directory;                 // working directory; empty: this process's
  Stream standard_input, standard_output, standard_error;
  std::vector<int> descriptors;      // the caller's; the program's 3, 4, ... in this order
  std::optional<Identity> identity;  // none: this process's
  bool new_session = false;
  std::vector<std::string> cgroup_procs;  // paths of cgroup.procs files to join
  std::vector<Limit> limits;
  bool want_descriptor = false;  // fill Process.descriptor
};

struct Process {
  pid_t pid = 0;
  FileDescriptor descriptor;  // a pidfd, when asked for
};

// Why a spawn failed, for callers that must tell; the Result's Error has the message.
enum class SpawnStage { none, create, limits, cgroup, streams, directory, identity, execute };

// The process is a child of this one, to be waited for. All its signals are at their defaults and
// unblocked, and no other descriptors of this process are open in it. When the program cannot be
// run, no process is left. `stage`, if given, is set to where it failed, or none.
Result<Process> spawn(const SpawnSpec& spec, SpawnStage* stage = nullptr);

// Waits for the child to end: its status as wait(2) gives it.
Result<int> wait_for(pid_t pid);

// "exited with status 1", "terminated with signal Killed".
std::string describe_status(int wait_status);

struct ProcessStatus {
  pid_t pid = 0, parent = 0, group = 0, session = 0;
  char state = '?';                                       // 'Z' and 'X': it has ended
  uint64_t start_time_ticks = 0;                          // since boot
  uint64_t user_ticks = 0, system_ticks = 0;              // its own
  uint64_t child_user_ticks = 0, child_system_ticks = 0;  // of children waited for
  uint64_t resident_bytes = 0;
  uint32_t threads = 0;
};
Result<ProcessStatus> process_status(pid_t pid);  // not_found when it isn't there

// All processes that can be seen at one moment, more or less; by pid.
using ProcessTable = std::map<pid_t, ProcessStatus>;
Result<ProcessTable> process_table();

// `root`, its descendants by parent, and every process of a session or group that one of those
// leads; root first. Processes that have ended are left out.
std::vector<pid_t> process_tree(const ProcessTable& table, pid_t root);

// To all of process_tree(root), until it finds no new one. `sent`: to how many.
Result<size_t> signal_tree(pid_t root, int signal);

// Whether this pid is still the process that started then, and has not ended.
bool is_running(pid_t pid, uint64_t start_time_ticks);

// The value of a variable in the environment that the process was started with. For a moment, while
// it starts a new program, it seems to have none.
Result<std::optional<std::string>> process_environment(pid_t pid, const std::string& name);

struct TreeUsage {
  uint32_t processes = 0, threads = 0;
  double user_seconds = 0, system_seconds = 0;  // with children waited for
  uint64_t resident_bytes = 0;
};
TreeUsage usage_of(const ProcessTable& table, const std::vector<pid_t>& pids);

// A text that is another after each boot.
Result<std::string> boot_id();

// A pidfd: readable once the process has ended.
Result<FileDescriptor> open_process(pid_t pid);

}  // namespace mesolith::os
