// SPDX-License-Identifier: Apache-2.0
// What this machine has, and who its users are. All of it is read anew at each call.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/process.hpp"

namespace mesolith::os {

uint32_t cpu_count();  // online; at least 1

struct Space {
  uint64_t bytes_total = 0;
  uint64_t bytes_free = 0;  // that an ordinary user can have
};
Result<Space> memory();
Result<Space> disk(const std::string& path);  // of the file system that holds it

Result<std::array<double, 3>> load_averages();  // over 1, 5 and 15 minutes
std::string hostname();                         // as the kernel knows it; nothing is resolved

struct User {
  std::string name, home, shell;
  Identity identity;  // with all groups
};
Result<User> find_user(const std::string& name);  // not_found
Result<std::string> user_name(uid_t uid);         // not_found
Result<std::string> group_name(gid_t gid);        // not_found

}  // namespace mesolith::os
