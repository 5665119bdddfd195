// SPDX-License-Identifier: Apache-2.0
// The command line of `mesolith drf-demo` as values.
#pragma once

#include <span>
#include <string>
#include <variant>

#include "frameworks/drf_demo/core/options.hpp"

namespace mesolith::frameworks::drf_demo {

struct CommandLine {
  std::string master;  // as given: host:port
  Options options;
  std::string json_file;  // empty: none
  std::string html_file;
  bool quiet = false;
};

// Or the exit status, when help was asked for or the arguments are wrong; either was printed.
std::variant<CommandLine, int> parse_command_line(std::span<const std::string> arguments);

}  // namespace mesolith::frameworks::drf_demo
