// SPDX-License-Identifier: Apache-2.0
// What a framework is told is what happened, and of how a task ended it is told in the end, once
// (repetitions carry the same uuid). What nobody saw end may be told as lost; that is no ending in
// this sense, and the truth may follow it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/checkers/checker.hpp"
#include "sim/framework_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

using mesos::v1::TaskState;

bool ended_with(const TaskRecord& record, int status) {
  return std::ranges::any_of(record.containers, [&](const ContainerRecord& each) {
    return each.ended && each.status == status;
  });
}

// Why this state cannot be true, if it cannot.
Complaint untrue(const TaskRecord& record, TaskState state) {
  const bool started = !record.containers.empty();
  switch (state) {
    case mesos::v1::TASK_STARTING:
    case mesos::v1::TASK_RUNNING:
      if (!started) return "no container of it was started";
      return {};
    case mesos::v1::TASK_FINISHED:
      if (!ended_with(record, 0)) return "no container of it ended with status 0";
      return {};
    case mesos::v1::TASK_FAILED:
      // An executor that dies takes along what it had not told.
      if (record.by_executor) return {};
      if (started && ended_with(record, 0)) return "its container ended with status 0";
      if (started && !record.containers.front().ended) return "its container runs";
      return {};
    case mesos::v1::TASK_KILLED:
    case mesos::v1::TASK_KILLING:
      // The rest of a group is killed when one of its tasks fails.
      if (!record.kill_requested && !record.agent_left && record.group.empty()) {
        return "nobody asked for its kill";
      }
      return {};
    case mesos::v1::TASK_ERROR:
      if (started) return "a container of it was started";
      return {};
    default:
      return {};
  }
}

class UpdatesChecker : public Checker {
 public:
  explicit UpdatesChecker(const World& world) : world_(world) {}

  const char* name() const override { return "updates"; }
  Complaint told(const FrameworkNode& framework, const TaskKey& task) override;
  Complaint at_end() override;

 private:
  const World& world_;
};

Complaint UpdatesChecker::told(const FrameworkNode& framework, const TaskKey& key) {
  const TaskRecord& record = world_.ledger.at(key);
  const Told& latest = record.told.back();
  const auto complain = [&](const std::string& why) {
    return fmt::format("{} is told {} of task {}, but {}", framework.name(),
                       mesos::v1::TaskState_Name(latest.state), key.second.value, why);
  };
  if (record.requested == Time{}) return complain("it never asked for that task");
  if (Complaint why = untrue(record, latest.state)) return complain(*why);
  if (!is_definite(latest.state)) return {};
  for (const Told& before : record.told) {
    if (!is_definite(before.state)) continue;
    if (before.state != latest.state) {
      return complain("was told " + mesos::v1::TaskState_Name(before.state) + " before");
    }
    if (!before.uuid.empty() && !latest.uuid.empty() && before.uuid != latest.uuid) {
      return complain("was told so before in another update");
    }
  }
  return {};
}

Complaint UpdatesChecker::at_end() {
  std::set<FrameworkId> ours;
  for (const auto& framework : world_.frameworks()) ours.insert(framework->framework_id());
  for (const auto& [key, record] : world_.ledger) {
    if (!record.checkpoint || !ours.contains(key.first)) continue;
    if (record.by_executor && !record.end_acknowledged) continue;
    if (record.agent_left) continue;
    const auto ended = std::ranges::find_if(
        record.containers, [](const ContainerRecord& each) { return each.ended.has_value(); });
    if (ended == record.containers.end()) continue;
    const bool told =
        std::ranges::any_of(record.told, [](const Told& each) { return is_definite(each.state); });
    if (!told) {
      return fmt::format(
          "the container of task {} ended on {} with status {}, and its framework "
          "was never told",
          key.second.value, ended->agent, ended->status);
    }
  }
  return {};
}

}  // namespace

std::unique_ptr<Checker> make_updates_checker(const World& world) {
  return std::make_unique<UpdatesChecker>(world);
}

}  // namespace mesolith::sim
