// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/containers.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/hands/user.hpp"

namespace mesolith::agent {
namespace {

using namespace std::chrono_literals;
using Limit = mesos::v1::RLimitInfo::RLimit;

constexpr Duration user_lifetime = 5s;
constexpr double cpu_shares_per_cpu = 1024;
constexpr uint64_t cpu_shares_min = 2;
constexpr uint64_t memory_bytes_min = 32u << 20;

constexpr std::array resource_limits = {
    std::pair{Limit::RLMT_AS, RLIMIT_AS},
    std::pair{Limit::RLMT_CORE, RLIMIT_CORE},
    std::pair{Limit::RLMT_CPU, RLIMIT_CPU},
    std::pair{Limit::RLMT_DATA, RLIMIT_DATA},
    std::pair{Limit::RLMT_FSIZE, RLIMIT_FSIZE},
    std::pair{Limit::RLMT_LOCKS, RLIMIT_LOCKS},
    std::pair{Limit::RLMT_MEMLOCK, RLIMIT_MEMLOCK},
    std::pair{Limit::RLMT_MSGQUEUE, RLIMIT_MSGQUEUE},
    std::pair{Limit::RLMT_NICE, RLIMIT_NICE},
    std::pair{Limit::RLMT_NOFILE, RLIMIT_NOFILE},
    std::pair{Limit::RLMT_NPROC, RLIMIT_NPROC},
    std::pair{Limit::RLMT_RSS, RLIMIT_RSS},
    std::pair{Limit::RLMT_RTPRIO, RLIMIT_RTPRIO},
    std::pair{Limit::RLMT_RTTIME, RLIMIT_RTTIME},
    std::pair{Limit::RLMT_SIGPENDING, RLIMIT_SIGPENDING},
    std::pair{Limit::RLMT_STACK, RLIMIT_STACK},
};

// What a container asks for that this version does not do; nothing when it can be run.
std::optional<std::string> unsupported(const mesos::v1::ContainerInfo& container) {
  if (container.type() != mesos::v1::ContainerInfo::MESOS)
    return "containers of type DOCKER are not served by this version";
  if (container.mesos().has_image()) return "container images are not served by this version";
  if (!container.volumes().empty()) return "volumes are not served by this version";
  return std::nullopt;
}

void add_limits(const mesos::v1::ContainerInfo& container, launcher::Launch& launch) {
  for (const auto& wanted : container.rlimit_info().rlimits()) {
    const auto known = std::find_if(resource_limits.begin(), resource_limits.end(),
                                    [&](const auto& one) { return one.first == wanted.type(); });
    if (known == resource_limits.end()) continue;
    auto& limit = *launch.add_limits();
    limit.set_resource(static_cast<int>(known->second));
    if (wanted.has_soft()) limit.set_soft(wanted.soft());
    if (wanted.has_hard()) limit.set_hard(wanted.hard());
  }
}

}  // namespace

Result<std::optional<os::Identity>> ContainerHands::user(Time now, const std::string& name) {
  if (const auto found = users_.find(name); found != users_.end() && found->second.until > now) {
    return found->second.identity;
  }
  TRY(auto identity, identity_of(name));
  users_[name] = {identity, saturating_add(now, user_lifetime)};
  return identity;
}

Result<void> ContainerHands::link(Time now, const std::string& sandbox, const std::string& name,
                                  const std::vector<VolumeMount>& volumes) {
  if (volumes.empty()) return {};
  TRY(const auto owner, user(now, name));
  return link_volumes(sandbox, volumes, owner);
}

launcher::Cgroup ContainerHands::cgroup(double cpus, double mem_bytes) const {
  launcher::Cgroup cgroup;
  cgroup.set_cpu_shares(std::max(cpu_shares_min, static_cast<uint64_t>(cpus * cpu_shares_per_cpu)));
  if (mem_bytes > 0) {
    cgroup.set_memory_limit_bytes(std::max(memory_bytes_min, static_cast<uint64_t>(mem_bytes)));
    cgroup.set_memory_soft_limit_bytes(cgroup.memory_limit_bytes());
  }
  return cgroup;
}

std::variant<launcher::Launch, Refusal> ContainerHands::launch(Time now,
                                                               const ContainerWish& wish) {
  launcher::Launch launch;
  if (wish.container) {
    if (auto problem = unsupported(*wish.container))
      return Refusal{WishProblem::system, *std::move(problem)};
    add_limits(*wish.container, launch);
  }
  const auto found = user(now, wish.user);
  if (!found) return Refusal{WishProblem::user_unknown, found.error().message};
  if (const auto& identity = *found) {
    launch.mutable_user()->set_uid(identity->uid);
    launch.mutable_user()->set_gid(identity->gid);
    for (const gid_t group : identity->groups) launch.mutable_user()->add_groups(group);
  }
  if (auto linked = link(now, wish.sandbox, wish.user, wish.volumes); !linked) {
    return Refusal{WishProblem::system, linked.error().message};
  }
  launch.set_container_id(wish.container_id);
  launch.set_directory(wish.sandbox);
  if (!wish.link.empty()) launch.set_link(wish.link);
  launch.set_program(wish.program);
  for (const std::string& argument : wish.arguments) launch.add_arguments(argument);
  for (const auto& [name, value] : wish.environment) launch.add_environment(name + "=" + value);
  if (cgroups_) *launch.mutable_cgroup() = cgroup(wish.cpus, wish.mem_bytes);
  return launch;
}

mesos::v1::ResourceStatistics statistics_of(Time now, const launcher::StatisticsResult& result) {
  mesos::v1::ResourceStatistics statistics;
  statistics.set_timestamp(to_seconds(now));
  statistics.set_processes(result.processes());
  statistics.set_threads(result.threads());
  statistics.set_cpus_user_time_secs(result.cpus_user_time_secs());
  statistics.set_cpus_system_time_secs(result.cpus_system_time_secs());
  statistics.set_mem_rss_bytes(result.mem_rss_bytes());
  if (result.has_cpus_limit()) statistics.set_cpus_limit(result.cpus_limit());
  if (result.has_mem_limit_bytes()) statistics.set_mem_limit_bytes(result.mem_limit_bytes());
  if (result.has_mem_total_bytes()) statistics.set_mem_total_bytes(result.mem_total_bytes());
  if (result.has_cpus_nr_periods()) {
    statistics.set_cpus_nr_periods(static_cast<uint32_t>(result.cpus_nr_periods()));
    statistics.set_cpus_nr_throttled(static_cast<uint32_t>(result.cpus_nr_throttled()));
    statistics.set_cpus_throttled_time_secs(result.cpus_throttled_time_secs());
  }
  return statistics;
}

}  // namespace mesolith::agent
