// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/scenarios.hpp"

namespace mesolith::sim {

Scenario small_faulty() {
  return {};
}

Scenario fair_sharing(uint64_t seed) {
  Scenario scenario;
  scenario.name = "fair_sharing";
  scenario.agents = 4;
  scenario.agent_cpus = 6;
  scenario.frameworks = {{"alpha", Behavior::hungry}, {"beta", Behavior::hungry}};
  scenario.weights = {{"alpha", 1.0}, {"beta", static_cast<double>(2 + seed % 4)}};
  scenario.faults = false;
  scenario.faults_to = std::chrono::seconds(15);
  scenario.launches_to = std::chrono::seconds(75);
  scenario.end = std::chrono::seconds(90);
  scenario.task_duration_max = std::chrono::seconds(2);
  scenario.tasks_max = 0;
  scenario.check_shares = true;
  return scenario;
}

Scenario nsdi_replay() {
  Scenario scenario;
  scenario.name = "nsdi_replay";
  scenario.agents = 50'000;
  scenario.agent_ping_timeout = std::chrono::seconds(15);
  scenario.agent_cpus = 4;
  scenario.frameworks.clear();
  for (int i = 0; i < 200; ++i) {
    scenario.frameworks.push_back({"role-" + std::to_string(i), Behavior::hungry});
  }
  scenario.faults = false;
  scenario.faults_to = std::chrono::seconds(30);
  scenario.launches_to = std::chrono::seconds(60);
  scenario.end = std::chrono::seconds(150);
  scenario.task_duration_max = std::chrono::seconds(30);
  scenario.tasks_max = 0;
  scenario.check_every_step = false;
  return scenario;
}

std::optional<Scenario> scenario_named(std::string_view name, uint64_t seed) {
  if (name == "small_faulty") return small_faulty();
  if (name == "fair_sharing") return fair_sharing(seed);
  if (name == "nsdi_replay") return nsdi_replay();
  return std::nullopt;
}

}  // namespace mesolith::sim
