// SPDX-License-Identifier: Apache-2.0
#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::CheckInfo;
using mesos::v1::HealthCheck;
using mesos::v1::TaskInfo;
using mesos::v1::TaskStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto health_updated = TaskStatus::REASON_TASK_HEALTH_CHECK_STATUS_UPDATED;
constexpr auto check_updated = TaskStatus::REASON_TASK_CHECK_STATUS_UPDATED;

TaskInfo healthy_task(double delay = 5, double interval = 10, double timeout = 3, double grace = 0,
                      uint32_t failures = 3) {
  TaskInfo info = Core::task("t", "sleep 1000");
  HealthCheck& check = *info.mutable_health_check();
  check.set_type(HealthCheck::COMMAND);
  check.mutable_command()->set_value("look");
  check.set_delay_seconds(delay);
  check.set_interval_seconds(interval);
  check.set_timeout_seconds(timeout);
  check.set_grace_period_seconds(grace);
  check.set_consecutive_failures(failures);
  return info;
}

TaskInfo checked_task(CheckInfo::Type type = CheckInfo::COMMAND) {
  TaskInfo info = Core::task("t", "sleep 1000");
  CheckInfo& check = *info.mutable_check();
  check.set_type(type);
  if (type == CheckInfo::COMMAND) check.mutable_command()->mutable_command()->set_value("look");
  if (type == CheckInfo::HTTP) check.mutable_http()->set_port(80);
  if (type == CheckInfo::TCP) check.mutable_tcp()->set_port(81);
  check.set_delay_seconds(0);
  check.set_interval_seconds(10);
  check.set_timeout_seconds(3);
  return info;
}

// Lets time pass until the next look, and gives the container it runs in.
ContainerId look(Core& core) {
  core.tick_at_deadline();
  const auto* launch = core.one<LaunchContainer>();
  EXPECT_NE(launch, nullptr);
  return launch ? launch->container_id : ContainerId();
}

// One look that ends like this. Its updates are acknowledged.
std::vector<TaskStatus> look_ends(Core& core, int status) {
  const ContainerId probe = look(core);
  core.step(ContainerLaunched{probe, 200});
  core.step(ContainerExited{probe, status});
  std::vector<TaskStatus> told;
  while (!core.updates().empty()) {
    told.push_back(core.last_update());
    core.acknowledge(told.back());
  }
  return told;
}

TEST(Health, LooksAfterTheDelayThenAnIntervalAfterEachEnd) {
  Core core;
  core.start();
  const Time launched = core.now;
  core.run(core.framework(), healthy_task());
  core.tick_at_deadline();
  EXPECT_EQ(core.now, launched + seconds(5));
  const auto* launch = core.one<LaunchContainer>();
  ASSERT_NE(launch, nullptr);
  core.advance(seconds(2));
  core.step(ContainerExited{launch->container_id, 0});
  EXPECT_EQ(core.all<AcknowledgeContainer>().size(), 1u);
  core.acknowledge(core.last_update());
  core.tick_at_deadline();
  EXPECT_EQ(core.now, launched + seconds(17));
  EXPECT_NE(core.one<LaunchContainer>(), nullptr);
}

TEST(Health, ALookRunsInTheTasksPlace) {
  Core core;
  core.start();
  TaskInfo info = healthy_task(0);
  info.mutable_command()->set_user("alice");
  for (auto* command : {info.mutable_command(), info.mutable_health_check()->mutable_command()}) {
    auto* variable = command->mutable_environment()->add_variables();
    variable->set_name("WHO");
    variable->set_value(command->value());
  }
  core.launch(core.framework(), info);
  const LaunchContainer task = *core.one<LaunchContainer>();
  core.step(ContainerLaunched{task.container_id, 100});
  core.tick_at_deadline();
  const auto* probe = core.one<LaunchContainer>();
  ASSERT_NE(probe, nullptr);
  EXPECT_NE(probe->container_id, task.container_id);
  EXPECT_EQ(probe->sandbox, task.sandbox);
  EXPECT_EQ(probe->user, "alice");
  EXPECT_EQ(probe->arguments, (std::vector<std::string>{"sh", "-c", "look"}));
  auto expected = task.environment;
  expected["WHO"] = "look";
  EXPECT_EQ(probe->environment, expected);
  EXPECT_DOUBLE_EQ(probe->mem_bytes, task.mem_bytes);
}

