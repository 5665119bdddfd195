// SPDX-License-Identifier: Apache-2.0
// What one peer may ask for is bounded, and what is beyond the bound is refused by name.
#include <gtest/gtest.h>

#include "master/core/test_cluster.hpp"

namespace mesolith::master {
namespace {

using Call = TestCluster::Call;
using SchedulerEvent = TestCluster::SchedulerEvent;
using MasterEvent = TestCluster::MasterEvent;

TEST(LimitsTest, ALaunchOfTooManyTasksIsRefusedTaskByTask) {
  Options options;
  options.tasks_per_launch_max = 2;
  TestCluster cluster(options);
  const auto agent = cluster.add_agent();
  const auto framework = cluster.subscribe(TestCluster::info("a"));
  std::vector<mesos::v1::TaskInfo> tasks;
  for (const char* id : {"t1", "t2", "t3"}) tasks.push_back(TestCluster::task(id, agent.id));
  cluster.accept(framework, cluster.offer(framework), tasks);
  const auto refused = cluster.taken(framework.stream, SchedulerEvent::UPDATE);
  ASSERT_EQ(refused.size(), 3u);
  for (const SchedulerEvent& event : refused) {
    EXPECT_EQ(event.update().status().state(), mesos::v1::TASK_ERROR);
    EXPECT_EQ(event.update().status().message(),
              "A LAUNCH may hold at most 2 tasks, this one holds 3");
  }
  tasks.pop_back();
  cluster.accept(framework, cluster.offer(framework), tasks);
  EXPECT_TRUE(cluster.taken(framework.stream, SchedulerEvent::UPDATE).empty());
  int launched = 0;
  for (const MasterEvent& event : cluster.taken(agent.stream, MasterEvent::LAUNCH))
    launched += event.launch().tasks_size();
  EXPECT_EQ(launched, 2);
}

TEST(LimitsTest, AFrameworkTooManyIsToldAndTheOthersGoOn) {
  Options options;
  options.frameworks_max = 1;
  TestCluster cluster(options);
  auto info = TestCluster::info("a", true, 60);
  const auto first = cluster.subscribe(info);
  const auto second = cluster.subscribe(TestCluster::info("b"));
  EXPECT_EQ(second.id, "");
  const auto errors = cluster.taken(second.stream, SchedulerEvent::ERROR);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].error().message(), "The master serves no more than 1 frameworks");
  EXPECT_TRUE(cluster.closed(second.stream));
  EXPECT_FALSE(cluster.closed(first.stream));
  // One that is known already is not one more.
  info.mutable_id()->set_value(first.id);
  EXPECT_EQ(cluster.subscribe(info).id, first.id);
}

TEST(LimitsTest, AnAgentTooManyIsShutDown) {
  Options options;
  options.agents_max = 1;
  TestCluster cluster(options);
  const auto first = cluster.add_agent("10.0.0.2:5051");
  const auto second = cluster.add_agent("10.0.0.3:5051");
  EXPECT_NE(first.id, "");
  EXPECT_EQ(second.id, "");
  const auto told = cluster.taken(second.stream, MasterEvent::SHUTDOWN);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].shutdown().message(), "The master serves no more agents");
  EXPECT_EQ(cluster.state.agents.size(), 1u);
}

}  // namespace
}  // namespace mesolith::master
