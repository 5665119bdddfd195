// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "agent/hands/fetcher/fetch_process.hpp"
#include "agent/shell/flags.hpp"
#include "base/log.hpp"

extern char** environ;

namespace mesolith::agent {
namespace {

int fail(const Error& error) {
  fmt::print(stderr, "mesos-agent: {}\n", error.message);
  return 1;
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
  return variables;
}

}  // namespace

int agent_main(std::span<const std::string> arguments) {
  const auto flags = Flags::parse(flag_specs(), arguments, environment());
  if (!flags) return fail(flags.error());
  if (flags->boolean("help")) {
    fmt::print(
        "Usage: mesolith agent --master=IP:PORT --work_dir=DIR [flags]\n\n"
        "  mesolith agent --master=127.0.0.1:5050 --work_dir=/var/lib/mesolith "
        "--resources='cpus:2;mem:1024'\n\n{}",
        describe_flags(flag_specs()));
    return 0;
  }
  if (flags->boolean("quiet")) log::set_level(log::Level::off);
  auto options = options_from(*flags);
  if (!options) return fail(options.error());
  for (const std::string& name : flags->without_effect()) {
    log::info("The flag --{} is accepted and has no effect here", name);
  }
  net::Loop loop;
  int status = 0;
  options->on_exit = [&](int code) {
    status = code;
    loop.stop();
  };
  auto agent = Agent::start(loop, *std::move(options));
  if (!agent) return fail(agent.error());
  net::Signals signals(loop, {SIGINT, SIGTERM, SIGUSR1}, [&](int number) {
    if (number == SIGUSR1) return (*agent)->stop_for_good();
    loop.stop();
  });
  log::info("Agent listens on http://{}:{}", (*agent)->ip(), (*agent)->port());
  loop.run();
  return status;
}

int fetch_main(std::span<const std::string> arguments) {
  return fetcher::run_fetch_process(arguments);
}

}  // namespace mesolith::agent
