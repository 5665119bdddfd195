// SPDX-License-Identifier: Apache-2.0
#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Command, LaunchGivesTheRecordedEnvironment) {
  Core core;
  core.start();
  auto task = Core::task("env-task", "env | sort");
  auto* variable = task.mutable_command()->mutable_environment()->add_variables();
  variable->set_name("FROM_COMMAND_INFO");
  variable->set_value("yes");
  core.launch(core.framework(), task);
  const auto* container = core.one<LaunchContainer>();
  ASSERT_NE(container, nullptr);
  EXPECT_EQ(core.all<Persist>().size(), 0u);
  const std::string sandbox = "/var/agent/slaves/M-S0/frameworks/F/executors/env-task/runs/" +
                              container->container_id.value;
  EXPECT_EQ(container->sandbox, sandbox);
  EXPECT_EQ(container->program, "/bin/sh");
  EXPECT_EQ(container->arguments, (std::vector<std::string>{"sh", "-c", "env | sort"}));
  EXPECT_EQ(container->user, "root");
  EXPECT_DOUBLE_EQ(container->cpus, 0.1);
  EXPECT_DOUBLE_EQ(container->mem_bytes, 32.0 * 1024 * 1024);
  EXPECT_EQ(container->environment,
            (std::map<std::string, std::string>{
                {"FROM_COMMAND_INFO", "yes"},
                {"LIBPROCESS_PORT", "0"},
                {"MESOS_AGENT_ENDPOINT", "10.0.0.2:5051"},
                {"MESOS_ALLOCATION_ROLE", "demo"},
                {"MESOS_CHECKPOINT", "0"},
                {"MESOS_DIRECTORY", sandbox},
                {"MESOS_EXECUTOR_ID", "env-task"},
                {"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"},
                {"MESOS_FRAMEWORK_ID", "F"},
                {"MESOS_HTTP_COMMAND_EXECUTOR", "0"},
                {"MESOS_SANDBOX", sandbox},
                {"MESOS_SLAVE_ID", "M-S0"},
                {"MESOS_SLAVE_PID", "slave(1)@10.0.0.2:5051"},
                {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}));
}

TEST(Command, CheckpointingAddsTwoVariables) {
  Core core;
  core.start();
  core.launch(core.framework(true), Core::task("t"));
  EXPECT_EQ(core.one<LaunchContainer>(), nullptr);  // durable first
  ASSERT_NE(core.one<Persist>(), nullptr);
  core.persisted();
  const auto* container = core.one<LaunchContainer>();
  ASSERT_NE(container, nullptr);
  EXPECT_EQ(container->environment.at("MESOS_CHECKPOINT"), "1");
  EXPECT_EQ(container->environment.at("MESOS_RECOVERY_TIMEOUT"), "15mins");
  EXPECT_EQ(container->environment.at("MESOS_SUBSCRIPTION_BACKOFF_MAX"), "2secs");
}

TEST(Command, ReportsStartingRunningFinished) {
  Core core;
  core.start();
  core.launch(core.framework(), Core::task("t"));
  const ContainerId id = core.one<LaunchContainer>()->container_id;
  core.step(ContainerLaunched{id, 4711});
  ASSERT_EQ(core.updates().size(), 1u);  // one in flight
  const TaskStatus starting = core.last_update();
  EXPECT_EQ(starting.state(), mesos::v1::TASK_STARTING);
  EXPECT_EQ(starting.source(), TaskStatus::SOURCE_EXECUTOR);
  EXPECT_EQ(starting.executor_id().value(), "t");
  EXPECT_EQ(starting.agent_id().value(), "M-S0");
  EXPECT_EQ(starting.uuid().size(), 16u);
  EXPECT_DOUBLE_EQ(starting.timestamp(), to_seconds(core.now));
  EXPECT_EQ(starting.container_status().container_id().value(), id.value);
  EXPECT_EQ(starting.container_status().executor_pid(), 4711u);
  EXPECT_EQ(starting.container_status().network_infos(0).ip_addresses(0).ip_address(), "10.0.0.2");
  EXPECT_EQ(core.updates()[0].latest_state(), mesos::v1::TASK_STARTING);
  core.step(ContainerExited{id, 0});
  EXPECT_TRUE(core.updates().empty());
  ASSERT_NE(core.one<AcknowledgeContainer>(), nullptr);  // nothing to wait for
  core.acknowledge(starting);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_RUNNING);
  EXPECT_EQ(core.updates()[0].latest_state(), mesos::v1::TASK_FINISHED);
  core.acknowledge(core.last_update());
  const TaskStatus finished = core.last_update();
  EXPECT_EQ(finished.state(), mesos::v1::TASK_FINISHED);
  EXPECT_EQ(finished.message(), "Command exited with status 0");
  EXPECT_FALSE(finished.has_reason());
  core.acknowledge(finished);
  EXPECT_TRUE(core.state.frameworks.empty());
  EXPECT_TRUE(core.state.updates.empty());
  EXPECT_TRUE(core.state.timers.empty());
  EXPECT_TRUE(core.state.retries.empty());
  EXPECT_TRUE(core.state.containers.empty());
  ASSERT_EQ(core.state.completed_frameworks.size(), 1u);
  const Executor& done = core.state.completed_frameworks[0].completed_executors.at(0);
  EXPECT_EQ(done.completed_tasks.at(0).state(), mesos::v1::TASK_FINISHED);
  EXPECT_EQ(done.info.name(), "Command Executor (Task: t) (Command: sh -c 'true')");
  EXPECT_EQ(core.state.counters.at("slave/tasks_finished"), 1u);
}

