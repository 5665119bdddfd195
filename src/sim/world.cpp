// SPDX-License-Identifier: Apache-2.0
#include "sim/world.hpp"

#include "base/log.hpp"
#include "sim/agent_node.hpp"
#include "sim/faults.hpp"
#include "sim/framework_node.hpp"
#include "sim/master_node.hpp"

namespace mesolith::sim {
namespace {

// Any moment will do; not zero, so that a time that was never set shows.
constexpr Time first_moment{std::chrono::seconds(1'000'000)};

}  // namespace

World::World(Scenario given, uint64_t seed, Trace::Sink sink)
    : scenario(std::move(given)),
      start(first_moment),
      rng(seed),
      schedule(first_moment),
      network(schedule, rng),
      trace(std::move(sink)) {
  master_ = std::make_unique<MasterNode>(*this);
  for (uint32_t i = 0; i < scenario.agents; ++i) {
    agents_.push_back(std::make_unique<AgentNode>(*this, i));
  }
  for (uint32_t i = 0; i < scenario.frameworks.size(); ++i) {
    frameworks_.push_back(std::make_unique<FrameworkNode>(*this, i, scenario.frameworks[i]));
  }
  checkers_.push_back(make_durability_checker(*this));
  if (scenario.check_every_step) checkers_.push_back(make_resources_checker(*this));
  checkers_.push_back(make_single_run_checker(*this));
  checkers_.push_back(make_updates_checker(*this));
  if (scenario.check_shares) checkers_.push_back(make_shares_checker(*this));
  checkers_.push_back(make_endings_checker(*this));
  checkers_.push_back(make_account_checker(*this));
  checkers_.push_back(make_convergence_checker(*this));
}

World::~World() = default;

void World::fail(const std::string& checker, const std::string& message) {
  if (failure_) return;
  failure_ = Failure{checker, message, now()};
  trace.note(now(), "FAILURE", checker, message, [&] { return message; });
}

void World::calm_down() {
  quiet_ = true;
  trace.note(now(), "quiet", "world");
  check([](Checker& each) { return each.quiet_from_now(); });
}

Outcome World::run() {
  Faults faults(*this);
  if (scenario.faults) faults.begin();
  schedule.at(start + scenario.faults_to, [this] { calm_down(); });
  master_->start();
  for (const auto& agent : agents_) {
    schedule.after(std::chrono::milliseconds(rng.below(500)), [&agent] {
      if (!agent->up()) agent->start();
    });
  }
  for (const auto& framework : frameworks_) {
    schedule.after(std::chrono::milliseconds(rng.below(1000)), [&framework] {
      if (!framework->up()) framework->start();
    });
  }
  while (!failed() && schedule.run_next(start + scenario.end)) {
  }
  check([](Checker& each) { return each.at_end(); });
  Outcome outcome;
  outcome.hash = trace.hash();
  outcome.happenings = trace.happenings();
  outcome.failure = failure_;
  outcome.faults = faults_made;
  for (const auto& [task, record] : ledger) {
    outcome.tasks_launched += record.containers.size();
    for (const Told& told : record.told) {
      if (told.state == mesos::v1::TASK_FINISHED && !told.uuid.empty()) {
        ++outcome.tasks_finished;
      }
    }
  }
  return outcome;
}

Outcome simulate(const Scenario& scenario, uint64_t seed, Trace::Sink sink) {
  log::set_level(log::Level::off);
  return World(scenario, seed, std::move(sink)).run();
}

}  // namespace mesolith::sim
