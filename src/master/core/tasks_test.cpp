// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "master/core/test_cluster.hpp"

namespace mesolith::master {
namespace {

using namespace std::chrono_literals;
using SchedulerEvent = TestCluster::SchedulerEvent;
using MasterEvent = TestCluster::MasterEvent;
using Call = TestCluster::Call;
using mesos::v1::TaskStatus;

class TasksTest : public testing::Test {
 protected:
  void start(bool partition_aware = true) {
    agent_ = cluster_.add_agent();
    framework_ = cluster_.subscribe(TestCluster::info("f", partition_aware, 60));
  }
  void launch(const std::string& id) {
    cluster_.accept(framework_, cluster_.offer(framework_), {TestCluster::task(id, agent_.id)});
  }
  void acknowledge(const std::string& id, const std::string& uuid = "0123456789abcdef") {
    Call call;
    call.set_type(Call::ACKNOWLEDGE);
    call.mutable_acknowledge()->mutable_agent_id()->set_value(agent_.id);
    call.mutable_acknowledge()->mutable_task_id()->set_value(id);
    call.mutable_acknowledge()->set_uuid(uuid);
    cluster_.call(framework_, call);
  }
  TaskStatus reconcile(const std::string& id, const std::string& agent = "") {
    Call call;
    call.set_type(Call::RECONCILE);
    auto& task = *call.mutable_reconcile()->add_tasks();
    task.mutable_task_id()->set_value(id);
    if (!agent.empty()) task.mutable_agent_id()->set_value(agent);
    cluster_.call(framework_, call);
    return cluster_.status(framework_);
  }
  Framework& framework() { return cluster_.state.frameworks.at(FrameworkId(framework_.id)); }

