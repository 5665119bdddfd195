// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/shell/command_line.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/rng.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

constexpr int usage_error = 2;

constexpr const char* examples = R"(Examples:
  The lesson: three of these together, each in its own terminal.
    mesolith drf-demo --mesos-master 127.0.0.1:5050 --framework-name 'Framework A' \
        --task-cpus 2 --task-memory 1000
    mesolith drf-demo -m 127.0.0.1:5050 -n 'Framework B' -c 1 -t 2500
    mesolith drf-demo -m 127.0.0.1:5050 -n 'Framework C' -c 0.5 -t 512
  A minute with short tasks, and a page with plots at the end:
    mesolith drf-demo -n 'Framework A' -c 2 -t 1000 --duration-min 1 --duration-max 2 \
        --run-time 60 --html a.html
  All three by themselves, with a cluster of their own:
    mesolith demo drf)";

struct Given {  // as typed; seconds
  double cpus = 0.1;
  double memory = 512;
  double duration_min = 20, duration_max = 40;
  double run_time = 0, refuse = 1, hold = 0, warm_up = -1;
  int64_t seed = -1;
};

Duration of_seconds(double seconds) {
  return seconds_or(seconds, Duration::zero());
}

void add_flags(CLI::App& app, CommandLine& line, Given& given) {
  Options& options = line.options;
  app.add_option("-m,--mesos-master", line.master, "The master, host:port")->capture_default_str();
  app.add_option("-n,--framework-name", options.name, "The name of the framework")->required();
  app.add_option("-c,--task-cpus", given.cpus, "Cpus of each task")->capture_default_str();
  app.add_option("-t,--task-memory", given.memory, "Memory of each task, MB")
      ->capture_default_str();
  app.add_option("--duration-min", given.duration_min, "A task sleeps at least so many seconds")
      ->capture_default_str();
  app.add_option("--duration-max", given.duration_max, "A task sleeps at most so many seconds")
      ->capture_default_str();
  app.add_option("--tasks", options.tasks, "Ends after so many tasks; 0: no limit")
      ->capture_default_str();
  app.add_option("--run-time", given.run_time, "Ends after so many seconds; 0: no limit")
      ->capture_default_str();
  app.add_flag("--wait", options.wait_for_tasks,
               "At the end waits for the tasks that run, instead of killing them");
  app.add_option("--seed", given.seed, "Of the tasks' durations and ids; default: by chance");
  app.add_option("--role", options.role, "The role to subscribe with")->capture_default_str();
  app.add_option("--tasks-per-launch", options.tasks_per_launch,
                 "Launches at most so many tasks on one offer")
      ->capture_default_str();
  app.add_option("--refuse", given.refuse,
                 "Does not want to see again for so many seconds what was too small")
      ->capture_default_str();
  app.add_option("--hold", given.hold,
                 "Keeps an offer that is too small so many seconds, to join it with the next")
      ->capture_default_str();
  app.add_option("--warm-up", given.warm_up,
                 "The report's means leave out so many seconds; default: the longest task");
  app.add_option("--json", line.json_file, "Writes the report as JSON there");
  app.add_option("--html", line.html_file, "Writes the report as a page with plots there");
  app.add_flag("-q,--quiet", line.quiet, "Prints nothing but errors");
  app.footer(examples);
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(std::span<const std::string> arguments) {
  CommandLine line;
  line.master = "127.0.0.1:5050";
  Given given;
  try {
    CLI::App app("A framework that takes its fair share of a cluster, and shows it.",
                 "mesolith drf-demo");
    add_flags(app, line, given);
    try {
      app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : usage_error;
    }
  } catch (const CLI::Error& error) {
    std::cerr << error.what() << '\n';
    return usage_error;
  }
  Options& options = line.options;
  options.task.set(model::cpus, model::to_millis(given.cpus));
  options.task.set(model::mem, model::to_millis(given.memory));
  options.duration_min = of_seconds(given.duration_min);
  options.duration_max = of_seconds(given.duration_max);
  options.run_time = of_seconds(given.run_time);
  options.refuse = of_seconds(given.refuse);
  options.hold = of_seconds(given.hold);
  options.warm_up = given.warm_up < 0 ? options.duration_max : of_seconds(given.warm_up);
  options.seed = given.seed < 0 ? entropy_seed() >> 1 : static_cast<uint64_t>(given.seed);
  if (const auto checked = check(options); !checked) {
    std::cerr << checked.error().message << '\n';
    return usage_error;
  }
  return line;
}

}  // namespace mesolith::frameworks::drf_demo
