// SPDX-License-Identifier: Apache-2.0
// The agent's end of the launcher's socket (proto/mesolith/launcher.proto). One thread of its own
// speaks and listens, so that many requests leave in one frame. It starts the launcher when none
// listens, and does so again when the launcher dies; the containers live on meanwhile and their
// exits are told again. What a launcher that died may not have carried out is asked of the next.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "mesolith/launcher.pb.h"

namespace mesolith::agent {

struct LauncherOptions {
  std::string runtime_dir;                 // holds the socket and the launcher's state
  std::string program = "/proc/self/exe";  // run as `program launcher ...`
  std::string cgroup_root;                 // empty: no cgroups
};

class LauncherClient {
 public:
  // Beyond this many unsent requests launches and questions for statistics are refused. Others are
  // always taken: there are but a few for each container.
  static constexpr size_t requests_max = 20'000;
  using OnEvent = std::function<void(launcher::Event)>;  // on the client's thread; must be quick

  // Connects, starting a launcher if need be, and asks what it holds; waits for that, 10 s at most.
  // Events that come later go to `on_event`.
  static Result<std::unique_ptr<LauncherClient>> start(const LauncherOptions& options,
                                                       OnEvent on_event, launcher::Listing& held);
  ~LauncherClient();  // leaves the launcher and its containers running
  LauncherClient(const LauncherClient&) = delete;
  LauncherClient& operator=(const LauncherClient&) = delete;

  // From any thread; requests leave in the order of the calls. Kept while the launcher is away or
  // slow. False: refused, see requests_max.
  [[nodiscard]] bool send(launcher::Request request);

 private:
  struct Impl;
  explicit LauncherClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesolith::agent
