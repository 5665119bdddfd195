// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Pod {
  explicit Pod(bool checkpoint = false) : checkpoint(checkpoint) { core.start(); }

  Effects& launch(const std::vector<std::string>& ids, std::optional<bool> launch_executor = {}) {
    protocol::MasterEvent event;
    event.set_type(protocol::MasterEvent::LAUNCH_GROUP);
    auto& group = *event.mutable_launch_group();
    *group.mutable_framework() = core.framework(checkpoint, true);
    auto& executor = *group.mutable_executor();
    executor.set_type(mesos::v1::ExecutorInfo::DEFAULT);
    executor.mutable_executor_id()->set_value("pod");
    executor.mutable_framework_id()->set_value("F");
    Core::add_resources(*executor.mutable_resources(), 0.1, 32);
    for (const std::string& id : ids) {
      auto& task = *group.mutable_task_group()->add_tasks();
      task = Core::task(id, "sleep 1000");
      *task.mutable_executor() = executor;
      if (change) change(task);
    }
    if (launch_executor) group.set_launch_executor(*launch_executor);
    return core.master(event);
  }
  // Launched, told and acknowledged.
  void run(const std::vector<std::string>& ids) {
    launch(ids);
    if (checkpoint) core.persisted();
    std::vector<ContainerId> started;
    for (const auto* each : core.all<LaunchContainer>()) started.push_back(each->container_id);
    ASSERT_EQ(started.size(), ids.size());
    for (const ContainerId& id : started) {
      core.step(ContainerLaunched{id, 100});
      settle();
    }
  }
  // Everything told is acknowledged, in its order; gives it all.
  std::vector<TaskStatus> settle() {
    std::vector<TaskStatus> told;
    std::vector<TaskStatus> waiting;
    const auto collect = [&] {
      for (const auto& update : core.updates()) waiting.push_back(update.status());
    };
    collect();
    if (checkpoint && core.one<Persist>()) core.persisted(), collect();
    while (!waiting.empty()) {
      told.push_back(waiting.front());
      waiting.erase(waiting.begin());
      core.acknowledge(told.back());
      collect();
      if (checkpoint && core.one<Persist>()) core.persisted(), collect();
    }
    return told;
  }
  ContainerId container(const std::string& task) const {
    const Executor& executor =
        core.state.frameworks.at(FrameworkId("F")).executors.at(ExecutorId("pod"));
    return executor.tasks.at(TaskId(task)).command->container_id;
  }
  bool gone() const { return core.state.frameworks.empty(); }

  Core core;
  bool checkpoint;
  std::function<void(mesos::v1::TaskInfo&)> change;
};

std::vector<const protocol::AgentCall*> exits(const Core& core) {
  std::vector<const protocol::AgentCall*> found;
  for (const auto* each : core.all<SendToMaster>()) {
    if (each->call.type() == protocol::AgentCall::EXECUTOR_EXITED) found.push_back(&each->call);
  }
  return found;
}

TEST(Group, TasksStartTogetherWithoutAnExecutorProcess) {
  Pod pod;
  pod.launch({"a", "b"});
  const auto launches = pod.core.all<LaunchContainer>();
  ASSERT_EQ(launches.size(), 2u);
  const Executor& executor =
      pod.core.state.frameworks.at(FrameworkId("F")).executors.at(ExecutorId("pod"));
  for (const auto* launch : launches) {
    EXPECT_NE(launch->container_id, executor.container_id);
    EXPECT_EQ(launch->sandbox, executor.directory + "/containers/" + launch->container_id.value);
    EXPECT_DOUBLE_EQ(launch->cpus, 0.1);
    EXPECT_EQ(launch->environment,
              (std::map<std::string, std::string>{
                  {"MESOS_ALLOCATION_ROLE", "demo"},
                  {"MESOS_CONTAINER_IP", "10.0.0.2"},
                  {"MESOS_SANDBOX", launch->sandbox},
                  {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}));
  }
  EXPECT_EQ(launches[0]->link, executor.directory + "/tasks/a");
  EXPECT_EQ(launches[1]->link, executor.directory + "/tasks/b");
  pod.core.step(ContainerLaunched{pod.container("a"), 100});
  const auto told = pod.settle();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].state(), mesos::v1::TASK_RUNNING);
  EXPECT_EQ(told[1].executor_id().value(), "pod");
  EXPECT_EQ(told[1].container_status().container_id().value(), pod.container("a").value);
  EXPECT_EQ(told[1].container_status().container_id().parent().value(),
            executor.container_id.value);
}

TEST(Group, IsDurableAsAWholeBeforeItStarts) {
  Pod pod(true);
  pod.launch({"a", "b"});
  EXPECT_TRUE(pod.core.all<LaunchContainer>().empty());
  pod.core.persisted();
  EXPECT_EQ(pod.core.all<LaunchContainer>().size(), 2u);
}

