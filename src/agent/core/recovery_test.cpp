// SPDX-License-Identifier: Apache-2.0
// The agent is killed at an instant; another one starts with what was durable then.
#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;
using std::chrono::seconds;

std::vector<std::pair<std::string, std::string>> records(const Core& core) {
  return {core.stored.begin(), core.stored.end()};
}

// A task of a checkpointing framework, running and acknowledged so far.
struct Before {
  Before() {
    core.start();
    id = core.run(core.framework(true), Core::task("t"));
  }
  Core core;
  ContainerId id;
};

TEST(Recovery, RunningTaskRunsOn) {
  Before before;
  Core core;
  core.step(Recovered{records(before.core), {{before.id, 100, std::nullopt, std::nullopt}}});
  EXPECT_EQ(core.effects.size(), core.all<MeasureDisk>().size());
  core.step(MasterDetected{});
  core.tick_at_deadline();
  ASSERT_NE(core.one<SubscribeToMaster>(), nullptr);
  const auto& call = core.one<SubscribeToMaster>()->call;
  EXPECT_EQ(call.agent_id().value(), "M-S0");
  EXPECT_EQ(call.subscribe().agent_info().id().value(), "M-S0");
  ASSERT_EQ(call.subscribe().tasks_size(), 1);
  EXPECT_EQ(call.subscribe().tasks(0).state(), mesos::v1::TASK_RUNNING);
  core.connect();
  EXPECT_TRUE(core.updates().empty());
  core.kill("t");
  EXPECT_NE(core.one<SignalContainer>(), nullptr);
  core.step(ContainerExited{before.id, terminated_status});
  core.persisted();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
}

TEST(Recovery, EndMeanwhileIsToldAsItWas) {
  Before before;
  Core core;
  core.step(Recovered{records(before.core), {{before.id, 100, exit_status(0), std::nullopt}}});
  EXPECT_EQ(core.one<AcknowledgeContainer>(), nullptr);  // not before it is durable
  ASSERT_NE(core.one<Persist>(), nullptr);
  core.persisted();
  EXPECT_NE(core.one<AcknowledgeContainer>(), nullptr);
  core.connect();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FINISHED);
  EXPECT_EQ(core.last_update().message(), "Command exited with status 0");
  core.acknowledge(core.last_update());
  EXPECT_TRUE(core.state.frameworks.empty());
}

TEST(Recovery, LostContainerFailsTheTask) {
  Before before;
  Core core;
  core.step(Recovered{records(before.core), {}});
  core.persisted();
  core.connect();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
}

TEST(Recovery, KillGoesOn) {
  Before before;
  before.core.kill("t");
  Core core;
  core.now = before.core.now;
  core.step(Recovered{records(before.core), {{before.id, 100, std::nullopt, std::nullopt}}});
  const Time killed = core.now;
  core.tick_at_deadline();
  EXPECT_EQ(core.now - killed, seconds(3));
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  core.step(ContainerExited{before.id, killed_status});
  core.persisted();
  core.connect();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
}

TEST(Recovery, LaunchThatWasNeverToldIsTold) {
  Core before;
  before.start();
  before.launch(before.framework(true), Core::task("t"));
  before.persisted();
  const ContainerId id = before.one<LaunchContainer>()->container_id;
  Core core;
  core.step(Recovered{records(before), {{id, 100, std::nullopt, std::nullopt}}});
  core.persisted();
  core.connect();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_STARTING);
  core.acknowledge(core.last_update());
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_RUNNING);
  Core other;  // and it has ended already
  other.step(Recovered{records(before), {{id, 100, exit_status(1), std::nullopt}}});
  other.persisted();
  other.connect();
  other.acknowledge(other.last_update());
  other.acknowledge(other.last_update());
  EXPECT_EQ(other.last_update().state(), mesos::v1::TASK_FAILED);
}

TEST(Recovery, UnacknowledgedEndIsSentAgain) {
  Before before;
  before.core.step(ContainerExited{before.id, 0});
  before.core.persisted();
  const TaskStatus finished = before.core.last_update();
  // The launcher did not hear the acknowledgement of the container.
  Core core;
  core.step(Recovered{records(before.core), {{before.id, 100, exit_status(0), std::nullopt}}});
  EXPECT_NE(core.one<AcknowledgeContainer>(), nullptr);
  core.connect();
  EXPECT_EQ(core.last_update().uuid(), finished.uuid());
  core.acknowledge(core.last_update());
  EXPECT_EQ(core.stored.size(), 0u);
}

TEST(Recovery, ContainersNobodyKnows) {
  Core core;
  core.start();
  core.run(core.framework(false), Core::task("t"));
  Core after;
  after.step(Recovered{records(core),
                       {{ContainerId("runs"), 1, std::nullopt, std::nullopt},
                        {ContainerId("ended"), 2, 0, std::nullopt}}});
  ASSERT_NE(after.one<DestroyContainer>(), nullptr);
  EXPECT_EQ(after.one<DestroyContainer>()->container_id, ContainerId("runs"));
  ASSERT_NE(after.one<AcknowledgeContainer>(), nullptr);
  EXPECT_EQ(after.one<AcknowledgeContainer>()->container_id, ContainerId("ended"));
  after.step(ContainerExited{ContainerId("runs"), killed_status});
  EXPECT_NE(after.one<AcknowledgeContainer>(), nullptr);
  EXPECT_TRUE(after.state.frameworks.empty());
}

