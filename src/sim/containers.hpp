// SPDX-License-Identifier: Apache-2.0
// The simulated launcher of one agent and the containers it owns. It outlives the agent's process
// and keeps the exit status of a container until that is acknowledged. What a container does is in
// its command: "run <milliseconds> <exit code> <heeds|ignores>", the last saying whether SIGTERM
// ends it; or "sleep <seconds>".
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/effects.hpp"
#include "base/rng.hpp"
#include "model/quantities.hpp"
#include "sim/ledger.hpp"
#include "sim/schedule.hpp"

namespace mesolith::sim {

struct Program {
  Duration duration{};
  int exit_code = 0;
  bool heeds_sigterm = true;
};
std::string command_of(const Program& program);
// none: it cannot be executed.
std::optional<Program> program_of(const std::vector<std::string>& arguments);

class Containers {
 public:
  struct Container {
    TaskKey task;
    int64_t pid = 0;
    Program program;
    model::Quantities uses;
    bool sized = true;  // `uses` is what runs in it; false: what was meant to when it was asked for
    std::optional<int> exit_status;
    bool terminating = false;
    bool touched = false;  // signalled or destroyed
  };
  // Of a container that has ended; called at once.
  using OnExit = std::function<void(const ContainerId&, const Container&)>;

  Containers(Schedule& schedule, Rng& rng, OnExit on_exit)
      : schedule_(schedule), rng_(rng), on_exit_(std::move(on_exit)) {}

  int64_t spawn(const ContainerId& id, TaskKey task, const Program& program, model::Quantities uses,
                bool sized = true);
  void signal(const ContainerId& id, int signal);
  void destroy(const ContainerId& id);
  void acknowledge(const ContainerId& id);
  // It ends by itself, now.
  void exit(const ContainerId& id, int status) { end_after(id, Duration::zero(), status); }
  void resize(const ContainerId& id, model::Quantities uses);
  std::vector<agent::ContainerListing> listing() const;
  const std::map<ContainerId, Container>& all() const { return containers_; }

 private:
  void end_after(const ContainerId& id, Duration wait, int status);

  Schedule& schedule_;
  Rng& rng_;
  OnExit on_exit_;
  int64_t next_pid_ = 1000;
  std::map<ContainerId, Container> containers_;
};

}  // namespace mesolith::sim
