// SPDX-License-Identifier: Apache-2.0
// A simulated cluster: one clock, one seed, one queue, a network, and nodes that run the very cores
// that ship. The same scenario and seed give the same trace hash. A run ends at the scenario's end
// or at the first complaint of a checker.
//
// Nodes and the parts that they share live as long as the world; what waits in the queue for a
// process that has gone is dropped by the node.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "sim/checkers/checker.hpp"
#include "sim/ledger.hpp"
#include "sim/network.hpp"
#include "sim/scenario.hpp"
#include "sim/schedule.hpp"
#include "sim/trace.hpp"

namespace mesolith::sim {

class MasterNode;
class AgentNode;
class FrameworkNode;

struct Failure {
  std::string checker, message;
  Time when{};
};

struct Outcome {
  uint64_t hash = 0;
  uint64_t happenings = 0;
  std::optional<Failure> failure;
  uint64_t tasks_launched = 0, tasks_finished = 0, faults = 0;  // for those who watch
};

class World {
 public:
  World(Scenario scenario, uint64_t seed, Trace::Sink sink);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Outcome run();

  void fail(const std::string& checker, const std::string& message);
  bool failed() const { return failure_.has_value(); }
  // Each checker in turn: world.check([&](Checker& each) { return each.at_end(); }).
  template <class Ask>
  void check(Ask&& ask) {
    for (const auto& each : checkers_) {
      if (failed()) return;
      if (Complaint complaint = ask(*each)) fail(each->name(), *complaint);
    }
  }

  void before_master_step(const master::Event& event) {
    for (const auto& each : checkers_) each->before_master_step(event);
  }

  Time now() const { return schedule.now(); }
  bool launching() const { return now() < start + scenario.launches_to; }
  bool quiet() const { return quiet_; }

  const Scenario scenario;
  const Time start;
  Rng rng;
  Schedule schedule;
  Network network;
  Trace trace;
  Ledger ledger;
  std::set<FrameworkId> removed_frameworks;  // by a master, at any time
  uint64_t faults_made = 0;

  MasterNode& master() { return *master_; }
  const MasterNode& master() const { return *master_; }
  const std::vector<std::unique_ptr<AgentNode>>& agents() const { return agents_; }
  const std::vector<std::unique_ptr<FrameworkNode>>& frameworks() const { return frameworks_; }

 private:
  void calm_down();

  bool quiet_ = false;
  std::optional<Failure> failure_;
  std::unique_ptr<MasterNode> master_;
  std::vector<std::unique_ptr<AgentNode>> agents_;
  std::vector<std::unique_ptr<FrameworkNode>> frameworks_;
  std::vector<std::unique_ptr<Checker>> checkers_;
};

// One run from beginning to end.
Outcome simulate(const Scenario& scenario, uint64_t seed, Trace::Sink sink = {});

}  // namespace mesolith::sim
