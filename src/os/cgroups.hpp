// SPDX-License-Identifier: Apache-2.0
// Control groups by file writes: version 2 where it has the controllers, else version 1. A Group
// is one name in every hierarchy that is used. What the kernel or our rights do not allow is an
// Error that says which file and why. Removing needs an empty group; kill first.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/files.hpp"

namespace mesolith::os {

// Absent: left as it is, or at the kernel's default in a new group.
struct CgroupLimits {
  std::optional<uint64_t> cpu_shares;        // as in version 1: 1024 is one cpu; at least 2
  std::optional<uint64_t> cpu_quota_micros;  // per period; 0: no limit
  uint64_t cpu_period_micros = 100'000;
  std::optional<uint64_t> memory_limit_bytes;       // 0: no limit
  std::optional<uint64_t> memory_soft_limit_bytes;  // 0: none
  std::optional<uint64_t> processes_max;            // 0: no limit
};

struct CgroupStatistics {
  double user_seconds = 0, system_seconds = 0;
  uint64_t periods = 0, periods_throttled = 0;
  double throttled_seconds = 0;
  uint64_t memory_bytes = 0;           // with page cache
  uint64_t memory_resident_bytes = 0;  // anonymous
  uint64_t memory_max_bytes = 0;       // highest so far; 0 where the kernel does not tell
  uint64_t out_of_memory_kills = 0;
  uint32_t processes = 0;
};

// Version 2's weight (1 to 10,000) of version 1's shares (2 to 262,144), as the OCI maps them.
uint64_t weight_of_shares(uint64_t shares);

// Where this machine's controllers are.
struct CgroupMounts {
  std::string unified;  // of version 2; empty: not mounted, or without controllers that we need
  std::map<std::string, std::string> version1;  // controller to mount point
};
// From the text of /proc/self/mountinfo. `unified` is kept whatever its controllers.
CgroupMounts parse_cgroup_mounts(std::string_view mountinfo);

class CgroupHierarchy {
 public:
  // The subtree `root` ("mesolith/agent") of every hierarchy, made if need be. Error{unavailable}
  // when no cpu and memory controllers are mounted, forbidden when they may not be written to.
  static Result<CgroupHierarchy> open(std::string_view root);
  static Result<CgroupHierarchy> open(std::string_view root, const CgroupMounts& mounts);

  int version() const { return version_; }

  // A group of this name with these limits, ready for processes. One that exists is taken over.
  Result<void> create(std::string_view name, const CgroupLimits& limits) const;
  Result<void> update(std::string_view name, const CgroupLimits& limits) const;
  // An empty group back to the kernel's defaults and with its peaks forgotten, for its next use.
  // Counters go on: subtract statistics() taken before.
  Result<void> reset(std::string_view name) const;
  Result<void> remove(std::string_view name) const;

  // The subtree itself, which must have no groups any more.
  Result<void> remove_root() const { return remove(""); }

  // What a process writes itself into; for SpawnSpec.cgroup_procs.
  std::vector<std::string> process_files(std::string_view name) const;
  Result<void> add(std::string_view name, pid_t pid) const;
  Result<std::vector<pid_t>> processes(std::string_view name) const;
  Result<std::vector<std::string>> groups() const;  // names below the root

  Result<CgroupStatistics> statistics(std::string_view name) const;
  Result<uint64_t> memory_limit(std::string_view name) const;  // bytes; 0: no limit

  // SIGKILL to all in it, frozen ones too; they may take a moment to be gone.
  Result<void> kill(std::string_view name) const;
  Result<void> freeze(std::string_view name, bool frozen) const;

 private:
  std::string file(std::string_view controller, std::string_view name,
                   std::string_view file_name) const;

  int version_ = 2;
  // Version 1: controller to directory of the root. Version 2: "" to directory of the root.
  std::map<std::string, std::string, std::less<>> directories_;
};

}  // namespace mesolith::os