TEST(Command, EndsAreDescribed) {
  const std::vector<std::tuple<int, mesos::v1::TaskState, std::string>> cases = {
      {exit_status(3), mesos::v1::TASK_FAILED, "Command exited with status 3"},
      {killed_status, mesos::v1::TASK_FAILED, "Command terminated with signal Killed"},
      {11 | 0x80, mesos::v1::TASK_FAILED, "Command terminated with signal Segmentation fault"},
      {exit_status(0), mesos::v1::TASK_FINISHED, "Command exited with status 0"}};
  for (const auto& [status, state, message] : cases) {
    Core core;
    core.start();
    const ContainerId id = core.run(core.framework(), Core::task("t"));
    core.step(ContainerExited{id, status});
    EXPECT_EQ(core.last_update().state(), state);
    EXPECT_EQ(core.last_update().message(), message);
  }
}

TEST(Command, MemoryLimitIsToldWithItsLimitation) {
  Core core;
  core.start();
  const ContainerId id = core.run(core.framework(), Core::task("t"));
  core.step(ContainerExited{id, killed_status, 64ull << 20});
  const TaskStatus status = core.last_update();
  EXPECT_EQ(status.state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(status.source(), TaskStatus::SOURCE_AGENT);
  EXPECT_EQ(status.reason(), TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_DOUBLE_EQ(status.limitation().resources(0).scalar().value(), 64);
}

TEST(Command, LaunchFailures) {
  using Cause = ContainerLaunchFailed::Cause;
  for (const bool aware : {false, true}) {
    Core core;
    core.start();
    core.launch(core.framework(false, aware), Core::task("t"));
    const ContainerId id = core.one<LaunchContainer>()->container_id;
    core.step(ContainerLaunchFailed{id, Cause::user_unknown, "no such user"});
    const TaskStatus status = core.last_update();
    EXPECT_EQ(status.state(), aware ? mesos::v1::TASK_DROPPED : mesos::v1::TASK_LOST);
    EXPECT_EQ(status.source(), TaskStatus::SOURCE_AGENT);
    EXPECT_EQ(status.reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
  }
  for (const Cause cause : {Cause::exec_failed, Cause::fetch_failed, Cause::system}) {
    Core core;
    core.start();
    core.launch(core.framework(), Core::task("t"));
    const ContainerId id = core.one<LaunchContainer>()->container_id;
    core.step(ContainerLaunchFailed{id, cause, "why"});
    EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FAILED);
    EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  }
}

TEST(Command, KillSignalsThenDestroysAfterTheGracePeriod) {
  for (const bool capable : {false, true}) {
    Core core;
    core.start();
    const ContainerId id = core.run(core.framework(false, capable), Core::task("t"));
    core.kill("t");
    ASSERT_NE(core.one<SignalContainer>(), nullptr);
    EXPECT_EQ(core.one<SignalContainer>()->signal, 15);
    EXPECT_EQ(core.updates().size(), capable ? 1u : 0u);
    if (capable) {
      EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLING);
      core.acknowledge(core.last_update());
    }
    const Time killed = core.now;
    core.tick_at_deadline();
    EXPECT_EQ(core.now - killed, seconds(3));
    ASSERT_NE(core.one<DestroyContainer>(), nullptr);
    core.step(ContainerExited{id, killed_status});
    EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
    EXPECT_EQ(core.last_update().source(), TaskStatus::SOURCE_EXECUTOR);
    EXPECT_EQ(core.last_update().message(), "Command terminated with signal Killed");
  }
}

TEST(Command, ExitZeroAfterKillIsKilled) {
  Core core;
  core.start();
  const ContainerId id = core.run(core.framework(), Core::task("t"));
  core.kill("t");
  core.step(ContainerExited{id, 0});
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(core.last_update().message(), "Command exited with status 0");
}

TEST(Command, KillPolicies) {
  Core core;
  core.start();
  auto task = Core::task("t");
  task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
      Duration(seconds(60)).count());
  core.run(core.framework(), task);
  const Time killed = core.now;
  core.kill("t");  // the task's
  const auto deadline = [&] { return std::get<0>(*core.state.timers.begin()); };
  EXPECT_EQ(deadline() - killed, seconds(60));
  core.advance(seconds(1));
  core.kill("t", seconds(100));  // does not extend
  EXPECT_EQ(core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(deadline() - killed, seconds(60));
  core.kill("t", seconds(10));  // shortens, counted from the first
  EXPECT_EQ(deadline() - killed, seconds(10));
  core.kill("t", seconds(0));
  EXPECT_EQ(deadline(), core.now);
  core.step(Tick{});
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  EXPECT_TRUE(core.state.timers.empty());
}

TEST(Command, KillCallOverridesTheTasksPolicy) {
  Core core;
  core.start();
  auto task = Core::task("t");
  task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
      Duration(seconds(60)).count());
  core.run(core.framework(), task);
  const Time killed = core.now;
  core.kill("t", milliseconds(500));
  core.tick_at_deadline();
  EXPECT_EQ(core.now - killed, milliseconds(500));
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
}