TEST(Health, EveryFailureAndTheFirstSuccessAreTold) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task());
  auto told = look_ends(core, 0);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), mesos::v1::TASK_RUNNING);
  EXPECT_EQ(told[0].reason(), health_updated);
  EXPECT_EQ(told[0].source(), TaskStatus::SOURCE_EXECUTOR);
  EXPECT_TRUE(told[0].healthy());
  EXPECT_EQ(told[0].container_status().executor_pid(), 100u);
  EXPECT_TRUE(look_ends(core, 0).empty());
  for (int i = 0; i < 2; ++i) {
    told = look_ends(core, exit_status(1));
    ASSERT_EQ(told.size(), 1u);
    EXPECT_TRUE(told[0].has_healthy());
    EXPECT_FALSE(told[0].healthy());
  }
  told = look_ends(core, 0);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].healthy());
  // It counts anew.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(look_ends(core, killed_status).size(), 1u);
  EXPECT_TRUE(core.all<SignalContainer>().empty());
}

TEST(Health, ConsecutiveFailuresKill) {
  Core core;
  core.start();
  const auto id = core.run(core.framework(false, true), healthy_task());
  for (int i = 0; i < 2; ++i) look_ends(core, exit_status(1));
  const ContainerId probe = look(core);
  core.step(ContainerExited{probe, exit_status(1)});
  ASSERT_NE(core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(core.one<SignalContainer>()->container_id, id);
  TaskStatus told = core.last_update();
  EXPECT_EQ(told.reason(), health_updated);
  core.acknowledge(told);
  told = core.last_update();
  EXPECT_EQ(told.state(), mesos::v1::TASK_KILLING);
  EXPECT_FALSE(told.has_healthy());
  core.acknowledge(told);
  core.step(ContainerExited{id, terminated_status});
  told = core.last_update();
  EXPECT_EQ(told.state(), mesos::v1::TASK_KILLED);
  EXPECT_TRUE(told.has_healthy());
  EXPECT_FALSE(told.healthy());
  EXPECT_FALSE(told.has_reason());
  EXPECT_TRUE(core.state.timers.empty());
  EXPECT_TRUE(core.state.probes.empty());
}

TEST(Health, FailuresWithinTheGracePeriodAreIgnored) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task(0, 10, 3, 20, 1));  // looks at 0, 10, 20, 30 seconds
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(look_ends(core, exit_status(1)).empty());
  EXPECT_EQ(look_ends(core, exit_status(1)).size(), 1u);
  EXPECT_TRUE(core.state.probes.empty());  // it is being killed
}

TEST(Health, ASuccessEndsTheGracePeriod) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task(0, 1, 3, 1000, 1));
  EXPECT_TRUE(look_ends(core, exit_status(1)).empty());
  EXPECT_EQ(look_ends(core, 0).size(), 1u);
  EXPECT_EQ(look_ends(core, exit_status(1)).size(), 1u);
}

TEST(Health, ATimeoutIsAFailure) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task());
  const ContainerId probe = look(core);
  core.step(ContainerLaunched{probe, 200});
  const Time begun = core.now;
  core.tick_at_deadline();
  EXPECT_EQ(core.now, begun + seconds(3));
  ASSERT_NE(core.one<DestroyContainer>(), nullptr);
  EXPECT_EQ(core.one<DestroyContainer>()->container_id, probe);
  EXPECT_FALSE(core.last_update().healthy());
  core.acknowledge(core.last_update());
  // Its end comes late and means nothing any more.
  core.step(ContainerExited{probe, 0});
  EXPECT_TRUE(core.updates().empty());
  EXPECT_EQ(core.all<AcknowledgeContainer>().size(), 1u);
  core.tick_at_deadline();
  EXPECT_EQ(core.now, begun + seconds(13));
}

TEST(Health, ATimeoutOfZeroIsNone) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task(0, 10, 0));
  look(core);
  EXPECT_TRUE(core.state.timers.empty());
}

TEST(Health, WhatCannotStartIsAFailure) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task());
  const ContainerId probe = look(core);
  core.step(
      ContainerLaunchFailed{probe, ContainerLaunchFailed::Cause::exec_failed, "no such file"});
  EXPECT_FALSE(core.last_update().healthy());
  EXPECT_EQ(core.state.counters["slave/container_launch_errors"], 0u);
}

