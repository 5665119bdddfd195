// SPDX-License-Identifier: Apache-2.0
// `mesolith demo drf`: three frameworks with different tasks on one small cluster, each a process
// of its own of this very program; shows how their dominant shares converge and checks them against
// the computed ideal. Everything it starts has ended, and its directory is gone, before it
// returns; when something went wrong the directory with the logs stays and is named.
#pragma once

#include <span>
#include <string>

namespace mesolith::dev {

// The arguments after "demo drf". Returns 0 when every share is within its tolerance and no task
// failed, 1 otherwise, 2 when the arguments are wrong.
int demo_drf_main(std::span<const std::string> arguments);

}  // namespace mesolith::dev
