// SPDX-License-Identifier: Apache-2.0
// Durable before visible: an agent that is told it is subscribed is in the registry's store; a task
// of a framework that checkpoints is in the agent's store before its container is launched, and an
// update before the master hears of it.
#include <fmt/format.h>

#include "mesolith/checkpoint.pb.h"
#include "mesolith/registry.pb.h"
#include "sim/agent_node.hpp"
#include "sim/checkers/checker.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

class DurabilityChecker : public Checker {
 public:
  explicit DurabilityChecker(const World& world) : world_(world) {}

  const char* name() const override { return "durability"; }
  Complaint after_master_step(const master::Event&, const master::Effects& effects) override;
  Complaint after_agent_step(const AgentNode& agent, const agent::Event&,
                             const agent::Effects& effects) override;

 private:
  Complaint launched(const AgentNode& agent, const ContainerId& id) const;
  Complaint updated(const AgentNode& agent, const protocol::AgentCall::Update& update) const;
  static bool checkpoints(const AgentNode& agent, const FrameworkId& id);

  const World& world_;
};

Complaint DurabilityChecker::after_master_step(const master::Event&,
                                               const master::Effects& effects) {
  for (const master::Effect& effect : effects) {
    const auto* out = std::get_if<master::SendToAgent>(&effect);
    if (!out || out->event.type() != protocol::MasterEvent::SUBSCRIBED) continue;
    const std::string& id = out->event.subscribed().agent_id().value();
    const Disk::Records& records = world_.master().disk().durable();
    const auto found = records.find("agent/" + id);
    registry::Agent agent;
    if (found == records.end() || !agent.ParseFromString(found->second)) {
      return "agent " + id + " is told that it is subscribed and is not in the registry";
    }
    if (agent.standing() != registry::Agent::ADMITTED) {
      return "agent " + id + " is told that it is subscribed and is not admitted in the registry";
    }
  }
  return {};
}

bool DurabilityChecker::checkpoints(const AgentNode& agent, const FrameworkId& id) {
  const auto found = agent.state().frameworks.find(id);
  return found != agent.state().frameworks.end() && found->second.checkpoint;
}

Complaint DurabilityChecker::launched(const AgentNode& agent, const ContainerId& id) const {
  if (agent.state().probes.contains(id)) return {};
  const auto owner = agent.state().containers.find(id);
  if (owner == agent.state().containers.end()) {
    return agent.name() + " launches container " + id.value + " for nobody";
  }
  const auto& [framework_id, executor_id, task_id] = owner->second;
  if (!checkpoints(agent, framework_id)) return {};
  const std::string key = task_id.empty()
                              ? "executor/" + framework_id.value + "/" + executor_id.value
                              : "task/" + framework_id.value + "/" + task_id.value;
  if (agent.disk().durable().contains(key)) return {};
  return agent.name() + " launches " + key + ", which is not durable";
}

Complaint DurabilityChecker::updated(const AgentNode& agent,
                                     const protocol::AgentCall::Update& update) const {
  const FrameworkId framework_id(update.framework_id().value());
  if (!checkpoints(agent, framework_id)) return {};
  // Of a task that the agent never had it may have spoken before it knew the framework, and so not
  // known that it checkpoints; if that is lost, the master asks again.
  const auto stream =
      agent.state().updates.find({framework_id, TaskId(update.status().task_id().value())});
  if (stream != agent.state().updates.end() && !stream->second.checkpoint &&
      update.status().source() == mesos::v1::TaskStatus::SOURCE_AGENT) {
    return {};
  }
  const std::string key = "updates/" + framework_id.value + "/" + update.status().task_id().value();
  const auto found = agent.disk().durable().find(key);
  checkpoint::Updates updates;
  if (found != agent.disk().durable().end() && updates.ParseFromString(found->second)) {
    for (const auto& status : updates.pending()) {
      if (status.uuid() == update.status().uuid()) return {};
    }
  }
  return fmt::format("{} tells the master {} of {}, which is not durable", agent.name(),
                     mesos::v1::TaskState_Name(update.status().state()), key);
}

Complaint DurabilityChecker::after_agent_step(const AgentNode& agent, const agent::Event&,
                                              const agent::Effects& effects) {
  for (const agent::Effect& effect : effects) {
    Complaint complaint;
    if (const auto* launch = std::get_if<agent::LaunchContainer>(&effect)) {
      complaint = launched(agent, launch->container_id);
    } else if (const auto* out = std::get_if<agent::SendToMaster>(&effect);
               out && out->call.type() == protocol::AgentCall::UPDATE) {
      complaint = updated(agent, out->call.update());
    }
    if (complaint) return complaint;
  }
  return {};
}

}  // namespace

std::unique_ptr<Checker> make_durability_checker(const World& world) {
  return std::make_unique<DurabilityChecker>(world);
}

}  // namespace mesolith::sim