  TestCluster cluster_;
  TestCluster::Agent agent_;
  TestCluster::Framework framework_;
};

TEST_F(TasksTest, ALaunchGoesToTheAgentInOneMessageAndSendsNoUpdate) {
  start();
  cluster_.accept(framework_, cluster_.offer(framework_),
                  {TestCluster::task("a", agent_.id), TestCluster::task("b", agent_.id)});
  const auto launches = cluster_.taken(agent_.stream, MasterEvent::LAUNCH);
  ASSERT_EQ(launches.size(), 1u);
  ASSERT_EQ(launches[0].launch().tasks_size(), 2);
  EXPECT_EQ(launches[0].launch().tasks(0).resources(0).allocation_info().role(), "*");
  EXPECT_TRUE(cluster_.taken(framework_.stream, SchedulerEvent::UPDATE).empty());
  EXPECT_EQ(framework().tasks.at(TaskId("a")).proto.state(), mesos::v1::TASK_STAGING);
}

TEST_F(TasksTest, InvalidOffersAreReturnedAndTheTaskIsDroppedOrLost) {
  for (const bool aware : {true, false}) {
    TestCluster cluster;
    const auto agent = cluster.add_agent();
    const auto framework = cluster.subscribe(TestCluster::info("f", aware));
    auto offer = cluster.offer(framework);
    cluster.accept(framework, offer, {});
    offer = cluster.offer(framework);
    auto stale = offer;
    stale.mutable_id()->set_value("no-such-offer");
    cluster.accept(framework, stale, {TestCluster::task("t", agent.id)});
    const TaskStatus status = cluster.status(framework);
    EXPECT_EQ(status.state(), aware ? mesos::v1::TASK_DROPPED : mesos::v1::TASK_LOST);
    EXPECT_EQ(status.reason(), TaskStatus::REASON_INVALID_OFFERS);
    EXPECT_EQ(status.source(), TaskStatus::SOURCE_MASTER);
    EXPECT_FALSE(status.has_uuid());
    EXPECT_EQ(status.message(),
              "Task launched with invalid offers: Offer no-such-offer is no longer valid");
  }
}

TEST_F(TasksTest, AnOfferOfAnotherFrameworkStaysWithIt) {
  start();
  const auto offer = cluster_.offer(framework_);
  const auto thief = cluster_.subscribe(TestCluster::info("thief"));
  cluster_.accept(thief, offer, {TestCluster::task("t", agent_.id)});
  EXPECT_EQ(cluster_.status(thief).reason(), TaskStatus::REASON_INVALID_OFFERS);
  EXPECT_TRUE(cluster_.state.offers.contains(OfferId(offer.id().value())));
}

TEST_F(TasksTest, ABadTaskGetsAnErrorAndTheOthersGoOn) {
  start();
  auto bad = TestCluster::task("bad", agent_.id);
  bad.clear_command();
  cluster_.accept(framework_, cluster_.offer(framework_),
                  {bad, TestCluster::task("good", agent_.id)});
  const TaskStatus status = cluster_.status(framework_);
  EXPECT_EQ(status.task_id().value(), "bad");
  EXPECT_EQ(status.state(), mesos::v1::TASK_ERROR);
  EXPECT_EQ(status.reason(), TaskStatus::REASON_TASK_INVALID);
  EXPECT_TRUE(framework().tasks.contains(TaskId("good")));
}

TEST_F(TasksTest, DuplicateIdsWrongAgentsAndTooMuchAreRefused) {
  start();
  launch("t");
  cluster_.taken(agent_.stream, MasterEvent::LAUNCH);
  launch("t");
  EXPECT_EQ(cluster_.status(framework_).message(), "Task has duplicate ID: t");
  cluster_.accept(framework_, cluster_.offer(framework_), {TestCluster::task("u", "elsewhere")});
  EXPECT_NE(cluster_.status(framework_).message().find("invalid agent elsewhere"),
            std::string::npos);
  cluster_.accept(framework_, cluster_.offer(framework_), {TestCluster::task("v", agent_.id, 99)});
  EXPECT_NE(cluster_.status(framework_).message().find("is more than available"),
            std::string::npos);
  EXPECT_TRUE(cluster_.taken(agent_.stream, MasterEvent::LAUNCH).empty());
}

TEST_F(TasksTest, ATerminalUpdateFreesTheResourcesAndTheAcknowledgementTheTask) {
  start();
  launch("t");
  cluster_.update(agent_, framework_, "t", mesos::v1::TASK_FINISHED);
  EXPECT_EQ(cluster_.status(framework_).state(), mesos::v1::TASK_FINISHED);
  EXPECT_TRUE(framework().used.empty());
  EXPECT_TRUE(framework().tasks.contains(TaskId("t")));
  acknowledge("t", "another uuid ...");
  EXPECT_TRUE(framework().tasks.contains(TaskId("t")));
  acknowledge("t");
  EXPECT_FALSE(framework().tasks.contains(TaskId("t")));
  EXPECT_EQ(framework().completed_tasks.size(), 1u);
  EXPECT_EQ(cluster_.taken(agent_.stream, MasterEvent::ACKNOWLEDGE).size(), 2u);
}

TEST_F(TasksTest, EqualStatesOverwriteAndDataIsNotKept) {
  start();
  launch("t");
  cluster_.update(agent_, framework_, "t", mesos::v1::TASK_RUNNING, "0123456789abcdef");
  cluster_.update(agent_, framework_, "t", mesos::v1::TASK_RUNNING, "fedcba9876543210");
  EXPECT_EQ(framework().tasks.at(TaskId("t")).proto.statuses_size(), 1);
}

TEST_F(TasksTest, ReconciliationAnswersByTheTable) {
  start();
  launch("t");
  EXPECT_EQ(reconcile("t").state(), mesos::v1::TASK_STAGING);
  EXPECT_EQ(reconcile("x").state(), mesos::v1::TASK_UNKNOWN);
  EXPECT_EQ(reconcile("x", agent_.id).state(), mesos::v1::TASK_GONE);
  EXPECT_EQ(reconcile("x", "nobody").state(), mesos::v1::TASK_UNKNOWN);
  const TaskStatus status = reconcile("t");
  EXPECT_EQ(status.reason(), TaskStatus::REASON_RECONCILIATION);
  EXPECT_FALSE(status.has_uuid());
}

TEST_F(TasksTest, WithoutPartitionAwareUnknownTasksAreLost) {
  start(false);
  EXPECT_EQ(reconcile("x").state(), mesos::v1::TASK_LOST);
  EXPECT_EQ(reconcile("x", agent_.id).state(), mesos::v1::TASK_LOST);
}

TEST_F(TasksTest, KillGoesToTheAgentNowOrWhenItReturns) {
  start();
  launch("t");
  Call kill;
  kill.set_type(Call::KILL);
  kill.mutable_kill()->mutable_task_id()->set_value("t");
  cluster_.call(framework_, kill);
  EXPECT_EQ(cluster_.taken(agent_.stream, MasterEvent::KILL).size(), 1u);
  cluster_.step(StreamClosed{agent_.stream});
  cluster_.call(framework_, kill);
  auto again = cluster_.agent_subscribe("10.0.0.2:5051");
  again.mutable_subscribe()->mutable_agent_info()->mutable_id()->set_value(agent_.id);
  *again.mutable_subscribe()->add_tasks() = framework().tasks.at(TaskId("t")).proto;
  *again.mutable_subscribe()->add_frameworks() = framework().info;
  cluster_.step(AgentSubscribing{99, "uuid-99", "", again});
  EXPECT_EQ(cluster_.taken(99, MasterEvent::KILL).size(), 1u);
}

}  // namespace
}  // namespace mesolith::master
