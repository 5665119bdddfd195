// SPDX-License-Identifier: Apache-2.0
// Once the faults have stopped the cluster comes to rest: every agent registered, every framework
// subscribed and offered something, no task whose framework doesn't know what became of it, and
// nothing left over: no container, no unacknowledged update, no resource that is held by nobody.
#include <fmt/format.h>

#include <algorithm>

#include "model/task_state.hpp"
#include "sim/agent_node.hpp"
#include "sim/checkers/checker.hpp"
#include "sim/framework_node.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

class ConvergenceChecker : public Checker {
 public:
  explicit ConvergenceChecker(const World& world) : world_(world) {}

  const char* name() const override { return "convergence"; }
  Complaint at_end() override;

 private:
  Complaint agent(const AgentNode& node) const;
  Complaint framework(const FrameworkNode& node) const;
  bool ended(const FrameworkId& id) const;
  Complaint task(const TaskKey& key, const TaskRecord& record) const;
  Complaint leftovers() const;

  const World& world_;
};

Complaint ConvergenceChecker::agent(const AgentNode& node) const {
  if (!node.up()) return node.name() + " is not up";
  if (!node.state().registered) return node.name() + " is not registered";
  const auto& agents = world_.master().state().agents;
  const auto found = agents.find(node.state().id);
  if (found == agents.end()) return node.name() + " is not known to the master";
  if (!found->second.connected || !found->second.active) {
    return node.name() + " is not connected and active at the master";
  }
  if (!node.containers().all().empty()) {
    return fmt::format("{} still has container {}", node.name(),
                       node.containers().all().begin()->first.value);
  }
  if (!node.state().updates.empty()) {
    return fmt::format("{} still has an unacknowledged update of task {}", node.name(),
                       node.state().updates.begin()->first.second.value);
  }
  if (!node.state().frameworks.empty()) {
    return fmt::format("{} still has framework {}", node.name(),
                       node.state().frameworks.begin()->first.value);
  }
  for (const auto& [key, value] : node.disk().durable()) {
    if (key != "agent" && key != "resources") return node.name() + " still keeps " + key;
  }
  return {};
}

Complaint ConvergenceChecker::framework(const FrameworkNode& node) const {
  for (const FrameworkId& id : node.ended()) {
    if (world_.master().state().frameworks.contains(id)) {
      return "the master still has framework " + id.value + " of " + node.name() + ", which ended";
    }
  }
  if (node.over() && !node.up()) return {};
  if (!node.up()) return node.name() + " is not up";
  if (node.state().phase != frameworks::driver::Phase::subscribed) {
    return node.name() + " is not subscribed";
  }
  const auto& frameworks = world_.master().state().frameworks;
  const auto found = frameworks.find(node.framework_id());
  if (found == frameworks.end()) return node.name() + " is not known to the master";
  if (!found->second.connected || !found->second.active) {
    return node.name() + " is not connected and active at the master";
  }
  for (const auto& [id, task] : found->second.tasks) {
    return fmt::format("the master still has task {} of {} in {}", id.value, node.name(),
                       mesos::v1::TaskState_Name(task.proto.state()));
  }
  for (const auto& [agent, executors] : found->second.executors) {
    for (const auto& [id, executor] : executors) {
      return fmt::format("the master still has executor {} on {}", id.value, agent.value);
    }
  }
  if (node.last_offers() < world_.start + world_.scenario.faults_to) {
    return node.name() + " has had no offer since the faults stopped";
  }
  return {};
}

bool ConvergenceChecker::ended(const FrameworkId& id) const {
  return std::ranges::any_of(world_.frameworks(),
                             [&](const auto& node) { return node->ended().contains(id); });
}

// Of whose framework nothing more is told, and what ran where an agent was ended for good.
Complaint ConvergenceChecker::task(const TaskKey& key, const TaskRecord& record) const {
  for (const ContainerRecord& container : record.containers) {
    if (!container.ended) return "task " + key.second.value + " still runs on " + container.agent;
  }
  if (ended(key.first)) return {};
  if (record.told.empty()) return "nothing was ever told of task " + key.second.value;
  const Told& last = record.told.back();
  const bool told =
      std::ranges::any_of(record.told, [](const Told& each) { return is_definite(each.state); });
  if (told || model::is_terminal(last.state) || last.state == mesos::v1::TASK_UNKNOWN) return {};
  if (record.agent_left && last.state == mesos::v1::TASK_UNREACHABLE) return {};
  return fmt::format("task {} is in limbo: the last that was told of it is {}", key.second.value,
                     mesos::v1::TaskState_Name(last.state));
}

Complaint ConvergenceChecker::leftovers() const {
  const master::State& state = world_.master().state();
  std::map<std::string, model::Quantities> offered;
  for (const FrameworkPlan& plan : world_.scenario.frameworks) offered[plan.role];
  for (const auto& [id, offer] : state.offers) offered[offer.role] += offer.resources.quantities();
  for (const auto& [role, quantities] : offered) {
    const model::Quantities allocated = state.allocator.allocated(role).quantities();
    if (allocated != quantities) {
      return fmt::format("role {} holds {}, but nothing runs and {} are offered", role,
                         allocated.describe(), quantities.describe());
    }
  }
  return {};
}

Complaint ConvergenceChecker::at_end() {
  if (!world_.master().up() || !world_.master().state().recovered) {
    return "the master has not recovered";
  }
  for (const auto& node : world_.agents()) {
    if (Complaint complaint = agent(*node)) return complaint;
  }
  for (const auto& node : world_.frameworks()) {
    if (Complaint complaint = framework(*node)) return complaint;
  }
  for (const auto& [key, record] : world_.ledger) {
    if (record.requested == Time{}) continue;
    if (Complaint complaint = task(key, record)) return complaint;
  }
  return leftovers();
}

}  // namespace

std::unique_ptr<Checker> make_convergence_checker(const World& world) {
  return std::make_unique<ConvergenceChecker>(world);
}

}  // namespace mesolith::sim
