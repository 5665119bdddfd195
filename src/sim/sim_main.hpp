// SPDX-License-Identifier: Apache-2.0
// `mesolith sim`: runs the simulator over one seed or many, says which failed and how to see it
// again. The exit status is 0 when every promise held, 1 when one was broken, 2 for a wrong flag.
#pragma once

#include <span>
#include <string>

namespace mesolith::sim {

int sim_main(std::span<const std::string> arguments);

}  // namespace mesolith::sim
