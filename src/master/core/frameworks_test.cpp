// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "master/core/test_cluster.hpp"

namespace mesolith::master {
namespace {

using namespace std::chrono_literals;
using SchedulerEvent = TestCluster::SchedulerEvent;
using MasterEvent = TestCluster::MasterEvent;
using Call = TestCluster::Call;

TEST(FrameworksTest, IdsCountUpAndTheHeartbeatFollowsAtOnceAndEvery15Seconds) {
  TestCluster cluster;
  const auto first = cluster.subscribe(TestCluster::info("a"));
  const auto second = cluster.subscribe(TestCluster::info("b"));
  EXPECT_EQ(first.id, cluster.state.master_id + "-0000");
  EXPECT_EQ(second.id, cluster.state.master_id + "-0001");
  EXPECT_EQ(cluster.taken(first.stream, SchedulerEvent::HEARTBEAT).size(), 1u);
  cluster.advance(45s);
  EXPECT_EQ(cluster.taken(first.stream, SchedulerEvent::HEARTBEAT).size(), 3u);
}

TEST(FrameworksTest, NothingIsServedBeforeTheIncarnationIsDurable) {
  State state(Options{}, 1, Time(1s));
  Effects effects;
  step(state, Time(1s), RegistryRecovered{}, effects);
  ASSERT_EQ(effects.size(), 1u);
  const uint64_t ticket = std::get<Persist>(effects[0]).ticket;
  EXPECT_FALSE(state.recovered);
  step(state, Time(1s), RegistryPersisted{ticket}, effects);
  EXPECT_TRUE(state.recovered);
}

TEST(FrameworksTest, AResubscriptionTakesOverWithoutRescindingToTheOld) {
  TestCluster cluster;
  cluster.add_agent();
  auto info = TestCluster::info("a", true, 60);
  const auto old = cluster.subscribe(info);
  const auto offer = cluster.offer(old);
  info.mutable_id()->set_value(old.id);
  info.set_user("other");
  info.set_name("renamed");
  const auto now = cluster.subscribe(info);
  EXPECT_EQ(now.id, old.id);
  const auto errors = cluster.taken(old.stream, SchedulerEvent::ERROR);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].error().message(), "Framework failed over");
  EXPECT_TRUE(cluster.closed(old.stream));
  EXPECT_TRUE(cluster.taken(old.stream, SchedulerEvent::RESCIND).empty());
  EXPECT_NE(cluster.offer(now).id().value(), offer.id().value());
  const auto& kept = cluster.state.frameworks.at(FrameworkId(old.id)).info;
  EXPECT_EQ(kept.user(), "root");
  EXPECT_EQ(kept.name(), "renamed");
}

TEST(FrameworksTest, AnotherPrincipalIsRefusedAndTheFrameworkGoesOn) {
  TestCluster cluster;
  auto info = TestCluster::info("a", true, 60);
  info.set_principal("one");
  const auto framework = cluster.subscribe(info);
  info.mutable_id()->set_value(framework.id);
  info.set_principal("two");
  const auto refused = cluster.subscribe(info);
  EXPECT_EQ(cluster.taken(refused.stream, SchedulerEvent::ERROR).size(), 1u);
  EXPECT_TRUE(cluster.closed(refused.stream));
  EXPECT_TRUE(cluster.state.frameworks.at(FrameworkId(framework.id)).connected);
}

TEST(FrameworksTest, ALostConnectionWaitsForTheFailoverTimeoutAndARemovedIdIsRefused) {
  TestCluster cluster;
  const auto agent = cluster.add_agent();
  auto info = TestCluster::info("a", true, 10);
  const auto framework = cluster.subscribe(info);
  cluster.accept(framework, cluster.offer(framework), {TestCluster::task("t", agent.id)});
  cluster.step(StreamClosed{framework.stream});
  cluster.advance(9s);
  EXPECT_EQ(cluster.state.frameworks.size(), 1u);
  cluster.advance(2s);
  EXPECT_TRUE(cluster.state.frameworks.empty());
  EXPECT_EQ(cluster.taken(agent.stream, MasterEvent::SHUTDOWN_FRAMEWORK).size(), 1u);
  const auto& completed = cluster.state.completed_frameworks.back().framework;
  ASSERT_EQ(completed.completed_tasks.size(), 1u);
  EXPECT_EQ(completed.completed_tasks[0].state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(completed.id.value, framework.id);
  info.mutable_id()->set_value(framework.id);
  const auto refused = cluster.subscribe(info);
  const auto errors = cluster.taken(refused.stream, SchedulerEvent::ERROR);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].error().message(), "Framework has been removed");
}

TEST(FrameworksTest, TeardownFreesEverythingForOthers) {
  TestCluster cluster;
  const auto agent = cluster.add_agent();
  const auto framework = cluster.subscribe(TestCluster::info("a"));
  cluster.accept(framework, cluster.offer(framework), {TestCluster::task("t", agent.id, 3)}, 60);
  Call teardown;
  teardown.set_type(Call::TEARDOWN);
  cluster.call(framework, teardown);
  EXPECT_TRUE(cluster.closed(framework.stream));
  EXPECT_TRUE(cluster.taken(framework.stream, SchedulerEvent::UPDATE).empty());
  const auto other = cluster.subscribe(TestCluster::info("b"));
  double cpus = 0;
  for (const auto& resource : cluster.offer(other).resources()) {
    if (resource.name() == "cpus") cpus = resource.scalar().value();
  }
  EXPECT_EQ(cpus, 4);
}

TEST(FrameworksTest, SuppressOfARoleNotSubscribedIsDropped) {
  TestCluster cluster;
  const auto framework = cluster.subscribe(TestCluster::info("a"));
  Call suppress;
  suppress.set_type(Call::SUPPRESS);
  suppress.mutable_suppress()->add_roles("*");
  suppress.mutable_suppress()->add_roles("not-mine");
  cluster.call(framework, suppress);
  cluster.add_agent();
  EXPECT_NO_FATAL_FAILURE(cluster.offer(framework));
}

TEST(FrameworksTest, TheRoleWhitelistIsKept) {
  Options options;
  options.role_whitelist = {"allowed"};
  TestCluster cluster(options);
  const auto refused = cluster.subscribe(TestCluster::info("a"));
  EXPECT_EQ(cluster.taken(refused.stream, SchedulerEvent::ERROR).size(), 1u);
}

}  // namespace
}  // namespace mesolith::master
