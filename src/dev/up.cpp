// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "base/log.hpp"
#include "dev/cluster.hpp"
#include "net/loop.hpp"

namespace mesolith::dev {
namespace {

std::string default_data_dir() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state)
    return std::string(state) + "/mesolith";
  if (const char* home = std::getenv("HOME"); home && *home)
    return std::string(home) + "/.local/state/mesolith";
  return "/var/lib/mesolith";
}

void print_addresses(const Cluster& cluster, const std::string& data_dir) {
  fmt::print("master   http://{}\n", cluster.master());
  for (const std::string& agent : cluster.agents()) fmt::print("agent    http://{}\n", agent);
  fmt::print("data     {}\n\nTry:  mesolith run --master {} -- echo hello\nCtrl-C ends it.\n",
             data_dir, cluster.master());
  std::fflush(stdout);
}

}  // namespace

int up_main(std::span<const std::string> arguments) {
  ClusterOptions options;
  options.data_dir = default_data_dir();
  bool insecure = false, verbose = false;
  CLI::App app(
      "Start a whole cluster on this machine.\n\n  mesolith up\n"
      "  mesolith up --agents 3 --resources 'cpus:2;mem:2048' --data-dir /tmp/demo",
      "mesolith up");
  app.add_option("--agents,--num_slaves", options.agents, "How many agents")->capture_default_str();
  app.add_option("--resources", options.resources,
                 "Of each agent (default: this machine's, shared out)");
  app.add_option("--data-dir,--work_dir", options.data_dir, "Where everything is kept")
      ->capture_default_str();
  app.add_option("--ip", options.ip, "Address to listen on")->capture_default_str();
  app.add_option("--port", options.master_port, "Port of the master; the agents take the next ones")
      ->capture_default_str();
  app.add_flag("--insecure", insecure,
               "Allow an address that other machines reach without credentials");
  app.add_flag("--verbose,-v", verbose, "Log what the roles do");
  std::vector<std::string> words(arguments.rbegin(), arguments.rend());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!options.ip.starts_with("127.") && !insecure) {
    fmt::print(
        stderr,
        "mesolith: --ip {} can be reached from other machines and nobody has to say who he is: add "
        "--insecure if that is meant\n",
        options.ip);
    return 2;
  }
  options.first_agent_port =
      options.master_port == 0 ? 0 : static_cast<uint16_t>(options.master_port + 1);
  log::set_level(verbose ? log::Level::info : log::Level::warning);
  net::Loop loop;
  int status = 0;
  options.on_failure = [&](const std::string& what) {
    loop.post([&status, &loop, what] {
      fmt::print(stderr, "mesolith: {}\n", what);
      status = 1;
      loop.stop();
    });
  };
  auto cluster = Cluster::start(options);
  if (!cluster) {
    fmt::print(stderr, "mesolith: {}\n", cluster.error().message);
    return 1;
  }
  print_addresses(**cluster, options.data_dir);
  net::Signals signals(loop, {SIGINT, SIGTERM}, [&](int) { loop.stop(); });
  loop.run();
  return status;
}

}  // namespace mesolith::dev
