// SPDX-License-Identifier: Apache-2.0
// The master's flags (mesos-api.md 6.5), and the options they make.
#pragma once

#include <span>
#include <string>

#include "base/flags.hpp"
#include "master/shell/master.hpp"

namespace mesolith::master {

std::span<const FlagSpec> flag_specs();

// Errors name the flag. `hostname` stands in when none is given.
Result<MasterOptions> options_from(const Flags& flags, const std::string& hostname);

// `mesolith master` and `mesos-master`: runs until a signal. Returns the exit status.
int master_main(std::span<const std::string> arguments);

}  // namespace mesolith::master
