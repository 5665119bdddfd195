// SPDX-License-Identifier: Apache-2.0
// The agent's flags (mesos-api.md 6.6), and the options they make.
#pragma once

#include <span>
#include <string>

#include "agent/shell/agent.hpp"
#include "base/flags.hpp"

namespace mesolith::agent {

std::span<const FlagSpec> flag_specs();

// Errors name the flag. Resources that are not given are looked for on this machine.
Result<AgentOptions> options_from(const Flags& flags);

// `mesolith agent`, `mesos-agent` and `mesos-slave`: runs until a signal. Returns the exit status.
int agent_main(std::span<const std::string> arguments);

// `mesolith fetch`: what an agent starts to fetch URIs, and nobody else.
int fetch_main(std::span<const std::string> arguments);

}  // namespace mesolith::agent
