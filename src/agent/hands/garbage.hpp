// SPDX-License-Identifier: Apache-2.0
// Sandboxes on the disk:
// <work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/ <container>. Finding
// them and removing them. Blocking. Nothing outside them is removed but the directories that held
// nothing else; links are never followed, and what is mounted below stays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace mesolith::agent {

struct SandboxOnDisk {
  std::string directory;
  Time modified{};
};
struct SandboxesOnDisk {
  std::vector<SandboxOnDisk> oldest;  // in the order of their ages
  bool all = true;                    // there are no others
};
// What cannot be read is left out, and logged.
SandboxesOnDisk find_sandboxes(const std::string& work_dir, size_t count_max);

struct SandboxRemoval {
  uint32_t succeeded = 0, failed = 0;
};
// `own_directory`: <work_dir>/slaves/<agent> of this agent, which stays. Failures are logged.
SandboxRemoval remove_sandboxes(const std::vector<std::string>& directories,
                                const std::string& own_directory);

}  // namespace mesolith::agent
