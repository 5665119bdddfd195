// SPDX-License-Identifier: Apache-2.0
// The pieces that the text forms of resources and attributes are made of: parts between semicolons,
// a number, a set. Views point into the text that was given.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mesolith::model::value_text {

std::string_view trim(std::string_view text);
// Split at semicolons and trimmed; empty parts are left out.
std::vector<std::string_view> parts(std::string_view text);
// A finite decimal number and nothing else.
std::optional<double> number(std::string_view text);
// "{a, b}": fails on missing braces, empty items and duplicates.
Result<std::set<std::string>> set(std::string_view text);

}  // namespace mesolith::model::value_text
