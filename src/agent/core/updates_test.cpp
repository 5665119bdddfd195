// SPDX-License-Identifier: Apache-2.0
#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Updates, RetryDoublesUpToTenMinutes) {
  Core core;
  core.start();
  core.launch(core.framework(), Core::task("t"));
  core.step(ContainerLaunched{core.one<LaunchContainer>()->container_id, 1});
  const TaskStatus first = core.last_update();
  core.state.ping_deadline = never;
  Duration expected = seconds(10);
  for (int i = 0; i < 8; ++i) {
    const Time sent = core.now;
    core.tick_at_deadline();
    EXPECT_EQ(core.now - sent, expected);
    ASSERT_EQ(core.updates().size(), 1u);
    EXPECT_EQ(core.last_update().uuid(), first.uuid());
    expected = std::min<Duration>(expected * 2, minutes(10));
  }
  EXPECT_EQ(expected, minutes(10));
  core.acknowledge(first);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_RUNNING);
}

TEST(Updates, WrongUuidIsIgnored) {
  Core core;
  core.start();
  core.launch(core.framework(), Core::task("t"));
  core.step(ContainerLaunched{core.one<LaunchContainer>()->container_id, 1});
  TaskStatus wrong = core.last_update();
  wrong.set_uuid(std::string(16, 'x'));
  core.acknowledge(wrong);
  EXPECT_TRUE(core.effects.empty());
}

TEST(Updates, PausedWhileDisconnectedAndFlushedOnRegistration) {
  Core core;
  core.start();
  const ContainerId id = core.run(core.framework(), Core::task("t"));
  core.step(MasterDisconnected{core.state.connection});
  core.step(ContainerExited{id, 0});
  EXPECT_TRUE(core.updates().empty());
  core.tick_at_deadline();
  const auto* subscribe = core.one<SubscribeToMaster>();
  ASSERT_NE(subscribe, nullptr);
  EXPECT_EQ(subscribe->call.agent_id().value(), "M-S0");
  ASSERT_EQ(subscribe->call.subscribe().tasks_size(), 1);
  EXPECT_EQ(subscribe->call.subscribe().tasks(0).state(), mesos::v1::TASK_FINISHED);
  EXPECT_EQ(subscribe->call.subscribe().tasks(0).status_update_state(), mesos::v1::TASK_RUNNING);
  EXPECT_FALSE(subscribe->call.subscribe().tasks(0).has_executor_id());
  EXPECT_EQ(subscribe->call.subscribe().frameworks_size(), 1);
  EXPECT_EQ(subscribe->call.subscribe().executors_size(), 0);
  core.connect();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FINISHED);
}

TEST(Updates, DurableBeforeVisible) {
  Core core;
  core.start();
  core.launch(core.framework(true), Core::task("t"));
  core.persisted();
  const ContainerId id = core.one<LaunchContainer>()->container_id;
  core.step(ContainerLaunched{id, 1});
  EXPECT_TRUE(core.updates().empty());
  core.persisted();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_STARTING);
  const TaskStatus starting = core.last_update();
  core.step(ContainerExited{id, 0});
  EXPECT_EQ(core.one<AcknowledgeContainer>(), nullptr);
  core.step(ContainerExited{id, 0});  // the launcher repeats itself
  EXPECT_TRUE(core.effects.empty());
  const uint64_t end = core.ticket;
  core.acknowledge(starting);  // RUNNING is durable, FINISHED is not yet
  EXPECT_EQ(core.updates().at(0).latest_state(), mesos::v1::TASK_RUNNING);
  core.step(Persisted{end});
  EXPECT_NE(core.one<AcknowledgeContainer>(), nullptr);
}

