// SPDX-License-Identifier: Apache-2.0
// logs, why and kill.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include "cli/cluster_client.hpp"
#include "cli/command_line.hpp"
#include "cli/table.hpp"
#include "wire/http.hpp"

namespace mesolith::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto follow_interval = 300ms;

// Prints the file from `offset` to its end; the new offset.
Result<uint64_t> print_from(const Sandbox& sandbox, const std::string& file, uint64_t offset) {
  while (true) {
    TRY(const Window window, read_file(sandbox, file, offset));
    if (window.data.empty()) return offset;
    std::fwrite(window.data.data(), 1, window.data.size(), stdout);
    std::fflush(stdout);
    offset = window.offset + window.data.size();
  }
}

bool is_live(const std::string& state) {
  return state == "TASK_STAGING" || state == "TASK_STARTING" || state == "TASK_RUNNING" ||
         state == "TASK_KILLING";
}

void print_decision(const boost::json::value& decision) {
  if (text_of(decision, "framework_id").empty()) {
    fmt::print("#{:g} agent {}: nobody took {}\n", number_of(decision, "number"),
               text_of(decision, "agent_id"), text_of(decision, "resources"));
    return;
  }
  fmt::print(
      "#{:g} agent {} -> framework {} (role {}): {}; share of the role {:.3f} -> {:.3f}, of the "
      "framework {:.3f} -> {:.3f} ({})\n",
      number_of(decision, "number"), text_of(decision, "agent_id"),
      text_of(decision, "framework_id"), text_of(decision, "role"), text_of(decision, "resources"),
      number_of(decision, "role_share_before"), number_of(decision, "role_share_after"),
      number_of(decision, "framework_share_before"), number_of(decision, "framework_share_after"),
      text_of(decision, "dominant_resource"));
}

int print_reasons(const Common& common, const boost::json::value& answer) {
  if (common.json) {
    std::cout << boost::json::serialize(answer) << '\n';
    return 0;
  }
  for (const auto& reason : list_of(answer, "why")) {
    if (const auto* text = reason.if_string()) std::cout << std::string_view(*text) << '\n';
  }
  return 0;
}

}  // namespace

int logs(const LogsOptions& options) {
  auto sandbox = find_sandbox(options.common.master, options.task);
  if (!sandbox) return fail(sandbox.error().message);
  uint64_t offset = 0;
  while (true) {
    const auto printed = print_from(*sandbox, options.file, offset);
    if (!printed) return fail(printed.error().message);
    offset = *printed;
    // The state was read before the file, so an ended task's last output has been printed.
    if (!options.follow || !is_live(sandbox->state)) return 0;
    std::this_thread::sleep_for(follow_interval);
    sandbox = find_sandbox(options.common.master, options.task);
    if (!sandbox) return fail(sandbox.error().message);
  }
}

int why(const Common& common, const std::string& kind, const std::string& id) {
  std::vector<std::string> kinds = {"task", "framework", "agent"};
  if (!kind.empty()) kinds = {kind};
  for (const std::string& one : kinds) {
    const auto answer = get_json(
        common.master, fmt::format("/api/mesolith/v1/why?{}={}", one, wire::percent_encode(id)));
    if (answer) return print_reasons(common, *answer);
    if (answer.error().code != Code::not_found) return fail(answer.error().message);
  }
  return fail(fmt::format("no {} '{}' is known to the master at {}",
                          kind.empty() ? "task, framework or agent" : kind, id, common.master));
}

int why_latest(const Common& common, size_t count) {
  const auto answer = get_json(common.master, "/api/mesolith/v1/decisions");
  if (!answer) return fail(answer.error().message);
  if (common.json) {
    std::cout << boost::json::serialize(*answer) << '\n';
    return 0;
  }
  const auto& decisions = list_of(*answer, "decisions");
  const size_t begin = decisions.size() > count ? decisions.size() - count : 0;
  for (size_t i = begin; i < decisions.size(); ++i) {
    const auto& decision = decisions[i];
    print_decision(decision);
    for (const auto& passed : list_of(decision, "passed_over")) {
      fmt::print("    passed over {} (role {}): {}\n", text_of(passed, "framework_id"),
                 text_of(passed, "role"), text_of(passed, "reason"));
    }
  }
  return 0;
}

int kill_task(const Common& common, const std::string& task) {
  const auto tasks = get_json(common.master, "/tasks?task_id=" + wire::percent_encode(task));
  if (!tasks) return fail(tasks.error().message);
  const auto& found = list_of(*tasks, "tasks");
  if (found.empty()) return fail(fmt::format("no task '{}' is known", task));
  const std::string body = fmt::format("frameworkId={}&taskId={}",
                                       wire::percent_encode(text_of(found.front(), "framework_id")),
                                       wire::percent_encode(task));
  const auto answer = post_form(common.master, "/api/mesolith/v1/kill", body);
  if (!answer) return fail(answer.error().message);
  if (!common.json) fmt::print("Killing {}\n", task);
  return 0;
}

}  // namespace mesolith::cli