TEST(Command, KillWhileLaunching) {
  Core core;
  core.start();
  core.launch(core.framework(), Core::task("t"));
  const ContainerId id = core.one<LaunchContainer>()->container_id;
  core.kill("t");
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  core.kill("t");
  EXPECT_EQ(core.one<DestroyContainer>(), nullptr);
  core.step(ContainerLaunched{id, 100});
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  EXPECT_TRUE(core.updates().empty());
  core.step(ContainerExited{id, killed_status});
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  EXPECT_NE(core.one<AcknowledgeContainer>(), nullptr);
}

TEST(Command, KillBeforeTheTaskIsDurable) {
  Core core;
  core.start();
  core.launch(core.framework(true), Core::task("t"));
  core.kill("t");
  EXPECT_TRUE(core.updates().empty());
  core.persisted();
  EXPECT_EQ(core.one<LaunchContainer>(), nullptr);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  core.acknowledge(core.last_update());
  EXPECT_TRUE(core.state.frameworks.empty());
  EXPECT_EQ(core.stored.size(), 1u);  // the agent
}

TEST(Command, KillOfUnknownTask) {
  Core core;
  core.start();
  core.kill("nope");
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_LOST);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
  core.kill("nope");
  EXPECT_TRUE(core.updates().empty());  // its end is on its way
}

TEST(Command, MaxCompletionTime) {
  Core core;
  core.start();
  auto task = Core::task("t");
  task.mutable_max_completion_time()->set_nanoseconds(Duration(seconds(1)).count());
  const Time launched = core.now;
  const ContainerId id = core.run(core.framework(false, true), task);
  core.tick_at_deadline();
  EXPECT_EQ(core.now - launched, seconds(1));
  ASSERT_NE(core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(core.one<SignalContainer>()->signal, 15);
  EXPECT_TRUE(core.updates().empty());  // no TASK_KILLING
  core.tick_at_deadline();
  EXPECT_NE(core.one<DestroyContainer>(), nullptr);
  core.step(ContainerExited{id, terminated_status});
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_MAX_COMPLETION_TIME_REACHED);
  EXPECT_EQ(core.last_update().message(), "Command terminated with signal Terminated");
}

TEST(Command, ShutdownFrameworkKillsWithoutUpdates) {
  Core core;
  core.start();
  const ContainerId id = core.run(core.framework(), Core::task("t"));
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::SHUTDOWN_FRAMEWORK);
  event.mutable_shutdown_framework()->mutable_framework_id()->set_value("F");
  core.master(event);
  EXPECT_NE(core.one<SignalContainer>(), nullptr);
  core.step(MasterDisconnected{core.state.connection});
  core.connect();  // to another, which may not know that it has ended
  EXPECT_TRUE(core.subscribed_with.frameworks().empty());
  EXPECT_TRUE(core.subscribed_with.tasks().empty());
  core.step(ContainerExited{id, terminated_status});
  EXPECT_TRUE(core.updates().empty());
  EXPECT_NE(core.one<AcknowledgeContainer>(), nullptr);
  EXPECT_TRUE(core.state.frameworks.empty());
  EXPECT_TRUE(core.state.updates.empty());
  EXPECT_EQ(core.state.completed_frameworks.size(), 1u);
}

TEST(Command, ShutdownOfTheAgentEndsEverythingThenExits) {
  Core core;
  core.start();
  const ContainerId id = core.run(core.framework(true), Core::task("t"));
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::SHUTDOWN);
  event.mutable_shutdown()->set_message("gone");
  core.master(event);
  EXPECT_EQ(core.one<Exit>(), nullptr);
  EXPECT_NE(core.one<SignalContainer>(), nullptr);
  core.step(ContainerExited{id, terminated_status});
  ASSERT_NE(core.one<Exit>(), nullptr);
  EXPECT_EQ(core.one<Exit>()->message, "gone");
  EXPECT_TRUE(core.stored.empty());
}

TEST(Command, OperatorStopUnregisters) {
  Core core;
  core.start();
  core.step(OperatorStopped{});
  ASSERT_NE(core.one<SendToMaster>(), nullptr);
  EXPECT_EQ(core.one<SendToMaster>()->call.type(), protocol::AgentCall::UNREGISTER);
  EXPECT_NE(core.one<Exit>(), nullptr);
}

}  // namespace
}  // namespace mesolith::agent
