// SPDX-License-Identifier: Apache-2.0
// An agent that runs: its core on one loop, its HTTP server, its launcher, its checkpoints in a
// store, its link to the master. The owner runs the loop. Fails to start with an Error that says
// which address, file or flag was the trouble; when it must end, `on_exit` is called once with the
// exit status.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/core/options.hpp"
#include "agent/hands/fetcher/fetcher.hpp"
#include "base/result.hpp"
#include "net/loop.hpp"

namespace mesolith::agent {

struct AgentOptions {
  Options core;                      // core.info.port: 0 takes a free one
  std::vector<std::string> masters;  // "ip:port", tried in turn
  std::string runtime_dir;
  bool cgroups = false;  // isolate by control groups
  std::string cgroup_root = "mesolith";
  fetcher::FetcherOptions fetcher;
  std::function<void(int status)> on_exit;
};

class Agent {
 public:
  static Result<std::unique_ptr<Agent>> start(net::Loop& loop, AgentOptions options);
  ~Agent();  // the launcher and the tasks live on

  const std::string& ip() const;
  uint16_t port() const;
  void stop_for_good();  // leaves the cluster and ends its tasks, then on_exit

 private:
  struct Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesolith::agent
