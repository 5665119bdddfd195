// SPDX-License-Identifier: Apache-2.0
// A task runs once: the id of a task is never used again by these workloads, so no second container
// of it may ever start, on any agent, and none that nobody asked for.
#include "sim/agent_node.hpp"
#include "sim/checkers/checker.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

class SingleRunChecker : public Checker {
 public:
  explicit SingleRunChecker(const World& world) : world_(world) {}

  const char* name() const override { return "single_run"; }
  Complaint container_started(const AgentNode& agent, const TaskKey& task) override;

 private:
  const World& world_;
};

Complaint SingleRunChecker::container_started(const AgentNode& agent, const TaskKey& task) {
  const TaskRecord& record = world_.ledger.at(task);
  if (record.requested == Time{}) {
    return agent.name() + " runs task " + task.second.value + ", which nobody asked for";
  }
  if (record.containers.size() < 2) return {};
  return "task " + task.second.value + " was started on " + record.containers.front().agent +
         " and again on " + agent.name();
}

}  // namespace

std::unique_ptr<Checker> make_single_run_checker(const World& world) {
  return std::make_unique<SingleRunChecker>(world);
}

}  // namespace mesolith::sim