TEST(Health, ALookThatTheLauncherLostSaysNothing) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task(0, 10, 3, 0, 1));
  const ContainerId probe = look(core);
  core.step(ContainerExited{probe, -1});
  EXPECT_TRUE(core.updates().empty());
  EXPECT_FALSE(core.state.timers.empty());
}

TEST(Health, AKillEndsTheLookUnderWay) {
  Core core;
  core.start();
  const auto id = core.run(core.framework(), healthy_task());
  const ContainerId probe = look(core);
  core.kill("t");
  ASSERT_NE(core.one<DestroyContainer>(), nullptr);
  EXPECT_EQ(core.one<DestroyContainer>()->container_id, probe);
  core.step(ContainerLaunched{probe, 200});  // it was on its way
  EXPECT_EQ(core.all<DestroyContainer>().size(), 1u);
  core.step(ContainerExited{probe, exit_status(1)});
  EXPECT_TRUE(core.updates().empty());
  core.step(ContainerExited{id, terminated_status});
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_FALSE(core.last_update().has_healthy());
}

TEST(Health, TheEndOfTheTaskEndsTheLookUnderWay) {
  Core core;
  core.start();
  const auto id = core.run(core.framework(), healthy_task());
  const ContainerId probe = look(core);
  core.step(ContainerExited{id, 0});
  ASSERT_NE(core.one<DestroyContainer>(), nullptr);
  EXPECT_EQ(core.one<DestroyContainer>()->container_id, probe);
  EXPECT_TRUE(core.state.timers.empty());
}

TEST(Health, ShortIntervalsAreStretched) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task(0, 0));
  look_ends(core, 0);
  const Time ended = core.now;
  look(core);
  EXPECT_EQ(core.now, ended + milliseconds(100));
}

TEST(Health, PortsAreProbed) {
  Core core;
  core.start();
  TaskInfo info = healthy_task();
  HealthCheck& check = *info.mutable_health_check();
  check.clear_command();
  check.set_type(HealthCheck::HTTP);
  check.mutable_http()->set_port(8080);
  check.mutable_http()->set_path("/health");
  check.mutable_http()->set_scheme("https");
  check.mutable_http()->set_protocol(mesos::v1::NetworkInfo::IPv6);
  core.run(core.framework(), info);
  core.tick_at_deadline();
  const auto* probe = core.one<ProbePort>();
  ASSERT_NE(probe, nullptr);
  EXPECT_EQ(probe->port, 8080);
  EXPECT_EQ(probe->http_path, "/health");
  EXPECT_TRUE(probe->ipv6);
  EXPECT_TRUE(probe->tls);
  const ContainerId id = probe->probe;
  core.step(Probed{id, true, 399, ""});
  EXPECT_TRUE(core.last_update().healthy());
  core.acknowledge(core.last_update());
  for (const std::optional<int> status : {std::optional(400), std::optional(199), {}}) {
    core.tick_at_deadline();
    ASSERT_NE(core.one<ProbePort>(), nullptr);
    core.step(Probed{core.one<ProbePort>()->probe, status.has_value(), status, "why"});
    ASSERT_EQ(core.updates().size(), 1u);
    EXPECT_FALSE(core.last_update().healthy());
    core.acknowledge(core.last_update());
  }
}

TEST(Health, APortProbeIsCancelledAtItsTimeout) {
  Core core;
  core.start();
  TaskInfo info = healthy_task();
  info.mutable_health_check()->clear_command();
  info.mutable_health_check()->set_type(HealthCheck::TCP);
  info.mutable_health_check()->mutable_tcp()->set_port(8080);
  core.run(core.framework(), info);
  core.tick_at_deadline();
  ASSERT_NE(core.one<ProbePort>(), nullptr);
  EXPECT_FALSE(core.one<ProbePort>()->http_path);
  const ContainerId id = core.one<ProbePort>()->probe;
  core.tick_at_deadline();
  ASSERT_NE(core.one<CancelProbe>(), nullptr);
  EXPECT_EQ(core.one<CancelProbe>()->probe, id);
  EXPECT_FALSE(core.last_update().healthy());
  core.acknowledge(core.last_update());
  EXPECT_TRUE(core.step(Probed{id, true, {}, ""}).empty());
}

