// SPDX-License-Identifier: Apache-2.0
#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;

Effects& drain(Core& core, std::optional<int> grace_seconds, bool mark_gone = false) {
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::DRAIN);
  auto& config = *event.mutable_drain()->mutable_config();
  if (grace_seconds) {
    config.mutable_max_grace_period()->set_nanoseconds(int64_t{*grace_seconds} * 1'000'000'000);
  }
  config.set_mark_gone(mark_gone);
  return core.master(event);
}

mesos::v1::TaskInfo patient_task(int grace_seconds) {
  mesos::v1::TaskInfo task = Core::task("t", "sleep 1000");
  task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(int64_t{grace_seconds} *
                                                                      1'000'000'000);
  return task;
}

TEST(Drain, KillsATaskAndSaysWhy) {
  Core core;
  core.start();
  const ContainerId id = core.run(core.framework(false, true), Core::task("t", "sleep 1000"));
  drain(core, std::nullopt);
  ASSERT_NE(core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLING);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_AGENT_DRAINING);
  core.acknowledge(core.last_update());
  core.step(ContainerExited{id, terminated_status});
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_AGENT_DRAINING);
}

TEST(Drain, TheShorterGraceCounts) {
  for (const auto& [own, most, expected] : {std::tuple(60, 5, 5), {2, 5, 2}}) {
    Core core;
    core.start();
    core.run(core.framework(false, true), patient_task(own));
    drain(core, most);
    const Time begin = core.now;
    ASSERT_FALSE(core.state.timers.empty());
    core.state.ping_deadline = never;
    while (core.all<DestroyContainer>().empty() && core.now - begin < std::chrono::seconds(100)) {
      core.tick_at_deadline();
    }
    EXPECT_EQ(core.now - begin, Duration(std::chrono::seconds(expected)));
  }
}

TEST(Drain, ATaskOfAnAgentThatIsMarkedGoneIsGone) {
  for (const bool aware : {true, false}) {
    Core core;
    core.start();
    const ContainerId id = core.run(core.framework(false, aware), Core::task("t", "sleep 1000"));
    drain(core, std::nullopt, true);
    if (aware) core.acknowledge(core.last_update());
    core.step(ContainerExited{id, terminated_status});
    EXPECT_EQ(core.last_update().state(),
              aware ? mesos::v1::TASK_GONE_BY_OPERATOR : mesos::v1::TASK_KILLED);
  }
}

TEST(Drain, NoTaskIsTakenUntilItIsOver) {
  Core core;
  core.start();
  drain(core, std::nullopt);
  core.launch(core.framework(false, true), Core::task("t"));
  EXPECT_TRUE(core.all<LaunchContainer>().empty());
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_DROPPED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_AGENT_DRAINING);
  core.acknowledge(core.last_update());
  core.launch(core.framework(false, true), Core::custom_task("c"), true);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_AGENT_DRAINING);
  bool told = false;
  for (const auto* sent : core.all<SendToMaster>()) {
    told = told || sent->call.type() == protocol::AgentCall::EXECUTOR_EXITED;
  }
  EXPECT_TRUE(told) << "the master must not count the executor as running";
  protocol::MasterEvent over;
  over.set_type(protocol::MasterEvent::DRAIN);
  over.mutable_drain();
  core.master(over);
  core.launch(core.framework(false, true), Core::task("u"));
  EXPECT_NE(core.one<LaunchContainer>(), nullptr);
}

TEST(Drain, IsLearntAgainAtEachRegistration) {
  Core core;
  core.start();
  core.run(core.framework(true), Core::task("t", "sleep 1000"));
  drain(core, std::nullopt);
  core.connect();  // SUBSCRIBED without a drain
  EXPECT_FALSE(core.state.drain.has_value());
}

}  // namespace
}  // namespace mesolith::agent
