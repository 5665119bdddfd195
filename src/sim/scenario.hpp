// SPDX-License-Identifier: Apache-2.0
// What a simulated run is made of. Together with a seed it decides everything that happens.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace mesolith::sim {

// A bug that the simulator makes on purpose, outside the cores, to prove that a checker finds it.
enum class Plant {
  none,
  early_persist,         // a write is said to be durable before it is
  freed_twice,           // a task's resources are freed when it is launched
  started_twice,         // a container is started twice
  update_not_delivered,  // an update is acknowledged in the framework's name and dropped
  update_invented,       // a framework is told of an end that did not happen
  weights_ignored,       // the master is not told of the weights
  timer_lost,            // an agent that has restarted is never ticked
  teardown_unheard,      // an agent does not hear that a framework was torn down
  task_miscounted,       // a demo does not hear of the end of one of its tasks
};
std::optional<Plant> plant_named(std::string_view name);
std::string_view name_of(Plant plant);
const std::vector<Plant>& all_plants();  // but none

enum class Behavior {
  random,  // launches, kills, declines, suppresses at random
  hungry,  // launches as many equal tasks as it is offered room for
  demo,    // the core of frameworks/drf_demo; it ends on purpose and runs again
};

struct FrameworkPlan {
  std::string role = "default";
  Behavior behavior = Behavior::random;
  double cpus = 1, mem_mb = 128;  // of each task of the hungry and of demos
};

struct Scenario {
  std::string name = "small_faulty";
  uint32_t agents = 3;
  std::vector<FrameworkPlan> frameworks = {{}, {}};
  std::map<std::string, double> weights;
  double agent_cpus = 4, agent_mem_mb = 4096, agent_disk_mb = 0;
  bool operations = false;  // random frameworks reserve and make volumes
  bool faults = true;
  // Among the faults, agents, masters and frameworks also end on purpose, and come back.
  bool endings = false;
  Plant plant = Plant::none;
  Duration heartbeat_interval = std::chrono::seconds(3);  // five missed: the connection is lost
  // Three missed in a row make an agent unreachable.
  Duration agent_ping_timeout = std::chrono::seconds(2);

  // Faults happen from `faults_from` to `faults_to`; no task is launched from `launches_to` on; by
  // `end` everything must have come to rest.
  Duration faults_from = std::chrono::seconds(2);
  Duration faults_to = std::chrono::seconds(30);
  Duration launches_to = std::chrono::seconds(40);
  Duration end = std::chrono::seconds(62);
  Duration fault_interval = std::chrono::milliseconds(2500);  // on average

  // Of the tasks; for the hungry and for demos the mean.
  Duration task_duration_max = std::chrono::seconds(6);
  uint32_t tasks_max = 40;  // per framework; 0: no limit
  bool check_shares = false;
  bool check_every_step = true;  // the invariants of the master's state
};

}  // namespace mesolith::sim