struct BeforeCustom {
  BeforeCustom() {
    core.start();
    core.launch(core.framework(true, true), Core::custom_task("a"), true);
    core.persisted();
    id = core.one<LaunchContainer>()->container_id;
    core.step(ContainerLaunched{id, 200});
    core.step(subscribing());
  }
  static ExecutorSubscribing subscribing() {
    mesos::v1::executor::Call call;
    call.set_type(mesos::v1::executor::Call::SUBSCRIBE);
    call.mutable_executor_id()->set_value("E");
    call.mutable_framework_id()->set_value("F");
    call.mutable_subscribe();
    return {1, call};
  }
  Core core;
  ContainerId id;
};

TEST(Recovery, ExecutorComesBackWithItsTask) {
  BeforeCustom before;
  Core core;
  core.step(Recovered{records(before.core), {{before.id, 200, std::nullopt, std::nullopt}}});
  auto event = BeforeCustom::subscribing();
  *event.call.mutable_subscribe()->add_unacknowledged_tasks() = Core::custom_task("a");
  core.step(event);
  ASSERT_EQ(core.executor_events().size(), 1u);
  EXPECT_EQ(core.executor_events()[0].type(), mesos::v1::executor::Event::SUBSCRIBED);
  EXPECT_TRUE(core.state.updates.empty());
  core.step(MasterDetected{});
  core.tick_at_deadline();
  ASSERT_NE(core.one<SubscribeToMaster>(), nullptr);
  EXPECT_EQ(core.one<SubscribeToMaster>()->call.subscribe().executors_size(), 1);
}

TEST(Recovery, ExecutorThatStaysAwayIsDestroyed) {
  BeforeCustom before;
  Core core;
  core.step(Recovered{records(before.core), {{before.id, 200, std::nullopt, std::nullopt}}});
  const Time started = core.now;
  core.tick_at_deadline();
  EXPECT_EQ(core.now - started, seconds(2));
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  core.step(ContainerExited{before.id, killed_status});
  core.persisted();
  core.connect();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_GONE);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_REREGISTRATION_TIMEOUT);
}

TEST(Recovery, ExecutorEndedMeanwhile) {
  BeforeCustom before;
  Core core;
  core.step(Recovered{records(before.core), {{before.id, 200, exit_status(1), std::nullopt}}});
  core.persisted();
  core.connect();
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
}

TEST(Recovery, Identity) {
  Before before;
  Options more = Core::default_options();
  Core::add_resources(*more.info.mutable_resources(), 1, 1);
  for (auto& resource : *more.info.mutable_resources()) resource.clear_allocation_info();
  Core grown(more);
  grown.step(Recovered{records(before.core), {{before.id, 100, std::nullopt, std::nullopt}}});
  EXPECT_EQ(grown.state.id.value, "M-S0");
  Options other = Core::default_options();
  other.info.set_hostname("another");
  Core refused(other);
  refused.step(Recovered{records(before.core), {{before.id, 100, std::nullopt, std::nullopt}}});
  ASSERT_NE(refused.one<Exit>(), nullptr);
  EXPECT_EQ(refused.one<Exit>()->code, 1);
  Core idle;
  idle.start();
  Core anew(other);
  anew.step(Recovered{records(idle), {}});
  EXPECT_TRUE(anew.state.id.empty());
}

// It was killed between the operator's order and its end: the agent that starts then is another.
TEST(Recovery, AnAgentEndedForGoodKeepsNothing) {
  Before before;
  before.core.step(OperatorStopped{});
  ASSERT_FALSE(before.core.stored.contains("agent"));
  ASSERT_FALSE(before.core.stored.empty());
  Core core;
  core.stored = before.core.stored;
  core.step(Recovered{records(core), {{before.id, 100, std::nullopt, std::nullopt}}});
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  EXPECT_TRUE(core.state.frameworks.empty());
  EXPECT_TRUE(core.stored.empty());
  core.step(MasterDetected{});
  core.tick_at_deadline();
  ASSERT_NE(core.one<SubscribeToMaster>(), nullptr);
  EXPECT_TRUE(core.one<SubscribeToMaster>()->call.subscribe().tasks().empty());
}

TEST(Recovery, CorruptRecordStopsTheAgent) {
  Core core;
  core.step(Recovered{{{"task/F/t", "\xff\xff"}}, {}});
  ASSERT_NE(core.one<Exit>(), nullptr);
  EXPECT_EQ(core.one<Exit>()->code, 1);
}

}  // namespace
}  // namespace mesolith::agent
