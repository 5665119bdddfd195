// SPDX-License-Identifier: Apache-2.0
#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;
using mesos::v1::executor::Call;
using ExecutorEvent = mesos::v1::executor::Event;
using std::chrono::minutes;
using std::chrono::seconds;

Call call_of(Call::Type type) {
  Call call;
  call.set_type(type);
  call.mutable_executor_id()->set_value("E");
  call.mutable_framework_id()->set_value("F");
  return call;
}

Call update_of(const std::string& task, mesos::v1::TaskState state, const std::string& uuid) {
  Call call = call_of(Call::UPDATE);
  auto* status = call.mutable_update()->mutable_status();
  status->mutable_task_id()->set_value(task);
  status->set_state(state);
  status->set_source(TaskStatus::SOURCE_EXECUTOR);
  status->set_uuid(uuid + std::string(16 - uuid.size(), '0'));
  return call;
}

ExecutorSubscribing subscribing(StreamId stream) {
  Call call = call_of(Call::SUBSCRIBE);
  call.mutable_subscribe();
  return {stream, call};
}

std::vector<ExecutorEvent::Type> types(const Core& core) {
  std::vector<ExecutorEvent::Type> found;
  for (const auto& event : core.executor_events()) found.push_back(event.type());
  return found;
}

// A custom executor with the task "a" delivered.
ContainerId run_executor(Core& core, bool checkpoint = false, bool capable = false) {
  core.launch(core.framework(checkpoint, capable), Core::custom_task("a"), true);
  if (checkpoint) core.persisted();
  const ContainerId id = core.one<LaunchContainer>()->container_id;
  core.step(ContainerLaunched{id, 200});
  core.step(subscribing(1));
  return id;
}

void shut_down(Core& core) {
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::SHUTDOWN_EXECUTOR);
  event.mutable_shutdown_executor()->mutable_framework_id()->set_value("F");
  event.mutable_shutdown_executor()->mutable_executor_id()->set_value("E");
  core.master(event);
}

TEST(Executors, SubscribeGetsQueuedTasksInOrder) {
  Core core;
  core.start();
  core.launch(core.framework(), Core::custom_task("a"), true);
  ASSERT_NE(core.one<LaunchContainer>(), nullptr);
  const LaunchContainer container = *core.one<LaunchContainer>();
  EXPECT_DOUBLE_EQ(container.cpus, 0.6);
  EXPECT_EQ(container.arguments.back(), "./executor");
  EXPECT_FALSE(container.environment.contains("MESOS_ALLOCATION_ROLE"));
  EXPECT_EQ(container.environment.at("MESOS_EXECUTOR_ID"), "E");
  core.launch(core.framework(), Core::custom_task("b"), false);
  EXPECT_TRUE(core.effects.empty());
  core.step(ContainerLaunched{container.container_id, 200});
  core.step(subscribing(1));
  EXPECT_EQ(types(core),
            (std::vector{ExecutorEvent::SUBSCRIBED, ExecutorEvent::LAUNCH, ExecutorEvent::LAUNCH}));
  const auto events = core.executor_events();
  EXPECT_EQ(events[0].subscribed().container_id().value(), container.container_id.value);
  EXPECT_EQ(events[0].subscribed().agent_info().id().value(), "M-S0");
  EXPECT_EQ(events[1].launch().task().task_id().value(), "a");
  EXPECT_EQ(events[2].launch().task().task_id().value(), "b");
  EXPECT_NE(core.one<ResizeContainer>(), nullptr);
  core.launch(core.framework(), Core::custom_task("c"), false);
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::LAUNCH}));
}

TEST(Executors, UpdatesAreForwardedAndAcknowledged) {
  Core core;
  core.start();
  run_executor(core);
  core.step(ExecutorCalled{update_of("a", mesos::v1::TASK_RUNNING, "1")});
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::ACKNOWLEDGED}));
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_RUNNING);
  EXPECT_EQ(core.last_update().container_status().executor_pid(), 200u);
  EXPECT_EQ(core.last_update().executor_id().value(), "E");
  const TaskStatus running = core.last_update();
  core.step(ExecutorCalled{update_of("a", mesos::v1::TASK_RUNNING, "1")});
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::ACKNOWLEDGED}));
  EXPECT_TRUE(core.updates().empty());
  core.step(ExecutorCalled{update_of("a", mesos::v1::TASK_FINISHED, "2")});
  EXPECT_TRUE(core.updates().empty());  // one in flight
  core.step(ExecutorCalled{update_of("a", mesos::v1::TASK_FAILED, "3")});
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::ACKNOWLEDGED}));
  core.acknowledge(running);
  core.acknowledge(core.last_update());
  EXPECT_TRUE(core.updates().empty());  // the second end is not told
  core.step(ExecutorCalled{update_of("a", mesos::v1::TASK_FAILED, "4")});
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::ACKNOWLEDGED}));
  EXPECT_TRUE(core.updates().empty());
}

