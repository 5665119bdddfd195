// SPDX-License-Identifier: Apache-2.0
// The commands that a person types at a cluster. Exit status: 0 done; 1 the cluster said no or the
// task failed (for `run` the task's own status); 2 the command line was wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace mesolith::cli {

struct Common {
  std::string master;  // "ip:port"
  bool json = false;   // print JSON instead of text
};

struct RunOptions {
  Common common;
  std::string name = "mesolith-run";
  std::string task_name;
  std::string role = "*";
  std::string resources = "cpus:0.1;mem:32";
  std::vector<std::string> environment;  // NAME=value
  std::vector<std::string> words;        // program and arguments; one word: a shell command
  bool shell = false;
  bool quiet = false;          // only what the task prints
  double timeout_seconds = 0;  // 0: wait for ever
};

struct LogsOptions {
  Common common;
  std::string task;
  std::string file = "stdout";
  bool follow = false;
};

struct EventsOptions {
  Common common;
  uint64_t count = 0;  // end after so many; 0: never
};

struct UpkeepOptions {
  Common common;
  std::string call;   // DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT or MARK_AGENT_GONE
  std::string agent;  // its id, the id's end, or its host name
  std::optional<Duration> max_grace;
  bool mark_gone = false;
  bool wait = false;  // until nothing runs there
};

struct QuotaOptions {
  Common common;
  std::string role;              // empty: all are listed
  std::string guarantee, limit;  // "cpus:4;mem:1024"; empty: none
  bool force = false;
};

struct MaintenanceOptions {
  Common common;
  std::string action;                 // schedule, cancel, down, up; empty: the schedule is listed
  std::vector<std::string> machines;  // host names or addresses
  Duration in{};                      // from now
  std::optional<Duration> length;     // none: for ever
};

int run(const RunOptions& options);
int list_tasks(const Common& common, bool all);  // all: completed ones too
int list_agents(const Common& common);
int list_frameworks(const Common& common);
int list_roles(const Common& common);
// What happens in the cluster, a line each; heartbeats are not shown.
int events(const EventsOptions& options);
int logs(const LogsOptions& options);
int upkeep(const UpkeepOptions& options);
// Lists them, or makes the changes "role=weight".
int weights(const Common& common, const std::vector<std::string>& changes);
int quota(const QuotaOptions& options);
int maintenance(const MaintenanceOptions& options);
// `kind` is "framework", "agent" or "task"; nothing: all three are tried.
int why(const Common& common, const std::string& kind, const std::string& id);
int why_latest(const Common& common, size_t count);  // the allocator's latest decisions
int kill_task(const Common& common, const std::string& task);

// argv[1..] of `mesolith <command> ...`; `name` is the command.
int cli_main(const std::string& name, std::span<const std::string> arguments);
// `mesos-execute` with the original's flags (mesos-api.md 6.4).
int execute_main(std::span<const std::string> arguments);

}  // namespace mesolith::cli
