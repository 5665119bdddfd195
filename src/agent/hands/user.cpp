// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/user.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "os/system.hpp"

namespace mesolith::agent {

Result<std::optional<os::Identity>> identity_of(const std::string& user) {
  if (user.empty()) return std::nullopt;
  auto found = os::find_user(user);
  if (!found) {
    return failure(Code::not_found, fmt::format("the user '{}' does not exist here: {}", user,
                                                found.error().message));
  }
  if (found->identity.uid == ::geteuid()) return std::nullopt;
  return std::move(found->identity);
}

}  // namespace mesolith::agent
