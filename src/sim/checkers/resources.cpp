// SPDX-License-Identifier: Apache-2.0
// No resource is lost or made, offered or used twice: whatever is reserved or made a volume of, an
// agent has as much as it was started with; on each agent, what is offered and what tasks hold is
// never more than the agent has, in the master's books; and the containers that really run on it
// never use more either. Offers as sent are the offers in the books. What a removed framework still
// runs counts no more: as in Apache Mesos its resources are free at once, while agents end its
// tasks.
#include <fmt/format.h>

#include <set>

#include "sim/agent_node.hpp"
#include "sim/checkers/checker.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

class ResourcesChecker : public Checker {
 public:
  explicit ResourcesChecker(const World& world) : world_(world) {}

  const char* name() const override { return "resources"; }
  Complaint after_master_step(const master::Event& event, const master::Effects& effects) override;
  Complaint after_agent_step(const AgentNode& agent, const agent::Event& event,
                             const agent::Effects& effects) override;
  Complaint at_end() override;
  Complaint container_started(const AgentNode& agent, const TaskKey& task) override;

 private:
  model::Quantities started_with() const;  // any agent
  Complaint books() const;
  Complaint places() const;
  Complaint shares() const;
  Complaint sent(const master::SendToFramework& out) const;

  const World& world_;
};

Complaint ResourcesChecker::books() const {
  const master::State& state = world_.master().state();
  for (const auto& [id, agent] : state.agents) {
    if (agent.total.quantities() != started_with()) {
      return fmt::format("agent {} has {} in the master's books", id.value, agent.total.describe());
    }
    model::Resources taken;
    for (const OfferId& offer : agent.offers) {
      const auto found = state.offers.find(offer);
      if (found == state.offers.end()) return "agent " + id.value + " has an unknown offer";
      taken += found->second.resources.unallocated();
    }
    for (const auto& [framework_id, task_id] : agent.tasks) {
      if (world_.removed_frameworks.contains(framework_id)) continue;  // by a master before
      const auto framework = state.frameworks.find(framework_id);
      if (framework == state.frameworks.end()) continue;
      const auto task = framework->second.tasks.find(task_id);
      if (task == framework->second.tasks.end()) {
        return "agent " + id.value + " has task " + task_id.value + ", its framework has not";
      }
      if (task->second.holds_resources) taken += task->second.resources.unallocated();
    }
    if (!agent.total.contains(taken)) {
      return fmt::format("agent {} has {}, of which {} are offered or used", id.value,
                         agent.total.describe(), taken.describe());
    }
  }
  return {};
}

model::Quantities ResourcesChecker::started_with() const {
  return world_.agents().empty() ? model::Quantities() : world_.agents().front()->total();
}

Complaint ResourcesChecker::after_agent_step(const AgentNode& agent, const agent::Event&,
                                             const agent::Effects&) {
  if (agent.state().exited || agent.state().total.quantities() == agent.total()) return {};
  return agent.name() + " has become " + agent.state().total.describe();
}

// Master and agent agree at last, and everything told has been acknowledged.
Complaint ResourcesChecker::at_end() {
  const master::State& state = world_.master().state();
  for (const auto& node : world_.agents()) {
    if (!node->up()) continue;
    const auto known = state.agents.find(node->state().id);
    if (known == state.agents.end() || !known->second.connected) continue;
    if (known->second.total != node->state().total) {
      return fmt::format("{} has {}, but the master believes {}", node->name(),
                         node->state().total.describe(), known->second.total.describe());
    }
    if (!known->second.operations.empty() || !node->state().operations.empty()) {
      return node->name() + " has operations whose outcome nobody acknowledged";
    }
  }
  return {};
}

