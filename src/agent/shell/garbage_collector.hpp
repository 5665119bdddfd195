// SPDX-License-Identifier: Apache-2.0
// Looks through sandboxes and removes them on a thread of its own, one thing after the other; what
// comes of it are events, on the loop.
#pragma once

#include <functional>
#include <string>

#include "agent/core/effects.hpp"
#include "net/loop.hpp"
#include "net/pool.hpp"

namespace mesolith::agent {

class GarbageCollector {
 public:
  GarbageCollector(net::Loop& loop, std::string work_dir, std::function<void(Event)> on_event);

  void perform(const MeasureDisk& effect);
  void perform(const FindSandboxes& effect);
  void perform(const RemoveSandboxes& effect, const AgentId& agent_id);

 private:
  void submit(std::function<Event()> work);

  net::Loop& loop_;
  std::string work_dir_;
  std::function<void(Event)> on_event_;
  net::Pool pool_;
};

}  // namespace mesolith::agent