TEST(Health, APortThatCannotBeIsAFailure) {
  Core core;
  core.start();
  TaskInfo info = healthy_task();
  info.mutable_health_check()->clear_command();
  info.mutable_health_check()->set_type(HealthCheck::TCP);
  info.mutable_health_check()->mutable_tcp()->set_port(65536);
  core.run(core.framework(), info);
  core.tick_at_deadline();
  EXPECT_EQ(core.one<ProbePort>(), nullptr);
  EXPECT_FALSE(core.last_update().healthy());
}

// What a restarted agent finds: the records, and the task still running.
Core restarted(const Core& before, const ContainerId& id, Duration away) {
  Core core;
  core.now = before.now + away;
  core.stored = before.stored;
  Recovered recovered;
  for (const auto& [key, bytes] : before.stored) recovered.records.emplace_back(key, bytes);
  recovered.containers.push_back({id, 100, std::nullopt, std::nullopt});
  core.step(recovered);
  return core;
}

TEST(Health, GoesOnAfterARestart) {
  Core before;
  before.start();
  const auto id = before.run(before.framework(true), healthy_task(5, 10, 3, 1000));
  for (const int status : {0, exit_status(1), exit_status(1)}) {
    const ContainerId probe = look(before);
    before.step(ContainerExited{probe, status});
    before.persisted();
    before.acknowledge(before.last_update());
    before.persisted();
  }
  const ContainerId lost = look(before);  // under way when the agent dies
  Core core = restarted(before, id, seconds(1));
  const Time restart = core.now;
  core.tick_at_deadline();  // to register; nobody answers
  while (core.all<LaunchContainer>().empty()) core.tick_at_deadline();
  EXPECT_EQ(core.now, restart + seconds(10));
  const ContainerId probe = core.one<LaunchContainer>()->container_id;
  EXPECT_NE(probe, lost);
  // It had been healthy, so no grace; and these were two failures already.
  core.step(ContainerExited{probe, exit_status(1)});
  ASSERT_NE(core.one<SignalContainer>(), nullptr);
  Core again = restarted(core, id, seconds(1));
  again.step(ContainerExited{id, terminated_status});
  again.persisted();
  const Framework& framework = again.state.frameworks.begin()->second;
  const auto& task = framework.executors.begin()->second.tasks.begin()->second;
  EXPECT_EQ(task.state, mesos::v1::TASK_KILLED);
  ASSERT_TRUE(task.statuses.back().has_healthy());
  EXPECT_FALSE(task.statuses.back().healthy());
}

TEST(Health, AnotherLookOfBeforeIsDestroyed) {
  Core before;
  before.start();
  const auto id = before.run(before.framework(true), healthy_task());
  const ContainerId lost = look(before);
  Core core;
  Recovered recovered;
  for (const auto& [key, bytes] : before.stored) recovered.records.emplace_back(key, bytes);
  recovered.containers.push_back({id, 100, std::nullopt, std::nullopt});
  recovered.containers.push_back({lost, 101, std::nullopt, std::nullopt});
  core.step(recovered);
  ASSERT_NE(core.one<DestroyContainer>(), nullptr);
  EXPECT_EQ(core.one<DestroyContainer>()->container_id, lost);
}

TEST(Health, ManyFailuresThatNobodyHearsAreBounded) {
  Core core;
  core.start();
  core.run(core.framework(), healthy_task(0, 1, 3, 0, 1000000));
  for (int i = 0; i < 200; ++i) {
    core.now = std::get<0>(*core.state.timers.begin());
    core.step(Tick{});
    const auto* launch = core.one<LaunchContainer>();
    ASSERT_NE(launch, nullptr);
    core.step(ContainerExited{launch->container_id, exit_status(i % 2)});
  }
  const auto& stream = core.state.updates.begin()->second;
  EXPECT_EQ(stream.updates.size(), watch_updates_max);
  EXPECT_FALSE(stream.updates.back().status.healthy());
  EXPECT_EQ(stream.latest->uuid(), stream.updates.back().status.uuid());
}

