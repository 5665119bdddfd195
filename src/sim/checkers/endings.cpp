// SPDX-License-Identifier: Apache-2.0
// A framework that is torn down is gone at once: each connected agent where it had something is
// told, and nothing in the master's books is its own any more.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "sim/checkers/checker.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

class EndingsChecker : public Checker {
 public:
  explicit EndingsChecker(const World& world) : world_(world) {}

  const char* name() const override { return "endings"; }
  void before_master_step(const master::Event& event) override;
  Complaint after_master_step(const master::Event& event, const master::Effects& effects) override;

 private:
  Complaint books(const FrameworkId& id) const;

  const World& world_;
  std::set<master::StreamId> to_hear_;  // agents that have something of the framework
};

std::optional<FrameworkId> torn_down(const master::Event& event) {
  if (const auto* removed = std::get_if<master::FrameworkTornDown>(&event)) {
    return removed->framework_id;
  }
  const auto* called = std::get_if<master::FrameworkCalled>(&event);
  if (!called || called->call.type() != mesos::v1::scheduler::Call::TEARDOWN) return std::nullopt;
  return FrameworkId(called->call.framework_id().value());
}

void EndingsChecker::before_master_step(const master::Event& event) {
  to_hear_.clear();
  const auto id = torn_down(event);
  if (!id) return;
  for (const auto& [agent_id, agent] : world_.master().state().agents) {
    if (!agent.connected) continue;
    const auto first = agent.tasks.lower_bound({*id, TaskId()});
    const bool has_task = first != agent.tasks.end() && first->first == *id;
    if (has_task || agent.used.contains(*id)) to_hear_.insert(agent.stream);
  }
}

Complaint EndingsChecker::books(const FrameworkId& id) const {
  const master::State& state = world_.master().state();
  if (state.frameworks.contains(id)) return "framework " + id.value + " was torn down and is there";
  for (const auto& [agent_id, agent] : state.agents) {
    const auto first = agent.tasks.lower_bound({id, TaskId()});
    if (first != agent.tasks.end() && first->first == id) {
      return fmt::format("agent {} has task {} of framework {}, which was torn down",
                         agent_id.value, first->second.value, id.value);
    }
    if (agent.used.contains(id)) {
      return fmt::format("framework {} was torn down and uses {} on agent {}", id.value,
                         agent.used.at(id).quantities().describe(), agent_id.value);
    }
  }
  for (const auto& [offer_id, offer] : state.offers) {
    if (offer.framework_id != id) continue;
    return fmt::format("framework {} was torn down and has offer {}", id.value, offer_id.value);
  }
  return {};
}

Complaint EndingsChecker::after_master_step(const master::Event& event,
                                            const master::Effects& effects) {
  const auto id = torn_down(event);
  if (!id) return {};
  for (const master::Effect& effect : effects) {
    const auto* out = std::get_if<master::SendToAgent>(&effect);
    if (!out || out->event.type() != protocol::MasterEvent::SHUTDOWN_FRAMEWORK) continue;
    if (out->event.shutdown_framework().framework_id().value() == id->value) {
      to_hear_.erase(out->stream);
    }
  }
  if (!to_hear_.empty()) {
    return fmt::format("framework {} was torn down, and the agent on stream {} is not told",
                       id->value, *to_hear_.begin());
  }
  return books(*id);
}

}  // namespace

std::unique_ptr<Checker> make_endings_checker(const World& world) {
  return std::make_unique<EndingsChecker>(world);
}

}  // namespace mesolith::sim