TEST(Group, EndsWithItsLastTask) {
  for (const bool checkpoint : {false, true}) {
    Pod pod(checkpoint);
    pod.run({"a", "b"});
    pod.core.step(ContainerExited{pod.container("a"), 0});
    EXPECT_TRUE(exits(pod.core).empty());
    EXPECT_EQ(pod.settle().back().state(), mesos::v1::TASK_FINISHED);
    EXPECT_FALSE(pod.gone());
    pod.core.step(ContainerExited{pod.container("b"), 0});
    if (checkpoint) pod.core.persisted();
    ASSERT_EQ(exits(pod.core).size(), 1u);
    EXPECT_EQ(exits(pod.core)[0]->executor_exited().status(), 0);
    // FAILURE comes after what has ended the executor.
    EXPECT_EQ(std::get<SendToMaster>(pod.core.effects.front()).call.type(),
              protocol::AgentCall::UPDATE);
    pod.settle();
    EXPECT_TRUE(pod.gone());
    EXPECT_TRUE(pod.core.state.containers.empty());
    EXPECT_TRUE(pod.core.state.timers.empty());
    pod.core.stored.erase("agent");
    EXPECT_TRUE(pod.core.stored.empty());
  }
}

TEST(Group, AFailureKillsTheRestOfItsGroupOnly) {
  Pod pod;
  pod.run({"a", "b", "c"});
  pod.run({"other"});
  pod.core.step(ContainerExited{pod.container("c"), 0});
  pod.settle();
  pod.core.step(ContainerExited{pod.container("a"), exit_status(7)});
  ASSERT_NE(pod.core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(pod.core.one<SignalContainer>()->container_id, pod.container("b"));
  auto told = pod.settle();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(told[0].message(), "Command exited with status 7");
  EXPECT_FALSE(told[0].container_status().has_executor_pid());
  EXPECT_EQ(told[1].state(), mesos::v1::TASK_KILLING);
  pod.core.tick_at_deadline();  // it does not go by itself
  ASSERT_NE(pod.core.one<DestroyContainer>(), nullptr);
  pod.core.step(ContainerExited{pod.container("b"), killed_status});
  EXPECT_TRUE(exits(pod.core).empty());
  told = pod.settle();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state(), mesos::v1::TASK_KILLED);
  EXPECT_FALSE(pod.gone());
}

