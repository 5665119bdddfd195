// SPDX-License-Identifier: Apache-2.0
// The promise over crashes: whatever instant the agent is killed at, each task that the master has
// sent ends in exactly one terminal state, and nothing is left behind. A small world around the
// core: a launcher that outlives it, a disk that forgets what was not synced, a master that
// reconciles. The seed of a failure is in its message.
#include <deque>

#include "agent/core/fixture_test.hpp"
#include "base/log.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using protocol::AgentCall;
using protocol::MasterEvent;

class World {
 public:
  explicit World(uint64_t seed) : seed_(seed), rng_(seed), core_(fresh()) { restart(); }

  void run() {
    for (int i = 0; i < 400; ++i) act();
    while (!done() && rounds_ < 20'000) {
      ++rounds_;
      if (persists_.empty() && updates_.empty() && launches_.empty()) {
        const auto running = launcher_;
        for (const auto& [id, container] : running) end(id);
        repeat_ends();
        core_->now += std::chrono::minutes(2);
        step(Tick{});
      }
      finish_one();
    }
    EXPECT_TRUE(done()) << "seed " << seed_;
    for (const auto& [task, ends] : ends_) EXPECT_EQ(ends.size(), 1u) << task << " seed " << seed_;
    EXPECT_TRUE(core_->state.updates.empty()) << "seed " << seed_;
    EXPECT_TRUE(core_->state.timers.empty()) << "seed " << seed_;
    EXPECT_TRUE(core_->state.retries.empty()) << "seed " << seed_;
  }

 private:
  struct Container {
    std::string task;
    std::optional<int> status;
  };

  std::unique_ptr<Core> fresh() {
    return std::make_unique<Core>(Core::default_options(), ++lives_);
  }

  bool done() {
    const bool all_ended =
        std::ranges::all_of(tasks_, [&](const auto& id) { return has_ended(id); });
    return all_ended && launcher_.empty() && disk_.size() == 1 && persists_.empty();
  }
  bool has_ended(const std::string& id) { return ends_.contains(id) && !live_.contains(id); }

  void act() {
    const uint64_t dice = rng_.below(100);
    if (dice < 12 && core_->state.registered) {
      const std::string id = "t" + std::to_string(tasks_.size());
      tasks_.push_back(id);
      live_.insert(id);
      MasterEvent event;
      event.set_type(MasterEvent::LAUNCH);
      *event.mutable_launch()->mutable_framework() = core_->framework(true, true);
      *event.mutable_launch()->add_tasks() = Core::task(id);
      master(event);
    } else if (dice < 17 && !tasks_.empty()) {
      const std::string id = tasks_[rng_.below(tasks_.size())];
      if (!live_.contains(id) || !core_->state.registered) return;
      MasterEvent event;
      event.set_type(MasterEvent::KILL);
      event.mutable_kill()->mutable_framework_id()->set_value("F");
      event.mutable_kill()->mutable_task_id()->set_value(id);
      master(event);
    } else if (dice < 22) {
      crash();
    } else if (dice < 25) {
      repeat_ends();
    } else if (dice < 40 && !launcher_.empty()) {
      auto each = launcher_.begin();
      std::advance(each, rng_.below(launcher_.size()));
      end(each->first);
    } else if (dice < 50) {
      core_->now += std::chrono::seconds(rng_.below(15));
      step(Tick{});
    } else {
      finish_one();
    }
  }

  // One thing that is under way comes to its end.
  void finish_one() {
    const uint64_t dice = rng_.below(3);
    if (dice == 0 && !persists_.empty()) {
      const Persist change = persists_.front();
      persists_.pop_front();
      for (const auto& [key, bytes] : change.puts) disk_[key] = bytes;
      for (const auto& key : change.deletes) disk_.erase(key);
      step(Persisted{change.ticket});
    } else if (dice == 1 && !updates_.empty()) {
      const auto update = updates_.front();
      updates_.pop_front();
      MasterEvent event;
      event.set_type(MasterEvent::ACKNOWLEDGE);
      event.mutable_acknowledge()->mutable_framework_id()->set_value("F");
      *event.mutable_acknowledge()->mutable_task_id() = update.task_id();
      event.mutable_acknowledge()->set_uuid(update.uuid());
      if (model::is_terminal(update.state())) live_.erase(update.task_id().value());
      master(event);
    } else if (!launches_.empty()) {
      const ContainerId id = launches_.front();
      launches_.pop_front();
      if (launcher_.contains(id)) step(ContainerLaunched{id, 100});
    }
  }

  void end(const ContainerId& ended) {
    const ContainerId id = ended;  // the caller's may go with its container
    Container& container = launcher_.at(id);
    if (container.status) return;
    container.status = exit_status(static_cast<int>(rng_.below(2)));
    exited_.insert(container.task);
    step(ContainerExited{id, *container.status});
  }
  void repeat_ends() {
    const auto listed = launcher_;
    for (const auto& [id, container] : listed) {
      if (container.status) step(ContainerExited{id, *container.status});
    }
  }

