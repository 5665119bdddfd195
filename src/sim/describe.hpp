// SPDX-License-Identifier: Apache-2.0
// Events as a reader of a replayed run wants them: what kind, and what it says.
#pragma once

#include <string>
#include <string_view>

#include "agent/core/events.hpp"
#include "frameworks/driver/core/driver.hpp"
#include "master/core/events.hpp"

namespace mesolith::sim {

std::string_view kind_of(const master::Event& event);
std::string_view kind_of(const agent::Event& event);
std::string_view kind_of(const frameworks::driver::Event& event);

std::string describe(const master::Event& event);
std::string describe(const agent::Event& event);
std::string describe(const frameworks::driver::Event& event);

}  // namespace mesolith::sim