// What a framework has it has on agents that there are.
Complaint ResourcesChecker::places() const {
  const master::State& state = world_.master().state();
  for (const auto& [id, framework] : state.frameworks) {
    for (const auto& [agent_id, used] : framework.used) {
      if (state.agents.contains(agent_id)) continue;
      return fmt::format("framework {} uses {} on agent {}, which is not there", id.value,
                         used.quantities().describe(), agent_id.value);
    }
    for (const auto& [agent_id, executors] : framework.executors) {
      if (state.agents.contains(agent_id)) continue;
      return fmt::format("framework {} has executor {} on agent {}, which is not there", id.value,
                         executors.begin()->first.value, agent_id.value);
    }
    for (const auto& [task_id, task] : framework.tasks) {
      if (state.agents.contains(AgentId(task.proto.agent_id().value()))) continue;
      return fmt::format("task {} is on agent {}, which is not there", task_id.value,
                         task.proto.agent_id().value());
    }
  }
  return {};
}

// What the allocator counts for the roles is what is offered and what tasks and executors hold.
Complaint ResourcesChecker::shares() const {
  const master::State& state = world_.master().state();
  model::Quantities held, counted;
  std::set<std::string> roles;
  for (const auto& [id, framework] : state.frameworks) {
    roles.insert(framework.roles.begin(), framework.roles.end());
    for (const auto& [task_id, task] : framework.tasks) {
      if (task.holds_resources) held += task.resources.quantities();
    }
    for (const auto& [agent, executors] : framework.executors) {
      for (const auto& [executor_id, executor] : executors) {
        const auto resources = model::Resources::parse(executor.resources());
        if (resources) held += resources->quantities();
      }
    }
  }
  for (const auto& [id, offer] : state.offers) held += offer.resources.quantities();
  for (const std::string& role : roles) counted += state.allocator.allocated(role).quantities();
  if (held == counted) return {};
  return fmt::format("{} are offered or held, but the allocator counts {}", held.describe(),
                     counted.describe());
}

Complaint ResourcesChecker::sent(const master::SendToFramework& out) const {
  const master::State& state = world_.master().state();
  for (const auto& offer : out.event.offers().offers()) {
    const auto found = state.offers.find(OfferId(offer.id().value()));
    if (found == state.offers.end()) return "offer " + offer.id().value() + " is sent and void";
    const auto resources = model::Resources::parse(offer.resources());
    if (!resources || resources->quantities() != found->second.resources.quantities()) {
      return "offer " + offer.id().value() + " does not say what it holds";
    }
    const auto to = state.framework_streams.find(out.stream);
    if (to == state.framework_streams.end() || to->second != found->second.framework_id) {
      return "offer " + offer.id().value() + " is sent to another framework than it is for";
    }
  }
  return {};
}

Complaint ResourcesChecker::after_master_step(const master::Event&,
                                              const master::Effects& effects) {
  bool offered = false;
  for (const master::Effect& effect : effects) {
    const auto* out = std::get_if<master::SendToFramework>(&effect);
    if (!out || out->event.type() != mesos::v1::scheduler::Event::OFFERS) continue;
    offered = true;
    if (Complaint complaint = sent(*out)) return complaint;
  }
  if (Complaint complaint = places()) return complaint;
  // What is taken grows by offers only.
  if (!offered) return {};
  if (Complaint complaint = books()) return complaint;
  return shares();
}

Complaint ResourcesChecker::container_started(const AgentNode& agent, const TaskKey& task) {
  model::Quantities used;
  for (const auto& [id, container] : agent.containers().all()) {
    if (container.exit_status || !container.sized) continue;
    if (!world_.removed_frameworks.contains(container.task.first)) used += container.uses;
  }
  if (agent.total().contains(used)) return {};
  return fmt::format("the containers on {} use {} with task {}, which is more than {}",
                     agent.name(), used.describe(), task.second.value, agent.total().describe());
}

}  // namespace

std::unique_ptr<Checker> make_resources_checker(const World& world) {
  return std::make_unique<ResourcesChecker>(world);
}

}  // namespace mesolith::sim
