// SPDX-License-Identifier: Apache-2.0
// Role names and their hierarchy: "a/b" is below "a"; "*" is the default role, below and above
// nobody (mesos-api.md 1.5). Pure; validation fails with Mesos' messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mesolith::model::roles {

Result<void> validate(std::string_view role);
bool is_descendant(std::string_view role,
                   std::string_view ancestor);  // strictly below: "a/b" of "a"
bool is_self_or_descendant(std::string_view role, std::string_view ancestor);
std::vector<std::string> ancestors(std::string_view role);  // nearest first: "a/b/c" gives a/b, a
std::string_view parent(std::string_view role);             // empty for a top-level role
std::string_view basename(std::string_view role);

}  // namespace mesolith::model::roles
