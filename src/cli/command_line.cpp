// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "base/flags.hpp"
#include "cli/table.hpp"

namespace mesolith::cli {
namespace {

std::string default_master() {
  const char* given = std::getenv("MESOLITH_MASTER");
  return given && *given ? given : "127.0.0.1:5050";
}

void add_common(CLI::App& app, Common& common) {
  common.master = default_master();
  app.add_option("--master,-m", common.master,
                 "Address of the master, ip:port (or MESOLITH_MASTER)")
      ->capture_default_str();
  app.add_flag("--json", common.json, "Print JSON");
}

// CLI11 wants the words in reverse. Prints help or the error itself; the exit status then, else
// nothing.
std::optional<int> parse(CLI::App& app, std::span<const std::string> arguments) {
  std::vector<std::string> words(arguments.rbegin(), arguments.rend());
  try {
    app.parse(words);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
}

int run_main(std::span<const std::string> arguments) {
  RunOptions options;
  CLI::App app(
      "Run one task and show what it prints.\n\n  mesolith run -- echo hello\n"
      "  mesolith run --resources 'cpus:1;mem:256' --shell 'for i in 1 2 3; do echo $i; done'",
      "mesolith run");
  add_common(app, options.common);
  app.add_option("--name", options.name, "Name of the framework")->capture_default_str();
  app.add_option("--task-name", options.task_name, "Name of the task (default: the program)");
  app.add_option("--role", options.role, "Role to run in")->capture_default_str();
  app.add_option("--resources,-r", options.resources, "What the task needs")->capture_default_str();
  app.add_option("--env,-e", options.environment, "NAME=value, repeatable");
  app.add_option("--timeout", options.timeout_seconds, "Give up after so many seconds");
  app.add_flag("--shell", options.shell, "The command is one word for sh -c");
  app.add_flag("--quiet,-q", options.quiet, "Only what the task prints");
  app.add_option("command", options.words, "Program and arguments, after --")->required();
  if (auto status = parse(app, arguments)) return *status;
  if (options.task_name.empty())
    options.task_name = options.words.front().substr(options.words.front().rfind('/') + 1);
  std::replace_if(
      options.task_name.begin(), options.task_name.end(), [](char c) { return !std::isalnum(c); },
      '-');
  return run(options);
}

int list_main(const std::string& name, std::span<const std::string> arguments) {
  Common common;
  bool all = false;
  CLI::App app("List " + name + " of the cluster.\n\n  mesolith " + name + " --json",
               "mesolith " + name);
  add_common(app, common);
  if (name == "tasks" || name == "ps") app.add_flag("--all,-a", all, "Ended ones too");
  if (auto status = parse(app, arguments)) return *status;
  if (name == "agents") return list_agents(common);
  if (name == "frameworks") return list_frameworks(common);
  if (name == "roles") return list_roles(common);
  return list_tasks(common, all);
}

int logs_main(std::span<const std::string> arguments) {
  LogsOptions options;
  bool errors = false;
  CLI::App app("Print what a task wrote.\n\n  mesolith logs -f TASK", "mesolith logs");
  add_common(app, options.common);
  app.add_flag("--follow,-f", options.follow, "Go on until the task ends");
  app.add_flag("--stderr", errors, "Its stderr instead of its stdout");
  app.add_option("--file", options.file, "Another file of its sandbox");
  app.add_option("task", options.task, "Id of the task")->required();
  if (auto status = parse(app, arguments)) return *status;
  if (errors) options.file = "stderr";
  return logs(options);
}

int why_main(std::span<const std::string> arguments) {
  Common common;
  std::vector<std::string> words;
  size_t latest = 0;
  CLI::App app(
      "Say why something waits.\n\n  mesolith why framework ID\n  mesolith why TASK\n  mesolith "
      "why --latest 5",
      "mesolith why");
  add_common(app, common);
  app.add_option("--latest", latest, "The allocator's latest decisions, so many");
  app.add_option("what", words, "[task|framework|agent] ID")->expected(0, 2);
  if (auto status = parse(app, arguments)) return *status;
  if (latest > 0) return why_latest(common, latest);
  if (words.empty()) return fail("why what? Give an id, or --latest N") + 1;
  return words.size() == 1 ? why(common, "", words[0]) : why(common, words[0], words[1]);
}

int kill_main(std::span<const std::string> arguments) {
  Common common;
  std::string task;
  CLI::App app("Kill a task.\n\n  mesolith kill TASK", "mesolith kill");
  add_common(app, common);
  app.add_option("task", task, "Id of the task")->required();
  if (auto status = parse(app, arguments)) return *status;
  return kill_task(common, task);
}

int events_main(std::span<const std::string> arguments) {
  EventsOptions options;
  CLI::App app(
      "Show what happens in the cluster, a line each, until interrupted.\n\n"
      "  mesolith events --json",
      "mesolith events");
  add_common(app, options.common);
  app.add_option("--count,-n", options.count, "End after so many events");
  if (auto status = parse(app, arguments)) return *status;
  return events(options);
}

int upkeep_main(const std::string& name, std::span<const std::string> arguments) {
  constexpr std::array<std::array<const char*, 3>, 4> commands = {{
      {"drain", "DRAIN_AGENT",
       "Kill what runs on an agent and offer nothing of it.\n\n"
       "  mesolith drain S0 --max-grace 30secs --wait"},
      {"deactivate", "DEACTIVATE_AGENT", "Offer nothing of an agent; what runs there goes on."},
      {"reactivate", "REACTIVATE_AGENT", "Offer an agent again, drained or deactivated before."},
      {"gone", "MARK_AGENT_GONE", "Declare an agent gone for ever; its tasks are ended."},
  }};
  const auto* command = std::ranges::find_if(commands, [&](auto& one) { return name == one[0]; });
  UpkeepOptions options;
  options.call = (*command)[1];
  std::string grace;
  CLI::App app((*command)[2], "mesolith " + name);
  add_common(app, options.common);
  if (name == "drain") {
    app.add_option("--max-grace", grace, "Longest grace of a kill, such as 30secs");
    app.add_flag("--mark-gone", options.mark_gone, "Then declare the agent gone");
    app.add_flag("--wait,-w", options.wait, "Until nothing runs there");
  }
  app.add_option("agent", options.agent, "Id of the agent, its end (S0), or the host's name")
      ->required();
  if (auto status = parse(app, arguments)) return *status;
  if (!grace.empty()) {
    const auto duration = parse_duration(grace);
    if (!duration) return fail("--max-grace: " + duration.error().message) + 1;
    options.max_grace = *duration;
  }
  return upkeep(options);
}

int weights_main(std::span<const std::string> arguments) {
  Common common;
  std::vector<std::string> changes;
  CLI::App app("Show the weights of roles, or set some.\n\n  mesolith weights eng=2 ops=1",
               "mesolith weights");
  add_common(app, common);
  app.add_option("changes", changes, "role=weight");
  if (auto status = parse(app, arguments)) return *status;
  return weights(common, changes);
}

int quota_main(std::span<const std::string> arguments) {
  QuotaOptions options;
  bool reset = false;
  CLI::App app(
      "Show the quotas of roles, or set one.\n\n"
      "  mesolith quota eng --guarantee 'cpus:4;mem:4096' --limit 'cpus:8'",
      "mesolith quota");
  add_common(app, options.common);
  app.add_option("--guarantee", options.guarantee, "What is kept free for the role");
  app.add_option("--limit", options.limit, "What it may have at most");
  app.add_flag("--reset", reset, "Neither guarantee nor limit any more");
  app.add_flag("--force", options.force, "Even beyond what there is, or below what is used");
  app.add_option("role", options.role, "A top-level role");
  if (auto status = parse(app, arguments)) return *status;
  const bool change = reset || !options.guarantee.empty() || !options.limit.empty();
  if (change == options.role.empty()) {
    return fail("a role goes with --guarantee, --limit or --reset") + 1;
  }
  return quota(options);
}

int maintenance_main(std::span<const std::string> arguments) {
  MaintenanceOptions options;
  std::vector<std::string> words;
  std::string in = "0secs", length;
  CLI::App app(
      "Show the maintenance schedule, or change it.\n\n"
      "  mesolith maintenance schedule --in 1hrs --for 2hrs HOST...\n"
      "  mesolith maintenance down HOST...\n"
      "  mesolith maintenance up HOST...\n"
      "  mesolith maintenance cancel HOST...",
      "mesolith maintenance");
  add_common(app, options.common);
  app.add_option("--in", in, "When the window begins, from now")->capture_default_str();
  app.add_option("--for", length, "How long it lasts (default: for ever)");
  app.add_option("what", words, "schedule, cancel, down or up, then host names or addresses");
  if (auto status = parse(app, arguments)) return *status;
  if (!words.empty()) {
    options.action = words.front();
    options.machines.assign(words.begin() + 1, words.end());
    const bool known = options.action == "schedule" || options.action == "cancel" ||
                       options.action == "down" || options.action == "up";
    if (!known || options.machines.empty()) {
      return fail("maintenance schedule, cancel, down or up, and of which hosts?") + 1;
    }
  }
  const auto begin = parse_duration(in);
  if (!begin) return fail("--in: " + begin.error().message) + 1;
  options.in = *begin;
  if (!length.empty()) {
    const auto parsed = parse_duration(length);
    if (!parsed) return fail("--for: " + parsed.error().message) + 1;
    options.length = *parsed;
  }
  return maintenance(options);
}

constexpr FlagSpec execute_specs[] = {
    {"help", FlagSpec::Kind::boolean, "false", true, "Print this text"},
    {"master", FlagSpec::Kind::text, std::nullopt, true, "ip:port of the master"},
    {"name", FlagSpec::Kind::text, std::nullopt, true, "Name of the task"},
    {"command", FlagSpec::Kind::text, std::nullopt, true, "What to run"},
    {"shell", FlagSpec::Kind::boolean, "true", true, "Run it by sh -c"},
    {"resources", FlagSpec::Kind::text, "cpus:1;mem:128", true, "What it needs"},
    {"role", FlagSpec::Kind::text, "*", true, "Role to run in"},
    {"env", FlagSpec::Kind::text, std::nullopt, false, ""},
    {"checkpoint", FlagSpec::Kind::boolean, "false", false, ""},
    {"containerizer", FlagSpec::Kind::text, "mesos", false, ""},
    {"kill_after", FlagSpec::Kind::duration, std::nullopt, true, "End it after that long"},
};

}  // namespace

int cli_main(const std::string& name, std::span<const std::string> arguments) {
  if (name == "run") return run_main(arguments);
  if (name == "logs") return logs_main(arguments);
  if (name == "why") return why_main(arguments);
  if (name == "weights") return weights_main(arguments);
  if (name == "quota") return quota_main(arguments);
  if (name == "maintenance") return maintenance_main(arguments);
  if (name == "events") return events_main(arguments);
  for (const char* upkeep : {"drain", "deactivate", "reactivate", "gone"}) {
    if (name == upkeep) return upkeep_main(name, arguments);
  }
  if (name == "kill") return kill_main(arguments);
  return list_main(name, arguments);
}

int execute_main(std::span<const std::string> arguments) {
  const auto flags = Flags::parse(execute_specs, arguments, {});
  if (!flags) return fail(flags.error().message);
  if (flags->boolean("help") || !flags->has("master") || !flags->has("name") ||
      !flags->has("command")) {
    fmt::print("Usage: mesos-execute --master=IP:PORT --name=NAME --command=COMMAND [flags]\n\n{}",
               describe_flags(execute_specs));
    return flags->boolean("help") ? 0 : 1;
  }
  RunOptions options;
  options.common.master = flags->text("master");
  options.task_name = flags->text("name");
  options.words = {flags->text("command")};
  options.shell = flags->boolean("shell");
  options.resources = flags->text("resources");
  options.role = flags->text("role");
  if (flags->has("kill_after")) options.timeout_seconds = to_seconds(flags->duration("kill_after"));
  return run(options);
}

}  // namespace mesolith::cli
