// SPDX-License-Identifier: Apache-2.0
// argv[0] or argv[1] names the command; the rest of the words are its own.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/shell/flags.hpp"
#include "cli/command_line.hpp"
#include "dev/cluster.hpp"
#include "dev/demo_drf.hpp"
#include "frameworks/drf_demo/shell/drf_demo_main.hpp"
#include "launcher/launcher.hpp"
#include "master/shell/flags.hpp"
#include "sim/sim_main.hpp"

namespace {

using Words = std::span<const std::string>;

int launcher_main(Words words) {
  return mesolith::launcher::launcher_main(words);
}

int demo_main(Words words) {
  if (!words.empty() && words.front() == "drf")
    return mesolith::dev::demo_drf_main(words.subspan(1));
  fmt::print(stderr, "mesolith demo: which one? There is: drf\n");
  return 2;
}

template <const char* name>
int cli_command(Words words) {
  return mesolith::cli::cli_main(name, words);
}

constexpr char run[] = "run", ps[] = "ps", tasks[] = "tasks", agents[] = "agents",
               frameworks[] = "frameworks", roles[] = "roles", logs[] = "logs", why[] = "why",
               kill[] = "kill", events[] = "events", drain[] = "drain", deactivate[] = "deactivate",
               reactivate[] = "reactivate", gone[] = "gone", weights[] = "weights",
               quota[] = "quota", maintenance[] = "maintenance";

struct Command {
  std::string_view name;
  int (*main)(Words);
  std::string_view help;  // empty: not shown
};

constexpr std::array commands = {
    Command{"up", mesolith::dev::up_main, "start a whole cluster on this machine"},
    Command{run, cli_command<run>, "run one task and show what it prints"},
    Command{ps, cli_command<ps>, "list live tasks"},
    Command{tasks, cli_command<tasks>, "list tasks"},
    Command{agents, cli_command<agents>, "list agents"},
    Command{frameworks, cli_command<frameworks>, "list frameworks"},
    Command{roles, cli_command<roles>, "list roles"},
    Command{logs, cli_command<logs>, "print what a task wrote"},
    Command{why, cli_command<why>, "say why something waits"},
    Command{kill, cli_command<kill>, "kill a task"},
    Command{events, cli_command<events>, "show what happens in the cluster"},
    Command{drain, cli_command<drain>, "empty an agent"},
    Command{deactivate, cli_command<deactivate>, "offer nothing of an agent"},
    Command{reactivate, cli_command<reactivate>, "offer an agent again"},
    Command{gone, cli_command<gone>, "declare an agent gone for ever"},
    Command{weights, cli_command<weights>, "show or set the weights of roles"},
    Command{quota, cli_command<quota>, "show or set the quotas of roles"},
    Command{maintenance, cli_command<maintenance>, "show or change the maintenance schedule"},
    Command{"demo", demo_main, "show a scenario end to end and check it: demo drf"},
    Command{"drf-demo", mesolith::frameworks::drf_demo::drf_demo_main,
            "a framework that shows fair sharing"},
    Command{"sim", mesolith::sim::sim_main, "simulate a cluster with faults from a seed"},
    Command{"master", mesolith::master::master_main, "run a master"},
    Command{"agent", mesolith::agent::agent_main, "run an agent"},
    Command{"launcher", launcher_main, ""},
    Command{"fetch", mesolith::agent::fetch_main, ""},
    Command{"mesos-master", mesolith::master::master_main, ""},
    Command{"mesos-agent", mesolith::agent::agent_main, ""},
    Command{"mesos-slave", mesolith::agent::agent_main, ""},
    Command{"mesos-execute", mesolith::cli::execute_main, ""},
    Command{"mesos-local", mesolith::dev::up_main, ""},
};

const Command* find(std::string_view name) {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

void print_usage(std::FILE* to) {
  fmt::print(to, "Usage: mesolith COMMAND [options]    (mesolith COMMAND --help)\n\n");
  for (const Command& command : commands) {
    if (!command.help.empty()) fmt::print(to, "  {:<12} {}\n", command.name, command.help);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  std::string_view program =
      words.empty() ? std::string_view("mesolith") : std::string_view(words.front());
  program = program.substr(program.rfind('/') + 1);
  if (const Command* command = find(program)) return command->main(Words(words).subspan(1));
  if (words.size() < 2 || words[1] == "--help" || words[1] == "help") {
    print_usage(words.size() < 2 ? stderr : stdout);
    return words.size() < 2 ? 2 : 0;
  }
  if (const Command* command = find(words[1])) return command->main(Words(words).subspan(2));
  fmt::print(stderr, "mesolith: there is no command '{}'\n\n", words[1]);
  print_usage(stderr);
  return 2;
}