  void crash() {
    persists_.clear();
    updates_.clear();
    launches_.clear();
    const Time now = core_->now;
    core_ = fresh();
    core_->now = now;
    restart();
  }
  void restart() {
    Recovered event;
    event.records.assign(disk_.begin(), disk_.end());
    for (const auto& [id, container] : launcher_) {
      event.containers.push_back({id, 100, container.status, std::nullopt});
    }
    step(event);
    step(MasterDetected{});
    core_->now = core_->state.subscribe_at;
    step(Tick{});
  }

  void master(MasterEvent event) {
    step(MasterEventReceived{core_->state.connection, std::move(event)});
  }
  void subscribed(const AgentCall::Subscribe& subscribe) {
    std::set<std::string> listed;
    for (const auto& task : subscribe.tasks()) listed.insert(task.task_id().value());
    MasterEvent event;
    event.set_type(MasterEvent::SUBSCRIBED);
    event.mutable_subscribed()->mutable_agent_id()->set_value("M-S0");
    event.mutable_subscribed()->mutable_master_info()->set_id("M");
    event.mutable_subscribed()->set_ping_timeout_total_seconds(1e6);
    auto* reconcile = event.mutable_subscribed()->add_reconcile();
    reconcile->mutable_framework_id()->set_value("F");
    for (const std::string& id : live_) {
      if (!listed.contains(id)) reconcile->add_task_ids()->set_value(id);
    }
    master(event);
  }

  // As a shell does: an event waits until the effects of the one before are carried out.
  void step(const Event& event) {
    waiting_.push_back(event);
    if (stepping_) return;
    stepping_ = true;
    while (!waiting_.empty()) {
      const Event next = std::move(waiting_.front());
      waiting_.pop_front();
      Effects effects;
      agent::step(core_->state, core_->now, next, effects);
      for (const Effect& effect : effects) carry_out(effect);
    }
    stepping_ = false;
  }
  void carry_out(const Effect& effect) {
    if (const auto* out = std::get_if<SubscribeToMaster>(&effect)) {
      updates_.clear();
      subscribed(out->call.subscribe());
    } else if (const auto* out = std::get_if<SendToMaster>(&effect)) {
      if (out->call.type() != AgentCall::UPDATE) return;
      const auto& status = out->call.update().status();
      updates_.push_back(status);
      if (model::is_terminal(status.state())) {
        // What the launcher knows must not be guessed.
        const bool guessed = status.reason() == mesos::v1::TaskStatus::REASON_EXECUTOR_TERMINATED &&
                             status.has_reason();
        EXPECT_FALSE(guessed && exited_.contains(status.task_id().value())) << "seed " << seed_;
        // An agent that lost all of a framework cannot know what it is capable of.
        const bool lost = status.state() == mesos::v1::TASK_LOST;
        ends_[status.task_id().value()].insert(lost ? mesos::v1::TASK_DROPPED : status.state());
      }
    } else if (const auto* out = std::get_if<LaunchContainer>(&effect)) {
      launcher_[out->container_id].task = out->environment.at("MESOS_EXECUTOR_ID");
      launches_.push_back(out->container_id);
    } else if (const auto* out = std::get_if<DestroyContainer>(&effect)) {
      const auto found = launcher_.find(out->container_id);
      if (found != launcher_.end()) end(found->first);
    } else if (const auto* out = std::get_if<AcknowledgeContainer>(&effect)) {
      launcher_.erase(out->container_id);
    } else if (const auto* out = std::get_if<Persist>(&effect)) {
      persists_.push_back(*out);
    } else if (const auto* out = std::get_if<Exit>(&effect)) {
      ADD_FAILURE() << out->message << " seed " << seed_;
    }
  }

  uint64_t seed_;
  uint64_t lives_ = 0;
  Rng rng_;
  std::unique_ptr<Core> core_;
  std::map<std::string, std::string> disk_;
  std::map<ContainerId, Container> launcher_;
  std::deque<Persist> persists_;
  std::deque<mesos::v1::TaskStatus> updates_;
  std::deque<ContainerId> launches_;
  std::deque<Event> waiting_;
  bool stepping_ = false;
  std::vector<std::string> tasks_;
  std::set<std::string> live_;  // whose terminal update the scheduler has not acknowledged
  std::map<std::string, std::set<int>> ends_;
  std::set<std::string> exited_;  // tasks whose container has ended at the launcher
  int rounds_ = 0;
};

TEST(Crash, EveryTaskEndsOnce) {
  log::set_level(log::Level::off);
  for (uint64_t seed = 1; seed <= 60 && !testing::Test::HasFailure(); ++seed) World(seed).run();
}

}  // namespace
}  // namespace mesolith::agent
