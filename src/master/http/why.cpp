// SPDX-License-Identifier: Apache-2.0
// Why something waits, in plain sentences, and the allocator's latest decisions.
#include <fmt/format.h>

#include "master/http/documents.hpp"
#include "master/http/routes.hpp"
#include "model/task_state.hpp"

namespace mesolith::master::http {
namespace {

using wire::JsonWriter;
using Reasons = std::vector<std::string>;

Reasons why_framework(const Context& context, const Framework& framework) {
  if (!framework.connected) {
    if (framework.failover_deadline == never) {
      return {
          "The framework is known from its tasks and has not subscribed since this master "
          "started."};
    }
    return {fmt::format("The framework is disconnected; it is removed with its tasks in {:.1f} s.",
                        to_seconds(framework.failover_deadline - context.now))};
  }
  Reasons reasons;
  if (!framework.offers.empty()) {
    reasons.push_back(fmt::format("The framework holds {} offers it has neither used nor declined.",
                                  framework.offers.size()));
  }
  for (std::string& reason : context.state.allocator.why(context.now, framework.id)) {
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

Reasons why_agent(const Context& context, const AgentId& id) {
  const State& state = context.state;
  if (state.gone_agents.contains(id)) return {"The agent was marked gone; it is not readmitted."};
  if (const auto found = state.unreachable_agents.find(id);
      found != state.unreachable_agents.end()) {
    return {fmt::format(
        "The agent has been unreachable for {:.1f} s; its tasks run on and it may come back.",
        to_seconds(context.now - found->second.since))};
  }
  if (const auto found = state.recovered_agents.find(id); found != state.recovered_agents.end()) {
    return {fmt::format(
        "The agent is in the registry and has not come back since this master started; it "
        "counts as unreachable in {:.1f} s.",
        to_seconds(found->second.deadline - context.now))};
  }
  const auto found = state.agents.find(id);
  if (found == state.agents.end()) return {};
  const Agent& agent = found->second;
  if (!agent.connected) {
    return {fmt::format("The agent is disconnected and gets no offers; {} pings were missed.",
                        agent.pings_missed)};
  }
  const model::Resources free = agent.total - used(agent) - offered(state, agent.offers);
  return {fmt::format("The agent is active: {} offered in {} offers, {} used, {} free.",
                      offered(state, agent.offers).quantities().describe(), agent.offers.size(),
                      used(agent).quantities().describe(), free.quantities().describe())};
}

std::optional<Reasons> why_task(const Context& context, const TaskId& id) {
  for (const auto& [framework_id, framework] : context.state.frameworks) {
    const auto found = framework.tasks.find(id);
    if (found == framework.tasks.end()) {
      if (framework.unreachable_tasks.contains(id)) {
        return Reasons{"The task's agent is unreachable; the task may still be running there."};
      }
      continue;
    }
    const mesos::v1::Task& task = found->second.proto;
    std::string sentence = fmt::format("The task is {} on agent {}", model::name_of(task.state()),
                                       task.agent_id().value());
    if (task.statuses_size() > 0) {
      const auto& last = task.statuses(task.statuses_size() - 1);
      sentence += fmt::format(" since {:.1f} s", to_seconds(context.now) - last.timestamp());
      if (last.has_message() && !last.message().empty()) sentence += ": " + last.message();
    }
    if (model::is_terminal(task.state()))
      sentence += "; the framework has not acknowledged that yet";
    return Reasons{sentence + "."};
  }
  return std::nullopt;
}

wire::Response answer(const Context& context, const Reasons& reasons) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("why").begin_array();
  for (const std::string& reason : reasons) json.string(reason);
  json.end_array();
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace

Outcome why(const Context& context) {
  const auto& query = context.request.query;
  if (const auto id = query.find("framework")) {
    const auto found = context.state.frameworks.find(FrameworkId(*id));
    if (found == context.state.frameworks.end()) {
      return wire::text(404, fmt::format("No framework '{}' is known", *id));
    }
    return answer(context, why_framework(context, found->second));
  }
  if (const auto id = query.find("agent")) {
    const Reasons reasons = why_agent(context, AgentId(*id));
    if (reasons.empty()) return wire::text(404, fmt::format("No agent '{}' is known", *id));
    return answer(context, reasons);
  }
  if (const auto id = query.find("task")) {
    const auto reasons = why_task(context, TaskId(*id));
    if (!reasons) return wire::text(404, fmt::format("No live task '{}' is known", *id));
    return answer(context, *reasons);
  }
  return wire::text(400, "Expecting one of 'framework', 'agent' or 'task' in the query");
}

Outcome decisions(const Context& context) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("decisions").begin_array();
  for (const allocator::Decision& decision : context.state.allocator.decisions()) {
    json.begin_object();
    json.member("number", decision.number);
    json.member("time", to_seconds(decision.when));
    json.member("agent_id", decision.agent_id.value);
    json.member("resources", decision.resources);
    json.member("framework_id", decision.framework_id.value);
    json.member("role", decision.role);
    json.member("dominant_resource", decision.dominant_resource);
    json.member("role_share_before", decision.role_share_before);
    json.member("role_share_after", decision.role_share_after);
    json.member("framework_share_before", decision.framework_share_before);
    json.member("framework_share_after", decision.framework_share_after);
    json.key("passed_over").begin_array();
    for (const allocator::PassedOver& passed : decision.passed_over) {
      json.begin_object();
      json.member("framework_id", passed.framework_id.value);
      json.member("role", passed.role);
      json.member("reason", passed.reason);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace mesolith::master::http
