// SPDX-License-Identifier: Apache-2.0
#include "launcher/containers.hpp"

namespace mesolith::launcher {

void Containers::statistics(const Statistics& request) {
  StatisticsResult result;
  result.set_container_id(request.container_id());
  auto found = containers_.find(request.container_id());
  result.set_found(found != containers_.end() && found->second.state != Container::EXITED);
  if (result.found()) {
    const ContainerState& container = found->second;
    std::vector<pid_t> pids = processes_of(container);
    os::TreeUsage usage = os::usage_of(table(), pids);
    result.set_processes(usage.processes);
    result.set_threads(usage.threads);
    result.set_cpus_user_time_secs(usage.user_seconds + container.usage.cpus_user_time_secs());
    result.set_cpus_system_time_secs(usage.system_seconds +
                                     container.usage.cpus_system_time_secs());
    result.set_mem_rss_bytes(usage.resident_bytes);
    auto counted = container.cgroup.empty() ? failure(Code::unavailable, "")
                                            : cgroups_.hierarchy().statistics(container.cgroup);
    if (counted) {
      const os::CgroupStatistics& before = container.cgroup_before;
      result.set_processes(counted->processes);
      result.set_cpus_user_time_secs(counted->user_seconds - before.user_seconds);
      result.set_cpus_system_time_secs(counted->system_seconds - before.system_seconds);
      result.set_mem_rss_bytes(counted->memory_resident_bytes);
      result.set_mem_total_bytes(counted->memory_bytes);
      result.set_cpus_nr_periods(counted->periods - before.periods);
      result.set_cpus_nr_throttled(counted->periods_throttled - before.periods_throttled);
      result.set_cpus_throttled_time_secs(counted->throttled_seconds - before.throttled_seconds);
      auto limit = cgroups_.hierarchy().memory_limit(container.cgroup);
      if (limit && *limit > 0) result.set_mem_limit_bytes(*limit);
    }
  }
  *events_.emplace_back().mutable_statistics() = std::move(result);
}

}  // namespace mesolith::launcher
