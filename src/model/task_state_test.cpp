// SPDX-License-Identifier: Apache-2.0
#include "model/task_state.hpp"

#include <gtest/gtest.h>

namespace mesolith::model {
namespace {

using namespace mesos::v1;

std::vector<TaskState> all_states() {
  std::vector<TaskState> all;
  const auto* descriptor = TaskState_descriptor();
  for (int i = 0; i < descriptor->value_count(); ++i) {
    all.push_back(static_cast<TaskState>(descriptor->value(i)->number()));
  }
  return all;
}

TEST(TaskState, TerminalOnes) {
  std::set<TaskState> terminal;
  for (TaskState state : all_states()) {
    if (is_terminal(state)) terminal.insert(state);
  }
  EXPECT_EQ(terminal,
            (std::set<TaskState>{TASK_FINISHED, TASK_FAILED, TASK_KILLED, TASK_LOST, TASK_ERROR,
                                 TASK_DROPPED, TASK_GONE, TASK_GONE_BY_OPERATOR}));
}

TEST(TaskState, NothingFollowsAnEnd) {
  for (TaskState from : all_states()) {
    for (TaskState to : all_states()) {
      if (is_terminal(from)) EXPECT_FALSE(may_follow(from, to));
      if (!is_terminal(from) && is_terminal(to)) EXPECT_TRUE(may_follow(from, to));
    }
  }
  EXPECT_TRUE(may_follow(TASK_STAGING, TASK_RUNNING));
  EXPECT_TRUE(may_follow(TASK_RUNNING, TASK_RUNNING));
  EXPECT_FALSE(may_follow(TASK_RUNNING, TASK_STARTING));
  EXPECT_FALSE(may_follow(TASK_KILLING, TASK_RUNNING));
  EXPECT_TRUE(may_follow(TASK_UNREACHABLE, TASK_RUNNING));
  EXPECT_TRUE(may_follow(TASK_RUNNING, TASK_UNREACHABLE));
}

TEST(TaskState, OldFrameworksAreToldLost) {
  for (TaskState state : all_states()) {
    EXPECT_EQ(told_state(state, true), state);
    // 0.28.1 jars know the states 0 to 8 only (mesos-api.md 4.1).
    EXPECT_LE(told_state(state, false), TASK_KILLING);
    if (state <= TASK_KILLING) EXPECT_EQ(told_state(state, false), state);
  }
  EXPECT_EQ(told_state(TASK_UNREACHABLE, false), TASK_LOST);
}

TEST(TaskState, Names) {
  for (TaskState state : all_states()) EXPECT_EQ(task_state_named(name_of(state)), state);
  EXPECT_EQ(name_of(TASK_RUNNING), "TASK_RUNNING");
  EXPECT_EQ(task_state_named("TASK_DANCING"), std::nullopt);
}

}  // namespace
}  // namespace mesolith::model
