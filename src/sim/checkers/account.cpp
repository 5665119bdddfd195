// SPDX-License-Identifier: Apache-2.0
// A demo's account is true: what its report says of its tasks is what it asked for and was told,
// the master's record of them says the same, and no more of them ran than it launched. It ends as
// it should: in time, and with the exit status that its tasks deserve.
#include <fmt/format.h>

#include <algorithm>

#include "frameworks/drf_demo/core/report.hpp"
#include "model/task_state.hpp"
#include "sim/checkers/checker.hpp"
#include "sim/framework_node.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

namespace drf_demo = frameworks::drf_demo;

// What a demo promises to wait for at most: kills or the longest task, then TEARDOWN's answer.
constexpr Duration end_patience = std::chrono::seconds(12);

struct Tally {
  drf_demo::Counts counts;
  uint64_t unfinished = 0;
};

const Told* end_of(const TaskRecord& record) {
  const auto found = std::ranges::find_if(
      record.told, [](const Told& each) { return model::is_terminal(each.state); });
  return found == record.told.end() ? nullptr : &*found;
}

void count(Tally& tally, const TaskRecord& record) {
  ++tally.counts.launched;
  const Told* end = end_of(record);
  if (!end) {
    ++tally.unfinished;
  } else if (end->state == mesos::v1::TASK_FINISHED) {
    ++tally.counts.finished;
  } else if (end->state == mesos::v1::TASK_KILLED) {
    ++tally.counts.killed;
  } else if (end->state == mesos::v1::TASK_DROPPED) {
    ++tally.counts.dropped;
  } else {
    ++tally.counts.failed;
  }
}

std::string text(const drf_demo::Counts& counts, uint64_t unfinished) {
  return fmt::format("{} launched: {} finished, {} failed, {} killed, {} dropped, {} left",
                     counts.launched, counts.finished, counts.failed, counts.killed, counts.dropped,
                     unfinished);
}

class AccountChecker : public Checker {
 public:
  explicit AccountChecker(const World& world) : world_(world) {}

  const char* name() const override { return "account"; }
  Complaint after_master_step(const master::Event& event, const master::Effects&) override;
  Complaint demo_leaves(const FrameworkNode& node, const drf_demo::State& state) override;
  Complaint demo_ends(const FrameworkNode& node, const drf_demo::State& state,
                      const DemoEnd& end) override;
  Complaint at_end() override;

 private:
  template <class Fn>
  void for_each_task(const FrameworkId& id, Fn fn) const {
    for (auto task = world_.ledger.lower_bound({id, TaskId()});
         task != world_.ledger.end() && task->first.first == id; ++task) {
      if (task->second.requested != Time{}) fn(task->first.second, task->second);
    }
  }

  const World& world_;
  std::map<FrameworkId, std::string> left_;  // what was counted when it asked to be removed
};

Complaint AccountChecker::demo_leaves(const FrameworkNode& node, const drf_demo::State& state) {
  Tally tally;
  for_each_task(node.framework_id(),
                [&](const TaskId&, const TaskRecord& record) { count(tally, record); });
  const std::string told = text(tally.counts, tally.unfinished);
  const std::string counted = text(state.counts, state.tasks.size());
  left_[node.framework_id()] = counted;
  if (told == counted) return {};
  return fmt::format("{} counts {}; what it asked for and was told is {}", node.name(), counted,
                     told);
}

Complaint AccountChecker::demo_ends(const FrameworkNode& node, const drf_demo::State& state,
                                    const DemoEnd& end) {
  const auto complain = [&](const std::string& what) { return node.name() + what; };
  if (!left_.contains(node.framework_id())) {
    if (Complaint complaint = demo_leaves(node, state)) return complaint;
  }
  const drf_demo::Run run = *drf_demo::make_report(state, world_.now()).run;
  const std::string reported = text(run.counts, run.unfinished);
  if (reported != left_.at(node.framework_id())) {
    return complain(fmt::format(" reports {}, and counted {} when it left", reported,
                                left_.at(node.framework_id())));
  }
  const uint64_t ended =
      run.counts.finished + run.counts.failed + run.counts.killed + run.counts.dropped;
  if (run.counts.launched != ended + run.unfinished) {
    return complain(" reports sums that do not add up: " + reported);
  }
  const int deserved = run.counts.failed > 0 || end.aborted ? 1 : 0;
  if (end.exit_status != deserved) {
    return complain(fmt::format(" exits with {} after {}", end.exit_status, reported));
  }
  Duration patience = end_patience;
  if (state.options.wait_for_tasks) patience += state.options.duration_max;
  if (state.ended != never && world_.now() > state.ended + patience) {
    return complain(fmt::format(" took {:.3f} s to end", to_seconds(world_.now() - state.ended)));
  }
  return {};
}

// The master's last word on each task of a framework that is removed.
Complaint AccountChecker::after_master_step(const master::Event& event, const master::Effects&) {
  const auto* called = std::get_if<master::FrameworkCalled>(&event);
  if (!called || called->call.type() != mesos::v1::scheduler::Call::TEARDOWN) return {};
  const auto& completed = world_.master().state().completed_frameworks;
  const FrameworkId id(called->call.framework_id().value());
  if (completed.empty() || completed.back().framework.id != id) return {};
  for (const auto& task : completed.back().framework.completed_tasks) {
    const auto found = world_.ledger.find({id, TaskId(task.task_id().value())});
    if (found == world_.ledger.end() || found->second.requested == Time{}) {
      return "the master had task " + task.task_id().value() + ", which nobody asked for";
    }
    const Told* end = end_of(found->second);
    if (!end || !is_definite(end->state) || end->state == task.state()) continue;
    return fmt::format("the master's last word on task {} is {}; its framework was told {}",
                       task.task_id().value(), mesos::v1::TaskState_Name(task.state()),
                       mesos::v1::TaskState_Name(end->state));
  }
  return {};
}

Complaint AccountChecker::at_end() {
  for (const auto& node : world_.frameworks()) {
    if (node->plan().behavior != Behavior::demo) continue;
    if (node->up()) return node->name() + " has not ended";
    if (node->ended().empty()) return node->name() + " never ran";
    for (const FrameworkId& id : node->ended()) {
      Complaint complaint;
      for_each_task(id, [&](const TaskId& task, const TaskRecord& record) {
        const Told* end = end_of(record);
        if (!end || record.containers.empty()) return;
        if (end->state != mesos::v1::TASK_DROPPED) return;
        complaint = "task " + task.value + " was told dropped, and ran";
      });
      if (complaint) return complaint;
    }
  }
  return {};
}

}  // namespace

std::unique_ptr<Checker> make_account_checker(const World& world) {
  return std::make_unique<AccountChecker>(world);
}

}  // namespace mesolith::sim