TEST(Group, AKillOfOneKillsAll) {
  Pod pod;
  pod.run({"a", "b"});
  pod.core.kill("a", milliseconds(100));
  ASSERT_NE(pod.core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(pod.core.one<SignalContainer>()->container_id, pod.container("a"));
  pod.settle();
  pod.core.step(ContainerExited{pod.container("a"), terminated_status});
  ASSERT_NE(pod.core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(pod.core.one<SignalContainer>()->container_id, pod.container("b"));
  pod.settle();
  pod.core.step(ContainerExited{pod.container("b"), 0});  // it did as it was told, in its own way
  EXPECT_EQ(pod.core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(exits(pod.core).size(), 1u);
}

TEST(Group, AKillBeforeTheStartEndsItAsAWhole) {
  Pod pod(true);
  pod.launch({"a", "b"});
  pod.core.kill("b");
  pod.core.persisted();
  EXPECT_TRUE(pod.core.all<LaunchContainer>().empty());
  auto told = pod.settle();
  ASSERT_EQ(told.size(), 2u);
  for (const TaskStatus& each : told) {
    EXPECT_EQ(each.state(), mesos::v1::TASK_KILLED);
    EXPECT_EQ(each.reason(), TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
    EXPECT_EQ(each.source(), TaskStatus::SOURCE_AGENT);
  }
  EXPECT_TRUE(pod.gone());
  EXPECT_TRUE(pod.core.state.containers.empty());
}

TEST(Group, AKillWhileStartingEndsIt) {
  Pod pod;
  pod.launch({"a", "b"});
  pod.core.kill("a");
  EXPECT_EQ(pod.core.all<DestroyContainer>().size(), 1u);
  pod.core.step(
      ContainerLaunchFailed{pod.container("a"), ContainerLaunchFailed::Cause::destroyed, ""});
  EXPECT_EQ(pod.core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(pod.core.all<DestroyContainer>().size(), 1u);  // of b
  pod.core.step(ContainerLaunched{pod.container("b"), 100});
  EXPECT_EQ(pod.core.all<DestroyContainer>().size(), 1u);
  pod.core.step(ContainerExited{pod.container("b"), killed_status});
  EXPECT_EQ(pod.core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(exits(pod.core).size(), 1u);
}

TEST(Group, ATaskThatCannotStartKillsTheRest) {
  Pod pod;
  pod.launch({"a", "b"});
  const ContainerId b = pod.container("b");
  pod.core.step(ContainerLaunched{pod.container("a"), 100});
  pod.settle();
  pod.core.step(ContainerLaunchFailed{b, ContainerLaunchFailed::Cause::fetch_failed, "no"});
  EXPECT_EQ(pod.core.updates().front().status().state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(pod.core.updates().front().status().reason(),
            TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  ASSERT_NE(pod.core.one<SignalContainer>(), nullptr);
}

TEST(Group, MaxCompletionTimeOfOneKillsTheRest) {
  Pod pod;
  pod.change = [](mesos::v1::TaskInfo& task) {
    if (task.task_id().value() == "a") {
      task.mutable_max_completion_time()->set_nanoseconds(Duration(seconds(5)).count());
    }
  };
  pod.run({"a", "b"});
  pod.core.tick_at_deadline();
  ASSERT_NE(pod.core.one<SignalContainer>(), nullptr);
  pod.core.step(ContainerExited{pod.container("a"), terminated_status});
  EXPECT_EQ(pod.core.updates().front().status().state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(pod.core.updates().front().status().reason(),
            TaskStatus::REASON_MAX_COMPLETION_TIME_REACHED);
  EXPECT_NE(pod.core.one<SignalContainer>(), nullptr);
}

TEST(Group, AnUnhealthyTaskKillsTheRest) {
  Pod pod;
  pod.change = [](mesos::v1::TaskInfo& task) {
    if (task.task_id().value() != "a") return;
    auto& check = *task.mutable_health_check();
    check.set_type(mesos::v1::HealthCheck::COMMAND);
    check.mutable_command()->set_value("look");
    check.set_consecutive_failures(1);
    check.set_grace_period_seconds(0);
  };
  pod.run({"a", "b"});
  pod.core.tick_at_deadline();
  const auto* look = pod.core.one<LaunchContainer>();
  ASSERT_NE(look, nullptr);
  EXPECT_TRUE(look->link.empty());
  EXPECT_TRUE(look->sandbox.ends_with("/containers/" + pod.container("a").value));
  pod.core.step(ContainerExited{look->container_id, exit_status(1)});
  pod.settle();
  pod.core.step(ContainerExited{pod.container("a"), terminated_status});
  EXPECT_TRUE(pod.core.updates().front().status().has_healthy());
  ASSERT_NE(pod.core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(pod.core.one<SignalContainer>()->container_id, pod.container("b"));
}

TEST(Group, ShutdownKillsWithinItsGrace) {
  Pod pod;
  pod.change = [](mesos::v1::TaskInfo& task) {
    task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
        Duration(seconds(1000)).count());
  };
  pod.run({"a", "b"});
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::SHUTDOWN_EXECUTOR);
  event.mutable_shutdown_executor()->mutable_framework_id()->set_value("F");
  event.mutable_shutdown_executor()->mutable_executor_id()->set_value("pod");
  const Time begun = pod.core.now;
  pod.core.master(event);
  EXPECT_EQ(pod.core.all<SignalContainer>().size(), 2u);
  pod.settle();
  pod.launch({"late"}, false);
  EXPECT_EQ(pod.core.last_update().state(), mesos::v1::TASK_DROPPED);
  EXPECT_EQ(pod.core.last_update().reason(), TaskStatus::REASON_EXECUTOR_TERMINATED);
  pod.core.tick_at_deadline();
  EXPECT_EQ(pod.core.now, begun + seconds(5));
  EXPECT_EQ(pod.core.all<DestroyContainer>().size(), 2u);
}

TEST(Group, TeardownEndsIt) {
  Pod pod(true);
  pod.run({"a", "b"});
  const ContainerId a = pod.container("a"), b = pod.container("b");
  protocol::MasterEvent event;
  event.set_type(protocol::MasterEvent::SHUTDOWN_FRAMEWORK);
  event.mutable_shutdown_framework()->mutable_framework_id()->set_value("F");
  pod.core.master(event);
  EXPECT_EQ(pod.core.all<SignalContainer>().size(), 2u);
  pod.core.step(ContainerExited{a, terminated_status});
  pod.core.persisted();
  pod.core.step(ContainerExited{b, terminated_status});
  pod.core.persisted();
  EXPECT_TRUE(pod.core.updates().empty());
  EXPECT_TRUE(pod.gone());
  pod.core.stored.erase("agent");
  EXPECT_TRUE(pod.core.stored.empty());
}

TEST(Group, ExecutorsCannotSubscribeForIt) {
  Pod pod;
  pod.run({"a"});
  ExecutorSubscribing event{7, {}};
  event.call.mutable_framework_id()->set_value("F");
  event.call.mutable_executor_id()->set_value("pod");
  event.call.set_type(mesos::v1::executor::Call::SUBSCRIBE);
  pod.core.step(event);
  ASSERT_EQ(pod.core.executor_events().size(), 1u);
  EXPECT_EQ(pod.core.executor_events()[0].type(), mesos::v1::executor::Event::SHUTDOWN);
}

TEST(Group, TheMasterHearsOfItAtARegistration) {
  Pod pod;
  pod.run({"a", "b"});
  pod.core.step(MasterDisconnected{pod.core.state.connection});
  pod.core.tick_at_deadline();
  const auto* subscribe = pod.core.one<SubscribeToMaster>();
  ASSERT_NE(subscribe, nullptr);
  EXPECT_EQ(subscribe->call.subscribe().executors_size(), 1);
  ASSERT_EQ(subscribe->call.subscribe().tasks_size(), 2);
  EXPECT_EQ(subscribe->call.subscribe().tasks(0).executor_id().value(), "pod");
}

struct Restart {
  Restart(const Pod& before, std::vector<ContainerListing> containers) : pod(true) {
    pod.core = Core();
    pod.core.now = before.core.now + seconds(1);
    pod.core.stored = before.core.stored;
    Recovered recovered;
    for (const auto& [key, bytes] : before.core.stored) recovered.records.emplace_back(key, bytes);
    recovered.containers = std::move(containers);
    pod.core.step(recovered);
  }
  Pod pod;
};

TEST(Group, GoesOnAfterARestart) {
  Pod before(true);
  before.run({"a", "b"});
  const ContainerId a = before.container("a"), b = before.container("b");
  Pod pod = Restart(before, {{a, 1, {}, {}}, {b, 2, {}, {}}}).pod;
  EXPECT_TRUE(pod.core.all<DestroyContainer>().empty());
  pod.core.connect();
  pod.core.step(ContainerExited{a, exit_status(1)});
  ASSERT_NE(pod.core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(pod.core.one<SignalContainer>()->container_id, b);
  pod.settle();
  // The grace goes on over another restart.
  const Time killed = pod.core.now;
  Pod again = Restart(pod, {{b, 2, {}, {}}}).pod;
  while (again.core.all<DestroyContainer>().empty()) again.core.tick_at_deadline();
  EXPECT_EQ(again.core.now, killed + seconds(3));
  again.core.connect();
  again.core.step(ContainerExited{b, killed_status});
  const auto told = again.settle();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().state(), mesos::v1::TASK_KILLED);
  EXPECT_TRUE(again.gone());
}

TEST(Group, WhatEndedMeanwhileIsToldAndItsGroupKilled) {
  Pod before(true);
  before.run({"a", "b"});
  const ContainerId a = before.container("a"), b = before.container("b");
  Pod pod = Restart(before, {{a, 1, exit_status(3), {}}, {b, 2, {}, {}}}).pod;
  ASSERT_NE(pod.core.one<SignalContainer>(), nullptr);
  EXPECT_EQ(pod.core.one<SignalContainer>()->container_id, b);
  pod.core.persisted();
  pod.core.connect();
  const auto told = pod.settle();
  EXPECT_EQ(told.front().state(), mesos::v1::TASK_FAILED);
}

TEST(Group, WhatEndedMeanwhileEndedByItself) {
  Pod before(true);
  before.run({"a", "b", "c"});
  std::vector<ContainerListing> containers;
  for (const auto& [task, code] : {std::pair("a", 0), {"b", 5}, {"c", 6}}) {
    containers.push_back({before.container(task), 1, exit_status(code), {}});
  }
  Pod pod = Restart(before, containers).pod;
  EXPECT_TRUE(pod.core.all<SignalContainer>().empty());
  pod.core.persisted();
  pod.core.connect();
  for (const TaskStatus& each : pod.settle()) {
    EXPECT_EQ(each.state(),
              each.task_id().value() == "a" ? mesos::v1::TASK_FINISHED : mesos::v1::TASK_FAILED);
  }
}

TEST(Group, OneThatHadNotStartedFails) {
  Pod before(true);
  before.launch({"a", "b"});  // durable, and the agent dies
  Pod pod = Restart(before, {}).pod;
  pod.core.persisted();
  pod.core.connect();
  const auto told = pod.settle();
  ASSERT_EQ(told.size(), 2u);
  for (const TaskStatus& each : told) EXPECT_EQ(each.state(), mesos::v1::TASK_FAILED);
  EXPECT_TRUE(pod.gone());
}

}  // namespace
}  // namespace mesolith::agent
