// SPDX-License-Identifier: Apache-2.0
// A whole cluster in one process, each role on a loop and thread of its own; only the launchers of
// the agents are processes. For `mesolith up`, the demos and mesos-local. Directories live below
// `data_dir` and are used again by the next start.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace mesolith::dev {

struct ClusterOptions {
  std::string data_dir;
  std::string ip = "127.0.0.1";
  uint16_t master_port = 5050;       // 0: any free port
  uint16_t first_agent_port = 5051;  // the next agents take the next ports; 0: any free ports
  size_t agents = 1;
  std::string resources;  // of each agent; empty: this machine's, shared out evenly
  std::vector<std::string> master_flags, agent_flags;       // "--name=value", in addition
  std::function<void(const std::string& what)> on_failure;  // a role has ended; from its thread
};

class Cluster {
 public:
  // Waits for the listening addresses, not for the agents' registration. Errors say which role
  // failed and why.
  static Result<std::unique_ptr<Cluster>> start(const ClusterOptions& options);
  ~Cluster();  // stops all roles; tasks of frameworks that checkpoint live on

  std::string master() const;               // "ip:port"
  std::vector<std::string> agents() const;  // "ip:port" each

 private:
  struct Role;
  explicit Cluster(std::vector<std::unique_ptr<Role>> roles);
  std::vector<std::unique_ptr<Role>> roles_;  // the master first
};

// `mesolith up` and `mesos-local`: until Ctrl-C. Returns the exit status.
int up_main(std::span<const std::string> arguments);

}  // namespace mesolith::dev
