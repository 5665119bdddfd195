// SPDX-License-Identifier: Apache-2.0
// The process that owns the containers of one agent and outlives it. It is one thread: it starts
// containers, reaps them, and keeps their exit statuses until the agent has acknowledged them
// (proto/mesolith/launcher.proto). It never waits for a container, and what it is told is bounded
// by the size of a frame. When it is killed, the containers live on, and the next one over the same
// state directory takes them over. Its log goes to stderr.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace mesolith::launcher {

struct Options {
  std::string socket_path;      // at most 107 bytes
  std::string state_directory;  // made if need be; one launcher at a time holds it
  // Ends by itself when it owns nothing and no agent has been connected for this long.
  Duration idle_max = std::chrono::seconds(60);
  std::string cgroup_root = "mesolith";  // below each hierarchy; empty: cgroups are not used
  bool new_session = true;               // leave the session of whoever started it
  // Close every inherited descriptor but the standard ones.
  bool close_descriptors = true;
};

// Serves until it is idle (see above). Error{conflict}: another launcher holds the state directory.
// For the main thread of a process of its own: it changes signal handling, the umask and makes
// orphans its children.
Result<void> run(const Options& options);

// The command `launcher`; arguments are those after its name. The process's exit code.
int launcher_main(std::span<const std::string> arguments);

}  // namespace mesolith::launcher