TEST(Executors, AcknowledgedOnlyOnceDurable) {
  Core core;
  core.start();
  run_executor(core, true);
  core.step(ExecutorCalled{update_of("a", mesos::v1::TASK_RUNNING, "1")});
  EXPECT_TRUE(core.executor_events().empty());
  EXPECT_TRUE(core.updates().empty());
  core.step(ExecutorCalled{update_of("a", mesos::v1::TASK_RUNNING, "1")});
  EXPECT_TRUE(core.executor_events().empty());
  core.persisted();
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::ACKNOWLEDGED}));
  EXPECT_EQ(core.updates().size(), 1u);
}

TEST(Executors, ExitFailsLiveTasksAfterFailure) {
  Core core;
  core.start();
  const ContainerId id = run_executor(core);
  core.step(ContainerExited{id, exit_status(3)});
  const auto sent = core.all<SendToMaster>();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0]->call.type(), protocol::AgentCall::EXECUTOR_EXITED);
  EXPECT_EQ(sent[0]->call.executor_exited().status(), exit_status(3));
  const TaskStatus status = core.last_update();
  EXPECT_EQ(status.state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(status.reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
  EXPECT_EQ(status.message(), "Executor terminated");
  EXPECT_EQ(status.source(), TaskStatus::SOURCE_AGENT);
  EXPECT_NE(core.one<CloseStream>(), nullptr);
  EXPECT_NE(core.one<AcknowledgeContainer>(), nullptr);
  core.acknowledge(status);
  EXPECT_TRUE(core.state.frameworks.empty());
  EXPECT_TRUE(core.state.streams.empty());
  EXPECT_TRUE(core.state.timers.empty());
}

TEST(Executors, RegistrationTimeout) {
  Core core;
  core.start();
  core.state.ping_deadline = never;
  core.launch(core.framework(), Core::custom_task("a"), true);
  const ContainerId id = core.one<LaunchContainer>()->container_id;
  core.step(ContainerLaunched{id, 200});
  const Time launched = core.now;
  core.tick_at_deadline();
  EXPECT_EQ(core.now - launched, minutes(1));
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  core.step(ContainerExited{id, killed_status});
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_REGISTRATION_TIMEOUT);
}

TEST(Executors, ShutdownThenDestroyedAfterGrace) {
  Core core;
  core.start();
  run_executor(core);
  shut_down(core);
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::SHUTDOWN}));
  const Time asked = core.now;
  core.tick_at_deadline();
  EXPECT_EQ(core.now - asked, seconds(5));
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  core.step(subscribing(2));  // too late
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::SHUTDOWN}));
  EXPECT_NE(core.one<CloseStream>(), nullptr);
  core.launch(core.framework(), Core::custom_task("b"), false);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_LOST);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
}

TEST(Executors, KillGoesToTheExecutorOrEndsAQueuedTask) {
  Core core;
  core.start();
  run_executor(core);
  core.kill("a", seconds(5));
  ASSERT_EQ(types(core), (std::vector{ExecutorEvent::KILL}));
  EXPECT_EQ(core.executor_events()[0].kill().kill_policy().grace_period().nanoseconds(),
            5'000'000'000);
  Core fresh;
  fresh.start();
  fresh.launch(fresh.framework(), Core::custom_task("a"), true);
  const ContainerId id = fresh.one<LaunchContainer>()->container_id;
  fresh.kill("a");
  EXPECT_EQ(fresh.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(fresh.last_update().reason(), TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  EXPECT_NE(fresh.one<DestroyContainer>(), nullptr);  // it never had a task
  fresh.acknowledge(fresh.last_update());
  fresh.step(ContainerExited{id, killed_status});
  EXPECT_TRUE(fresh.updates().empty());
  EXPECT_TRUE(fresh.state.frameworks.empty());
}

TEST(Executors, KillWaitsForAnExecutorThatIsAway) {
  Core core;
  core.start();
  run_executor(core);
  core.step(ExecutorCalled{update_of("a", mesos::v1::TASK_RUNNING, "1")});
  core.step(StreamClosed{1});
  core.kill("a");
  EXPECT_TRUE(core.executor_events().empty());
  core.step(subscribing(2));
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::SUBSCRIBED, ExecutorEvent::KILL}));
}

TEST(Executors, ResubscribeWithoutItsTaskDropsIt) {
  Core core;
  core.start();
  run_executor(core, false, true);
  core.step(subscribing(2));
  EXPECT_EQ(core.one<CloseStream>()->stream, 1u);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_DROPPED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_AGENT_RESTARTED);
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::SHUTDOWN}));  // in place of SUBSCRIBED
}

