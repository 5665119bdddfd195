// SPDX-License-Identifier: Apache-2.0
// A simulated framework: the driver's core that ships, and a workload on top of it. After a crash
// it takes its framework up again by the id it had, if its workload is one that remembers it, and
// after its framework has ended it begins a new one. A process that is turned away because an
// earlier one's subscription arrived after its own is started again by its supervisor.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>

#include "frameworks/driver/core/driver.hpp"
#include "sim/record_session.hpp"
#include "sim/timer.hpp"
#include "sim/workload.hpp"

namespace mesolith::sim {

class World;

class FrameworkNode {
 public:
  FrameworkNode(World& world, uint32_t number, const FrameworkPlan& plan);

  // Nothing happens when its workload is over.
  void start();
  void crash();
  // Its framework has ended, and the process with it.
  void end();
  // Somebody asked the master to remove the framework that it has now.
  void expect_removal() { removal_expected_ = true; }
  bool removal_expected() const { return removal_expected_; }
  bool over() const { return workload_->over(); }
  bool up() const { return state_ != nullptr; }
  // CHECKs up().
  const frameworks::driver::State& state() const;
  NodeId node() const { return node_; }
  const std::string& name() const { return name_; }
  // Empty until first subscribed; the same from then on, until it ends.
  const FrameworkId& framework_id() const { return framework_id_; }
  // Those before, which have ended.
  const std::set<FrameworkId>& ended() const { return ended_; }
  const FrameworkPlan& plan() const { return plan_; }
  const mesos::v1::FrameworkInfo& info() const { return info_; }
  Time last_offers() const { return last_offers_; }

  // By the workload. Dropped while the process is down.
  void call(mesos::v1::scheduler::Call call);
  // Runs `action` later, unless the process has gone by then.
  void later(Duration wait, Schedule::Action action);

 private:
  void go_down();
  void step(frameworks::driver::Event event);
  void perform(frameworks::driver::Effect& effect);
  void perform(const frameworks::driver::Connect& connect);
  void perform(const frameworks::driver::Disconnect&) { session_.reset(); }
  void perform(const frameworks::driver::Send& send);
  void perform(const frameworks::driver::Deliver& deliver);
  void perform(const frameworks::driver::Disconnected& disconnected);
  void perform(const frameworks::driver::Abort& abort);
  void record_request(const mesos::v1::scheduler::Call& call);
  void record_launch(const mesos::v1::TaskInfo& task, const std::string& group);
  void record_update(const mesos::v1::TaskStatus& status);

  World& world_;
  const NodeId node_;
  const std::string name_;
  const FrameworkPlan plan_;
  const wire::Media media_;
  Timer timer_;
  std::unique_ptr<Workload> workload_;
  mesos::v1::FrameworkInfo info_;
  FrameworkId framework_id_;
  std::set<FrameworkId> ended_;
  bool removal_expected_ = false;
  std::unique_ptr<frameworks::driver::State> state_;
  std::unique_ptr<RecordSession> session_;
  std::deque<frameworks::driver::Event> waiting_;  // came while a step was carried out
  bool stepping_ = false;
  uint64_t life_ = 0;
  Time last_offers_{};
  uint32_t starts_ = 0;
};

}  // namespace mesolith::sim
