// SPDX-License-Identifier: Apache-2.0
// `mesolith drf-demo`: one framework of the fair-sharing lesson on a real master, with its live
// series on stdout and its report as text, JSON and HTML at the end.
#pragma once

#include <span>
#include <string>

namespace mesolith::frameworks::drf_demo {

// The arguments after the subcommand. Returns the exit status: 0 as asked, 1 when a task failed,
// the master refused or a file could not be written, 2 when the arguments are wrong.
int drf_demo_main(std::span<const std::string> arguments);

}  // namespace mesolith::frameworks::drf_demo
