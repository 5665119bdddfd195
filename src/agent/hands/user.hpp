// SPDX-License-Identifier: Apache-2.0
// Who a task runs as.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "os/process.hpp"

namespace mesolith::agent {

// Nothing for this process's own user, or without a name. Error{not_found}: nobody of that name.
Result<std::optional<os::Identity>> identity_of(const std::string& user);

}  // namespace mesolith::agent
