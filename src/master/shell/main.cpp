// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "base/log.hpp"
#include "master/shell/flags.hpp"
#include "master/shell/host.hpp"
#include "net/loop.hpp"

extern char** environ;

namespace mesolith::master {
namespace {

int fail(const Error& error) {
  fmt::print(stderr, "mesos-master: {}\n", error.message);
  return 1;
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
  return variables;
}

}  // namespace

int master_main(std::span<const std::string> arguments) {
  const auto flags = Flags::parse(flag_specs(), arguments, environment());
  if (!flags) return fail(flags.error());
  if (flags->boolean("help")) {
    fmt::print(
        "Usage: mesolith master --work_dir=DIR [flags]\n\n  mesolith master "
        "--work_dir=/var/lib/mesolith\n\n{}",
        describe_flags(flag_specs()));
    return 0;
  }
  if (flags->boolean("quiet")) log::set_level(log::Level::off);
  auto options = options_from(*flags, host_name());
  if (!options) return fail(options.error());
  for (const std::string& name : flags->without_effect()) {
    log::info("The flag --{} is accepted and has no effect here", name);
  }
  net::Loop loop;
  int status = 0;
  options->on_fatal = [&](const Error&) {
    status = 1;
    loop.stop();
  };
  auto master = Master::start(loop, *std::move(options));
  if (!master) return fail(master.error());
  net::Signals signals(loop, {SIGINT, SIGTERM}, [&](int) { loop.stop(); });
  log::info("Master listens on http://{}:{}", (*master)->ip(), (*master)->port());
  loop.run();
  return status;
}

}  // namespace mesolith::master
