// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a simulated world, by its dice, until the scenario's faults_to: processes
// crash and come back, the network parts, breaks and lingers, disks turn slow. Where the scenario
// has endings an operator also stops masters and agents, agents for good, and removes frameworks.
// Everything it takes away it gives back by then.
#pragma once

#include "base/time.hpp"
#include "sim/network.hpp"

namespace mesolith::sim {

class AgentNode;
class World;

class Faults {
 public:
  explicit Faults(World& world) : world_(world) {}

  void begin();
  // Everything is well from now on: partitions healed, disks fast, processes up.
  void end();

 private:
  Duration up_to(double seconds);
  void next();
  void make_one();
  void crash_master();
  void crash_agent();
  void crash_framework();
  void partition(NodeId node);  // from the master
  void slow_disk();

  void end_one();
  void restart_master();  // after a while
  void restart(AgentNode& agent);
  void remove_framework();

  World& world_;
  bool over_ = false;
};

}  // namespace mesolith::sim
