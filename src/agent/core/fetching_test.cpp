// SPDX-License-Identifier: Apache-2.0
#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;
using Cause = ContainerLaunchFailed::Cause;

mesos::v1::TaskInfo with_uri(mesos::v1::TaskInfo task) {
  auto* command =
      task.has_executor() ? task.mutable_executor()->mutable_command() : task.mutable_command();
  command->add_uris()->set_value("http://10.0.0.9/program.tar.gz");
  command->set_user("nobody");
  return task;
}

TEST(Fetching, ContainerIsLaunchedOnceItsUrisAreThere) {
  for (const auto& task : {Core::task("T"), Core::custom_task("T")}) {
    Core core;
    core.start();
    core.launch(core.framework(), with_uri(task));
    EXPECT_EQ(core.one<LaunchContainer>(), nullptr);
    const auto* fetch = core.one<FetchUris>();
    ASSERT_NE(fetch, nullptr);
    ASSERT_EQ(fetch->uris.size(), 1u);
    EXPECT_EQ(fetch->uris[0].value(), "http://10.0.0.9/program.tar.gz");
    EXPECT_EQ(fetch->user, "nobody");
    const FetchUris asked = *fetch;
    core.step(UrisFetched{asked.container_id});
    const auto* launch = core.one<LaunchContainer>();
    ASSERT_NE(launch, nullptr);
    EXPECT_EQ(launch->container_id, asked.container_id);
    EXPECT_EQ(launch->sandbox, asked.sandbox);
    EXPECT_EQ(core.state.counters["containerizer/fetcher/task_fetches_succeeded"], 1u);
  }
}

TEST(Fetching, NothingIsFetchedBeforeTheTaskIsDurable) {
  Core core;
  core.start();
  core.launch(core.framework(true), with_uri(Core::task("T")));
  EXPECT_EQ(core.one<FetchUris>(), nullptr);
  core.persisted();
  EXPECT_NE(core.one<FetchUris>(), nullptr);
}

TEST(Fetching, FailureFailsTheTask) {
  Core core;
  core.start();
  core.launch(core.framework(), with_uri(Core::task("T")));
  const ContainerId id = core.one<FetchUris>()->container_id;
  core.step(ContainerLaunchFailed{id, Cause::fetch_failed, "Failed to fetch 'x': it is not there"});
  const TaskStatus status = core.last_update();
  EXPECT_EQ(status.state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(status.reason(), TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  EXPECT_EQ(status.source(), TaskStatus::SOURCE_AGENT);
  EXPECT_EQ(status.message(), "Failed to launch container: Failed to fetch 'x': it is not there");
  EXPECT_EQ(core.state.counters["containerizer/fetcher/task_fetches_failed"], 1u);
}

TEST(Fetching, FailureFailsTheTasksOfAnExecutor) {
  Core core;
  core.start();
  core.launch(core.framework(), with_uri(Core::custom_task("T")));
  const ContainerId id = core.one<FetchUris>()->container_id;
  core.step(ContainerLaunchFailed{id, Cause::fetch_failed, "Failed to fetch 'x': 404"});
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
}

TEST(Fetching, KillEndsIt) {
  Core core;
  core.start();
  core.launch(core.framework(), with_uri(Core::task("T")));
  const ContainerId id = core.one<FetchUris>()->container_id;
  core.kill("T");
  ASSERT_NE(core.one<DestroyContainer>(), nullptr);
  EXPECT_TRUE(core.updates().empty());
  core.step(ContainerLaunchFailed{id, Cause::destroyed, "stopped"});
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
}

// The fetch was done when DestroyContainer came, and its answer was still on its way.
TEST(Fetching, KilledAfterItsEndIsNotLaunched) {
  Core core;
  core.start();
  core.launch(core.framework(), with_uri(Core::task("T")));
  const ContainerId id = core.one<FetchUris>()->container_id;
  core.kill("T");
  core.step(UrisFetched{id});
  EXPECT_EQ(core.one<LaunchContainer>(), nullptr);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_KILLED);
}

TEST(Fetching, ExecutorThatIsTooLateIsNotLaunched) {
  Core core;
  core.start();
  core.launch(core.framework(), with_uri(Core::custom_task("T")));
  const ContainerId id = core.one<FetchUris>()->container_id;
  core.tick_at_deadline();  // of its registration
  ASSERT_NE(core.one<DestroyContainer>(), nullptr);
  core.step(UrisFetched{id});
  EXPECT_EQ(core.one<LaunchContainer>(), nullptr);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(core.last_update().reason(), TaskStatus::REASON_EXECUTOR_REGISTRATION_TIMEOUT);
}

TEST(Fetching, RestartMeanwhileFailsTheTask) {
  Core core;
  core.start();
  core.launch(core.framework(true), with_uri(Core::task("T")));
  core.persisted();
  ASSERT_NE(core.one<FetchUris>(), nullptr);
  Core after;
  Recovered recovered;
  recovered.records.assign(core.stored.begin(), core.stored.end());
  after.step(recovered);
  after.persisted();
  after.connect();
  const TaskStatus status = after.last_update();
  EXPECT_EQ(status.state(), mesos::v1::TASK_FAILED);
  EXPECT_EQ(status.task_id().value(), "T");
}

}  // namespace
}  // namespace mesolith::agent
