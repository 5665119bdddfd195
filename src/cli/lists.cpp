// SPDX-License-Identifier: Apache-2.0
// ps, tasks, agents, frameworks, roles: what /tasks, /slaves, /frameworks and /roles say, as tables
// or as they are.
#include <fmt/format.h>

#include <iostream>

#include "cli/cluster_client.hpp"
#include "cli/command_line.hpp"
#include "cli/table.hpp"

namespace mesolith::cli {
namespace {

using boost::json::value;

std::string amount(double number) {
  return fmt::format("{:g}", number);
}

std::string resources_of(const value& object, std::string_view key) {
  const value& resources = member(object, key);
  return fmt::format("{} / {}", amount(number_of(resources, "cpus")),
                     amount(number_of(resources, "mem")));
}

bool flag_of(const value& object, std::string_view key) {
  const value& found = member(object, key);
  return found.is_bool() && found.get_bool();
}

std::string standing_of(const value& agent) {
  const std::string drain = text_of(member(agent, "drain_info"), "state");
  if (drain == "DRAINING") return "draining";
  if (drain == "DRAINED") return "drained";
  if (flag_of(agent, "deactivated")) return "deactivated";
  return flag_of(agent, "active") ? "active" : "inactive";
}

bool ended(const std::string& state) {
  for (const char* live :
       {"TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE"}) {
    if (state == live) return false;
  }
  return true;
}

// Fetches, prints the document itself with --json, else what `fill` makes of it.
template <class Fill>
int list(const Common& common, const std::string& target, Fill fill) {
  const auto document = get_json(common.master, target);
  if (!document) return fail(document.error().message);
  if (common.json) {
    std::cout << boost::json::serialize(*document) << '\n';
    return 0;
  }
  fill(*document);
  return 0;
}

}  // namespace

int list_tasks(const Common& common, bool all) {
  auto document = get_json(common.master, "/tasks?limit=10000");
  if (!document) return fail(document.error().message);
  Table table({"TASK", "NAME", "STATE", "ROLE", "CPUS / MEM", "AGENT", "FRAMEWORK"});
  boost::json::array listed;
  for (const value& task : list_of(*document, "tasks")) {
    const std::string state = text_of(task, "state");
    if (!all && ended(state)) continue;
    listed.push_back(task);
    table.add({text_of(task, "id"), text_of(task, "name"), state, text_of(task, "role"),
               resources_of(task, "resources"), text_of(task, "slave_id"),
               text_of(task, "framework_id")});
  }
  if (common.json) {
    std::cout << boost::json::serialize(boost::json::object{{"tasks", std::move(listed)}}) << '\n';
  } else {
    table.print();
  }
  return 0;
}

int list_agents(const Common& common) {
  return list(common, "/slaves", [](const value& document) {
    Table table({"AGENT", "ADDRESS", "STATE", "CPUS / MEM", "USED", "OFFERED"});
    for (const value& agent : list_of(document, "slaves")) {
      const std::string pid = text_of(agent, "pid");
      table.add({text_of(agent, "id"), pid.substr(pid.find('@') + 1), standing_of(agent),
                 resources_of(agent, "resources"), resources_of(agent, "used_resources"),
                 resources_of(agent, "offered_resources")});
    }
    for (const value& agent : list_of(document, "recovered_slaves")) {
      table.add({text_of(agent, "id"), text_of(agent, "hostname"), "not back yet", "-", "-", "-"});
    }
    table.print();
  });
}

int list_frameworks(const Common& common) {
  return list(common, "/frameworks", [](const value& document) {
    Table table({"FRAMEWORK", "NAME", "STATE", "TASKS", "USED CPUS / MEM", "OFFERED"});
    for (const value& framework : list_of(document, "frameworks")) {
      table.add({text_of(framework, "id"), text_of(framework, "name"),
                 flag_of(framework, "active") ? "active" : "disconnected",
                 fmt::format("{}", list_of(framework, "tasks").size()),
                 resources_of(framework, "used_resources"),
                 resources_of(framework, "offered_resources")});
    }
    table.print();
  });
}

int list_roles(const Common& common) {
  return list(common, "/roles", [](const value& document) {
    Table table({"ROLE", "WEIGHT", "FRAMEWORKS", "ALLOCATED CPUS / MEM", "OFFERED"});
    for (const value& role : list_of(document, "roles")) {
      table.add({text_of(role, "name"), amount(number_of(role, "weight")),
                 fmt::format("{}", list_of(role, "frameworks").size()),
                 resources_of(role, "allocated"), resources_of(role, "offered")});
    }
    table.print();
  });
}

}  // namespace mesolith::cli
