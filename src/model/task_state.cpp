// SPDX-License-Identifier: Apache-2.0
#include "model/task_state.hpp"

namespace mesolith::model {

using mesos::v1::TaskState;

bool is_terminal(TaskState state) {
  switch (state) {
    case mesos::v1::TASK_FINISHED:
    case mesos::v1::TASK_FAILED:
    case mesos::v1::TASK_KILLED:
    case mesos::v1::TASK_ERROR:
    case mesos::v1::TASK_LOST:
    case mesos::v1::TASK_DROPPED:
    case mesos::v1::TASK_GONE:
    case mesos::v1::TASK_GONE_BY_OPERATOR:
      return true;
    case mesos::v1::TASK_STAGING:
    case mesos::v1::TASK_STARTING:
    case mesos::v1::TASK_RUNNING:
    case mesos::v1::TASK_KILLING:
    case mesos::v1::TASK_UNREACHABLE:
    case mesos::v1::TASK_UNKNOWN:
      return false;
  }
  return false;
}

bool may_follow(TaskState from, TaskState to) {
  if (is_terminal(from)) return false;
  if (from == to || is_terminal(to)) return true;
  if (to == mesos::v1::TASK_UNREACHABLE || to == mesos::v1::TASK_UNKNOWN) return true;
  // The agent has come back with the task in whatever state it reached.
  if (from == mesos::v1::TASK_UNREACHABLE || from == mesos::v1::TASK_UNKNOWN) return true;
  const auto rank = [](TaskState state) {
    switch (state) {
      case mesos::v1::TASK_STAGING:
        return 0;
      case mesos::v1::TASK_STARTING:
        return 1;
      case mesos::v1::TASK_RUNNING:
        return 2;
      default:
        return 3;  // TASK_KILLING
    }
  };
  return rank(from) < rank(to);
}

bool needs_partition_aware(TaskState state) {
  switch (state) {
    case mesos::v1::TASK_DROPPED:
    case mesos::v1::TASK_UNREACHABLE:
    case mesos::v1::TASK_GONE:
    case mesos::v1::TASK_GONE_BY_OPERATOR:
    case mesos::v1::TASK_UNKNOWN:
      return true;
    default:
      return false;
  }
}

TaskState told_state(TaskState state, bool partition_aware) {
  return needs_partition_aware(state) && !partition_aware ? mesos::v1::TASK_LOST : state;
}

const std::string& name_of(TaskState state) {
  return mesos::v1::TaskState_Name(state);
}

std::optional<TaskState> task_state_named(std::string_view name) {
  TaskState state;
  if (!mesos::v1::TaskState_Parse(std::string(name), &state)) return std::nullopt;
  return state;
}

}  // namespace mesolith::model