TEST(Executors, MessagesBothWays) {
  Core core;
  core.start();
  run_executor(core);
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::MESSAGE);
  event.mutable_message()->mutable_framework_id()->set_value("F");
  event.mutable_message()->mutable_executor_id()->set_value("E");
  event.mutable_message()->set_data("ping");
  core.master(event);
  ASSERT_EQ(types(core), (std::vector{ExecutorEvent::MESSAGE}));
  EXPECT_EQ(core.executor_events()[0].message().data(), "ping");
  Call call = call_of(Call::MESSAGE);
  call.mutable_message()->set_data("pong");
  core.step(ExecutorCalled{call});
  ASSERT_NE(core.one<SendToMaster>(), nullptr);
  EXPECT_EQ(core.one<SendToMaster>()->call.message().data(), "pong");
}

TEST(Executors, StaleBeliefs) {
  Core core;
  core.start();
  core.launch(core.framework(false, true), Core::custom_task("a"), false);
  EXPECT_EQ(core.one<LaunchContainer>(), nullptr);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_DROPPED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
  EXPECT_EQ(core.all<SendToMaster>().size(), 2u);  // and the executor's exit
  EXPECT_TRUE(core.state.frameworks.empty());
  core.launch(core.framework(false, true), Core::custom_task("b"), true);
  EXPECT_NE(core.one<LaunchContainer>(), nullptr);
  core.launch(core.framework(false, true), Core::custom_task("c"), true);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
  core.launch(core.framework(false, true), Core::task("E"));
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_TASK_INVALID);
}

TEST(Executors, OneThatIsOnlyKeptForItsUpdatesIsSaidToBeGoneAgain) {
  Core core;
  core.start();
  const ContainerId id = run_executor(core);
  core.step(ContainerExited{id, 0});  // the end of "a" is not acknowledged
  // The master has heard of the end and wants to start the executor anew.
  core.launch(core.framework(false, true), Core::custom_task("b"), true);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
  const auto sent = core.all<SendToMaster>();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.back()->call.type(), protocol::AgentCall::EXECUTOR_EXITED);
}

TEST(Executors, AnEndWhileSubscribingIsToldOnceRegistered) {
  Core core;
  core.start();
  const ContainerId id = run_executor(core);
  core.step(MasterDetected{});
  core.tick_at_deadline();
  ASSERT_NE(core.one<SubscribeToMaster>(), nullptr);
  EXPECT_EQ(core.one<SubscribeToMaster>()->call.subscribe().executors_size(), 1);
  core.step(ContainerExited{id, 0});
  EXPECT_TRUE(core.all<SendToMaster>().empty());
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::SUBSCRIBED);
  event.mutable_subscribed()->mutable_agent_id()->set_value("M-S0");
  event.mutable_subscribed()->mutable_master_info()->set_id("M");
  event.mutable_subscribed()->mutable_master_info()->set_ip(0);
  event.mutable_subscribed()->mutable_master_info()->set_port(5050);
  event.mutable_subscribed()->set_ping_timeout_total_seconds(75);
  core.master(event);
  const auto sent = core.all<SendToMaster>();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.front()->call.type(), protocol::AgentCall::EXECUTOR_EXITED);
}

TEST(Executors, HeartbeatsEveryHalfHour) {
  Core core;
  core.start();
  core.state.ping_deadline = never;
  run_executor(core);
  const Time before = core.now;
  core.tick_at_deadline();
  EXPECT_EQ(core.now - before, minutes(30));
  EXPECT_EQ(types(core), (std::vector{ExecutorEvent::HEARTBEAT}));
}

TEST(Executors, GroupIsDeliveredAndKilledAsOne) {
  Core core;
  core.start();
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::LAUNCH_GROUP);
  auto* launch = event.mutable_launch_group();
  *launch->mutable_framework() = core.framework();
  *launch->mutable_executor() = Core::custom_task("x").executor();
  for (const std::string id : {"a", "b"}) {
    *launch->mutable_task_group()->add_tasks() = Core::task(id);
  }
  core.master(event);
  ASSERT_NE(core.one<LaunchContainer>(), nullptr);
  core.kill("b");
  EXPECT_EQ(core.updates().size(), 2u);
  Core other;
  other.start();
  other.master(event);
  other.step(ContainerLaunched{other.one<LaunchContainer>()->container_id, 1});
  other.step(subscribing(1));
  EXPECT_EQ(types(other), (std::vector{ExecutorEvent::SUBSCRIBED, ExecutorEvent::LAUNCH_GROUP}));
}

}  // namespace
}  // namespace mesolith::agent
