// SPDX-License-Identifier: Apache-2.0
// What a framework does with its driver. A workload outlives the framework's process, as one with a
// database of its own does: it knows the tasks it asked for.
#pragma once

#include <memory>
#include <string>

#include "mesos/v1/scheduler/scheduler.pb.h"
#include "sim/scenario.hpp"

namespace mesolith::sim {

class World;
class FrameworkNode;

class Workload {
 public:
  virtual ~Workload() = default;

  // Called once, before the first start.
  virtual mesos::v1::FrameworkInfo info() = 0;
  virtual void started() {}  // the process, for the first time or again
  virtual void on_event(const mesos::v1::scheduler::Event& event) = 0;
  virtual void on_disconnected(const std::string& reason) { (void)reason; }
  // The driver has given up. Whether that was to be expected: the node's framework has ended then.
  virtual bool on_aborted(const std::string& message) = 0;
  virtual void stopped() {}  // the process has gone
  // Whether a process that comes back takes up the framework that it had.
  virtual bool resumes() const { return true; }
  virtual bool over() const { return false; }  // it does not come back
};

// They keep references to both.
std::unique_ptr<Workload> make_random_workload(World& world, FrameworkNode& node,
                                               const FrameworkPlan& plan);
std::unique_ptr<Workload> make_demo_workload(World& world, FrameworkNode& node,
                                             const FrameworkPlan& plan);
std::unique_ptr<Workload> make_hungry_workload(World& world, FrameworkNode& node,
                                               const FrameworkPlan& plan);

}  // namespace mesolith::sim
