// SPDX-License-Identifier: Apache-2.0
// From the core's wishes about containers to the launcher's requests, and back. Users are looked up
// here; what this version does not isolate is refused in words.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>

#include "agent/hands/volumes.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "mesolith/launcher.pb.h"
#include "mesos/v1/mesos.pb.h"
#include "os/process.hpp"

namespace mesolith::agent {

struct ContainerWish {  // the fields of the core's LaunchContainer that matter to a machine
  std::string container_id;
  std::string sandbox;
  std::string link;
  std::string program;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  std::string user;
  double cpus = 0, mem_bytes = 0;
  const mesos::v1::ContainerInfo* container = nullptr;  // null: none
  std::vector<VolumeMount> volumes;
};

enum class WishProblem { user_unknown, system };
struct Refusal {
  WishProblem problem = WishProblem::system;
  std::string message;
};

class ContainerHands {
 public:
  explicit ContainerHands(bool cgroups) : cgroups_(cgroups) {}

  std::variant<launcher::Launch, Refusal> launch(Time now, const ContainerWish& wish);
  // Volumes into the sandbox of a container that runs already; `user` empty: the agent's own.
  Result<void> link(Time now, const std::string& sandbox, const std::string& user,
                    const std::vector<VolumeMount>& volumes);
  launcher::Cgroup cgroup(double cpus, double mem_bytes) const;
  bool cgroups() const { return cgroups_; }

 private:
  Result<std::optional<os::Identity>> user(Time now, const std::string& name);

  struct Cached {
    std::optional<os::Identity> identity;  // none: the agent's own
    Time until{};
  };
  std::map<std::string, Cached> users_;  // for a few seconds: a burst of tasks asks once
  bool cgroups_;
};

mesos::v1::ResourceStatistics statistics_of(Time now, const launcher::StatisticsResult& result);

}  // namespace mesolith::agent
