// SPDX-License-Identifier: Apache-2.0
#include "sim/workloads/scenarios.hpp"

#include "base/rng.hpp"

namespace mesolith::sim {

Scenario small_faulty() {
  return {};
}

Scenario endings() {
  Scenario scenario;
  scenario.name = "endings";
  scenario.endings = true;
  scenario.frameworks = {{}, {"*", Behavior::demo, 1.5, 512}, {"*", Behavior::demo, 1, 2000}};
  return scenario;
}

Scenario demos(uint64_t seed) {
  Rng rng(seed);
  Scenario scenario;
  scenario.name = "demos";
  scenario.agents = 2;
  scenario.agent_cpus = 4;
  scenario.agent_mem_mb = 8'000;
  scenario.heartbeat_interval = std::chrono::seconds(2);
  scenario.endings = true;
  scenario.frameworks.clear();
  // Each takes one cpu, so that any can use what another's task leaves; for the last one memory is
  // what it has most of.
  for (int i = 0; i < 3; ++i) {
    const double steps = static_cast<double>(1 + rng.below(6));
    const double mem_mb = i == 2 ? 1800 + 200 * steps : 200 * steps;
    scenario.frameworks.push_back({"*", Behavior::demo, 1, mem_mb});
  }
  scenario.faults_to = std::chrono::seconds(16);
  scenario.launches_to = std::chrono::seconds(52);
  scenario.end = std::chrono::seconds(76);
  scenario.task_duration_max = std::chrono::seconds(4);
  scenario.check_shares = true;
  return scenario;
}

Scenario mixed(uint64_t seed) {
  switch (seed % 4) {
    case 0:
      return endings();
    case 1:
      return demos(seed);
    default:
      return small_faulty();
  }
}

Scenario reservations() {
  Scenario scenario;
  scenario.name = "reservations";
  scenario.agent_disk_mb = 1000;
  scenario.operations = true;
  return scenario;
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
  if (name == "endings") return endings();
  if (name == "demos") return demos(seed);
  if (name == "mixed") return mixed(seed);
  if (name == "reservations") return reservations();
  if (name == "fair_sharing") return fair_sharing(seed);
  if (name == "nsdi_replay") return nsdi_replay();
  return std::nullopt;
}

}  // namespace mesolith::sim