TEST(Check, ResultsAreToldWhenTheyChange) {
  Core core;
  core.start();
  core.launch(core.framework(), checked_task());
  const ContainerId id = core.one<LaunchContainer>()->container_id;
  core.step(ContainerLaunched{id, 100});
  TaskStatus told = core.last_update();
  EXPECT_EQ(told.check_status().type(), CheckInfo::COMMAND);
  EXPECT_TRUE(told.check_status().has_command());
  EXPECT_FALSE(told.check_status().command().has_exit_code());
  core.acknowledge(told);
  core.acknowledge(core.last_update());
  auto all = look_ends(core, exit_status(3));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].reason(), check_updated);
  EXPECT_EQ(all[0].check_status().command().exit_code(), 3);
  EXPECT_FALSE(all[0].has_healthy());
  EXPECT_TRUE(look_ends(core, exit_status(3)).empty());
  all = look_ends(core, 0);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all[0].check_status().command().has_exit_code());
  EXPECT_EQ(all[0].check_status().command().exit_code(), 0);
  // One that a signal ended has no result.
  all = look_ends(core, killed_status);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_FALSE(all[0].check_status().command().has_exit_code());
  core.step(ContainerExited{id, 0});
  EXPECT_TRUE(core.last_update().check_status().has_command());
  EXPECT_FALSE(core.last_update().check_status().command().has_exit_code());
}

TEST(Check, OfPorts) {
  for (const auto type : {CheckInfo::HTTP, CheckInfo::TCP}) {
    Core core;
    core.start();
    core.run(core.framework(), checked_task(type));
    core.tick_at_deadline();
    ASSERT_NE(core.one<ProbePort>(), nullptr);
    EXPECT_EQ(core.one<ProbePort>()->http_path.has_value(), type == CheckInfo::HTTP);
    core.step(Probed{core.one<ProbePort>()->probe, true,
                     type == CheckInfo::HTTP ? std::optional(418) : std::nullopt, ""});
    TaskStatus told = core.last_update();
    EXPECT_EQ(told.check_status().http().status_code(), type == CheckInfo::HTTP ? 418u : 0u);
    EXPECT_EQ(told.check_status().tcp().succeeded(), type == CheckInfo::TCP);
    core.acknowledge(told);
    // A refused connection is a result of a TCP check, and none of an HTTP check.
    core.tick_at_deadline();
    core.step(Probed{core.one<ProbePort>()->probe, false, std::nullopt, "refused"});
    told = core.last_update();
    EXPECT_FALSE(told.check_status().http().has_status_code());
    EXPECT_EQ(told.check_status().tcp().has_succeeded(), type == CheckInfo::TCP);
    EXPECT_FALSE(told.check_status().tcp().succeeded());
  }
}

TEST(Check, AndHealthKeepWhatTheOtherHasFound) {
  Core core;
  core.start();
  TaskInfo info = checked_task();
  *info.mutable_health_check() = healthy_task(1).health_check();
  core.run(core.framework(), info);
  ASSERT_EQ(look_ends(core, exit_status(7)).size(), 1u);
  const auto told = look_ends(core, 0);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].reason(), health_updated);
  EXPECT_TRUE(told[0].healthy());
  EXPECT_EQ(told[0].check_status().command().exit_code(), 7);
}

TEST(Check, IsNotToldAgainAfterARestart) {
  Core before;
  before.start();
  const auto id = before.run(before.framework(true), checked_task());
  const ContainerId probe = look(before);
  before.step(ContainerExited{probe, exit_status(7)});
  before.persisted();
  before.acknowledge(before.last_update());
  before.persisted();
  Core core = restarted(before, id, seconds(1));
  while (core.all<LaunchContainer>().empty()) core.tick_at_deadline();
  core.step(ContainerExited{core.one<LaunchContainer>()->container_id, exit_status(7)});
  EXPECT_TRUE(core.state.updates.begin()->second.updates.empty());
}

TEST(Completion, IsCountedFromTheLaunchEvenAfterARestart) {
  Core before;
  before.start();
  TaskInfo info = healthy_task(1, 10);
  info.mutable_max_completion_time()->set_nanoseconds(Duration(seconds(60)).count());
  const auto id = before.run(before.framework(true), info);
  const Time launched = before.now;
  before.step(ContainerExited{look(before), 0});
  before.persisted();
  Core core = restarted(before, id, seconds(20));
  while (core.all<SignalContainer>().empty()) core.tick_at_deadline();
  EXPECT_EQ(core.now, launched + seconds(60));
}

}  // namespace
}  // namespace mesolith::agent
