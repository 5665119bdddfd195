// SPDX-License-Identifier: Apache-2.0
// drain, deactivate, reactivate, gone: agents out of service, and back.
#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "cli/cluster_client.hpp"
#include "cli/command_line.hpp"
#include "cli/table.hpp"

namespace mesolith::cli {
namespace {

using boost::json::value;

constexpr auto poll_interval = std::chrono::milliseconds(200);

// The agent of that id, the only one whose id ends so ("S0"), or the only one of that host name.
Result<value> find_agent(const std::string& master, const std::string& name) {
  TRY(const auto document, get_json(master, "/slaves"));
  std::vector<value> found;
  for (const char* list : {"slaves", "recovered_slaves"}) {
    for (const value& agent : list_of(document, list)) {
      const std::string id = text_of(agent, "id");
      if (id == name) return agent;
      if (id.ends_with("-" + name) || text_of(agent, "hostname") == name) found.push_back(agent);
    }
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    // It may be unreachable: those are known by their id alone.
    return value(boost::json::object{{"id", name}});
  }
  return failure(Code::invalid,
                 fmt::format("{} agents are meant by '{}': give the whole id", found.size(), name));
}

std::string state_of(const value& agent) {
  return text_of(member(agent, "drain_info"), "state");
}

// Waits until the agent is empty, or is no more because it was marked gone.
Result<std::string> wait_drained(const std::string& master, const std::string& id) {
  while (true) {
    TRY(const auto document, get_json(master, "/slaves?slave_id=" + id));
    const auto& agents = list_of(document, "slaves");
    if (agents.empty() && list_of(document, "recovered_slaves").empty()) return "gone";
    if (!agents.empty() && state_of(agents.front()) != "DRAINING") return "empty";
    std::this_thread::sleep_for(poll_interval);
  }
}

}  // namespace

int upkeep(const UpkeepOptions& options) {
  const auto agent = find_agent(options.common.master, options.agent);
  if (!agent) return fail(agent.error().message);
  const std::string id = text_of(*agent, "id");
  boost::json::object body{{"agent_id", {{"value", id}}}};
  if (options.max_grace) {
    const auto nanoseconds = options.max_grace->count();
    body["max_grace_period"] = {{"seconds", nanoseconds / 1'000'000'000},
                                {"nanos", nanoseconds % 1'000'000'000}};
  }
  if (options.mark_gone) body["mark_gone"] = true;
  std::string field = options.call;
  for (char& c : field) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const boost::json::object call{{"type", options.call}, {field, std::move(body)}};
  const auto answer = post_json(options.common.master, "/api/v1", boost::json::serialize(call));
  if (!answer) return fail(answer.error().message);
  if (!options.wait) return 0;
  const auto state = wait_drained(options.common.master, id);
  if (!state) return fail(state.error().message);
  fmt::print("Agent {} is {}.\n", id, *state);
  return 0;
}

}  // namespace mesolith::cli