TEST(Updates, FinishedTaskLeavesNoRecord) {
  Core core;
  core.start();
  const ContainerId id = core.run(core.framework(true), Core::task("t"));
  EXPECT_TRUE(core.stored.contains("task/F/t"));
  EXPECT_TRUE(core.stored.contains("updates/F/t"));
  EXPECT_TRUE(core.stored.contains("executor/F/t"));
  EXPECT_TRUE(core.stored.contains("framework/F"));
  core.step(ContainerExited{id, 0});
  core.persisted();
  core.acknowledge(core.last_update());
  EXPECT_EQ(core.stored.size(), 1u);
  EXPECT_TRUE(core.stored.contains("agent"));
}

TEST(Updates, ReconcileOfUnknownTasks) {
  Core core;
  core.start();
  core.run(core.framework(false, true), Core::task("known"));
  core.step(MasterDisconnected{core.state.connection});
  core.tick_at_deadline();
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::SUBSCRIBED);
  event.mutable_subscribed()->mutable_agent_id()->set_value("M-S0");
  event.mutable_subscribed()->mutable_master_info()->set_id("M");
  event.mutable_subscribed()->set_ping_timeout_total_seconds(75);
  auto* reconcile = event.mutable_subscribed()->add_reconcile();
  reconcile->mutable_framework_id()->set_value("F");
  reconcile->add_task_ids()->set_value("known");
  reconcile->add_task_ids()->set_value("unknown");
  core.master(event);
  ASSERT_EQ(core.updates().size(), 1u);
  const TaskStatus status = core.last_update();
  EXPECT_EQ(status.task_id().value(), "unknown");
  EXPECT_EQ(status.state(), mesos::v1::TASK_DROPPED);
  EXPECT_EQ(status.reason(), TaskStatus::REASON_RECONCILIATION);
  EXPECT_EQ(status.message(), "Reconciliation: task unknown to the agent");
  core.acknowledge(status);
  EXPECT_EQ(core.state.updates.size(), 1u);
}

TEST(Registration, BacksOffAndWatchesPings) {
  Core core;
  core.recover_empty();
  EXPECT_EQ(next_deadline(core.state, core.now), core.state.garbage.watch_at);
  core.step(MasterDetected{});
  EXPECT_LE(next_deadline(core.state, core.now), core.now + seconds(1));
  core.tick_at_deadline();
  ASSERT_NE(core.one<SubscribeToMaster>(), nullptr);
  EXPECT_FALSE(core.one<SubscribeToMaster>()->call.has_agent_id());
  for (int i = 0; i < 10; ++i) {
    core.step(MasterDisconnected{core.state.connection});
    EXPECT_LE(next_deadline(core.state, core.now), core.now + minutes(1));
    core.tick_at_deadline();
    ASSERT_NE(core.one<SubscribeToMaster>(), nullptr);
  }
  EXPECT_EQ(core.state.backoff, Duration(minutes(1)));
  core.connect();
  EXPECT_TRUE(core.state.registered);
  EXPECT_EQ(core.state.info.id().value(), "M-S0");
  core.advance(seconds(70));
  protocol::MasterEvent ping;
  ping.set_type(protocol::MasterEvent::PING);
  core.master(ping);
  EXPECT_EQ(core.one<SendToMaster>()->call.type(), protocol::AgentCall::PONG);
  const Time last = core.now;
  core.tick_at_deadline();
  EXPECT_EQ(core.now - last, seconds(75));
  EXPECT_NE(core.one<SubscribeToMaster>(), nullptr);
  EXPECT_FALSE(core.state.registered);
}

TEST(Registration, EventsOfAnOldConnectionAreIgnored) {
  Core core;
  core.start();
  const uint64_t old = core.state.connection;
  core.step(MasterDetected{});
  protocol::MasterEvent ping;
  ping.set_type(protocol::MasterEvent::PING);
  core.step(MasterEventReceived{old, ping});
  EXPECT_TRUE(core.effects.empty());
  const Time before = core.state.subscribe_at;
  core.step(MasterDisconnected{old});
  EXPECT_EQ(core.state.subscribe_at, before);
}

}  // namespace
}  // namespace mesolith::agent
