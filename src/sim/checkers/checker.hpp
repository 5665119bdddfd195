// SPDX-License-Identifier: Apache-2.0
// A checker holds one promise: it is told of everything that happens in a world and says, in one
// sentence, when the promise is broken. Checkers change nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/core/effects.hpp"
#include "frameworks/drf_demo/core/drf_demo.hpp"
#include "master/core/effects.hpp"
#include "master/core/events.hpp"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "sim/ledger.hpp"

namespace mesolith::sim {

class World;
class AgentNode;
class FrameworkNode;

// What is wrong, if something is.
using Complaint = std::optional<std::string>;

struct DemoEnd {
  int exit_status = 0;
  bool aborted = false;  // the driver gave up, or the master sent it away
};

class Checker {
 public:
  virtual ~Checker() = default;
  virtual const char* name() const = 0;

  virtual void before_master_step(const master::Event&) {}
  // After the step, before its effects are carried out.
  virtual Complaint after_master_step(const master::Event&, const master::Effects&) { return {}; }
  virtual Complaint after_agent_step(const AgentNode&, const agent::Event&, const agent::Effects&) {
    return {};
  }
  // The ledger already holds what these are about.
  virtual Complaint container_started(const AgentNode&, const TaskKey&) { return {}; }
  virtual Complaint told(const FrameworkNode&, const TaskKey&) { return {}; }
  // Says what it has counted: just before it asks for its framework's removal, and at its end.
  virtual Complaint demo_leaves(const FrameworkNode&, const frameworks::drf_demo::State&) {
    return {};
  }
  virtual Complaint demo_ends(const FrameworkNode&, const frameworks::drf_demo::State&,
                              const DemoEnd&) {
    return {};
  }
  virtual Complaint quiet_from_now() { return {}; }  // the faults have stopped
  virtual Complaint at_end() { return {}; }
};

std::unique_ptr<Checker> make_durability_checker(const World& world);
std::unique_ptr<Checker> make_resources_checker(const World& world);
std::unique_ptr<Checker> make_single_run_checker(const World& world);
std::unique_ptr<Checker> make_updates_checker(const World& world);
std::unique_ptr<Checker> make_shares_checker(World& world);
std::unique_ptr<Checker> make_endings_checker(const World& world);
std::unique_ptr<Checker> make_account_checker(const World& world);
std::unique_ptr<Checker> make_convergence_checker(const World& world);

}  // namespace mesolith::sim
