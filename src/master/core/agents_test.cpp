// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "master/core/test_cluster.hpp"

namespace mesolith::master {
namespace {

using namespace std::chrono_literals;
using SchedulerEvent = TestCluster::SchedulerEvent;
using MasterEvent = TestCluster::MasterEvent;
using AgentCall = TestCluster::AgentCall;
using Call = TestCluster::Call;
using mesos::v1::TaskStatus;

AgentSubscribing returning(const TestCluster& cluster, const TestCluster::Agent& agent,
                           StreamId stream) {
  AgentSubscribing subscribing{stream, "uuid-again", "", cluster.agent_subscribe("10.0.0.2:5051")};
  subscribing.call.mutable_subscribe()->mutable_agent_info()->mutable_id()->set_value(agent.id);
  return subscribing;
}

void list_tasks(TestCluster& cluster, AgentSubscribing& subscribing,
                const TestCluster::Framework& framework) {
  const auto& known = cluster.state.frameworks.at(FrameworkId(framework.id));
  auto& subscribe = *subscribing.call.mutable_subscribe();
  *subscribe.add_frameworks() = known.info;
  for (const auto& [id, task] : known.tasks) *subscribe.add_tasks() = task.proto;
  for (const auto& [id, task] : known.unreachable_tasks) {
    auto& listed = *subscribe.add_tasks();
    listed = task.proto;
    listed.set_state(mesos::v1::TASK_RUNNING);
  }
}

TEST(AgentsTest, AnAgentHearsSubscribedOnlyWhenItsAdmissionIsDurable) {
  TestCluster cluster;
  cluster.hold_persists = true;
  const auto agent = cluster.add_agent();
  EXPECT_TRUE(agent.id.empty());
  ASSERT_EQ(cluster.held.size(), 1u);
  EXPECT_TRUE(cluster.state.agents.empty());
  cluster.step(RegistryPersisted{cluster.held[0]});
  const auto subscribed = cluster.taken(agent.stream, MasterEvent::SUBSCRIBED);
  ASSERT_EQ(subscribed.size(), 1u);
  EXPECT_EQ(subscribed[0].subscribed().agent_id().value(), cluster.state.master_id + "-S0");
}

TEST(AgentsTest, ARepeatedSubscriptionTakesThePlaceOfThePendingOne) {
  TestCluster cluster;
  cluster.hold_persists = true;
  const auto first = cluster.add_agent();
  const auto second = cluster.add_agent();
  ASSERT_EQ(cluster.held.size(), 1u);
  cluster.step(RegistryPersisted{cluster.held[0]});
  EXPECT_TRUE(cluster.closed(first.stream));
  EXPECT_EQ(cluster.taken(second.stream, MasterEvent::SUBSCRIBED).size(), 1u);
}

TEST(AgentsTest, AnAgentThatHungUpWhileItWasAdmittedIsDisconnected) {
  TestCluster cluster;
  cluster.hold_persists = true;
  const auto agent = cluster.add_agent();
  cluster.step(StreamClosed{agent.stream});
  cluster.step(RegistryPersisted{cluster.held[0]});
  ASSERT_EQ(cluster.state.agents.size(), 1u);
  EXPECT_FALSE(cluster.state.agents.begin()->second.connected);
}

TEST(AgentsTest, ASilentAgentBecomesUnreachableAndItsTasksWithIt) {
  Options options;
  options.agent_ping_timeout = 1s;
  options.max_agent_ping_timeouts = 2;
  TestCluster cluster(options);
  const auto agent = cluster.add_agent();
  const auto aware = cluster.subscribe(TestCluster::info("aware", true, 60));
  cluster.accept(aware, cluster.offer(aware), {TestCluster::task("t", agent.id)}, 0);
  cluster.update(agent, aware, "t", mesos::v1::TASK_RUNNING);
  cluster.status(aware);
  cluster.offer(aware);
  cluster.advance(4s);
  const TaskStatus status = cluster.status(aware);
  EXPECT_EQ(status.state(), mesos::v1::TASK_UNREACHABLE);
  EXPECT_EQ(status.reason(), TaskStatus::REASON_AGENT_REMOVED);
  EXPECT_TRUE(status.has_unreachable_time());
  EXPECT_EQ(cluster.taken(aware.stream, SchedulerEvent::RESCIND).size(), 1u);
  EXPECT_EQ(cluster.taken(aware.stream, SchedulerEvent::FAILURE).size(), 1u);
  EXPECT_TRUE(cluster.closed(agent.stream));

  AgentSubscribing again = returning(cluster, agent, 77);
  list_tasks(cluster, again, aware);
  cluster.step(again);
  const TaskStatus back = cluster.status(aware);
  EXPECT_EQ(back.state(), mesos::v1::TASK_RUNNING);
  EXPECT_EQ(back.reason(), TaskStatus::REASON_AGENT_REREGISTERED);
  EXPECT_TRUE(cluster.state.unreachable_agents.empty());
}

TEST(AgentsTest, AnAgentThatAnswersPingsStays) {
  Options options;
  options.agent_ping_timeout = 1s;
  options.max_agent_ping_timeouts = 2;
  TestCluster cluster(options);
  const auto agent = cluster.add_agent();
  for (int i = 0; i < 10; ++i) {
    cluster.advance(1s);
    EXPECT_EQ(cluster.taken(agent.stream, MasterEvent::PING).size(), 1u);
    AgentCall pong;
    pong.set_type(AgentCall::PONG);
    cluster.call(agent, pong);
  }
  EXPECT_EQ(cluster.state.agents.size(), 1u);
}

TEST(AgentsTest, ALostConnectionCostsOnlyThoseWhoDoNotCheckpoint) {
  TestCluster cluster;
  const auto agent = cluster.add_agent();
  const auto keeps = cluster.subscribe(TestCluster::info("keeps", true, 60));
  cluster.accept(keeps, cluster.offer(keeps), {TestCluster::task("k", agent.id)}, 600);
  auto info = TestCluster::info("forgets", true, 60);
  info.set_checkpoint(false);
  const auto forgets = cluster.subscribe(info);
  cluster.accept(forgets, cluster.offer(forgets), {TestCluster::task("f", agent.id)}, 600);
  cluster.step(StreamClosed{agent.stream});
  const TaskStatus lost = cluster.status(forgets);
  EXPECT_EQ(lost.state(), mesos::v1::TASK_LOST);
  EXPECT_EQ(lost.reason(), TaskStatus::REASON_AGENT_DISCONNECTED);
  EXPECT_TRUE(cluster.taken(keeps.stream, SchedulerEvent::UPDATE).empty());

  AgentSubscribing again = returning(cluster, agent, 78);
  list_tasks(cluster, again, keeps);
  cluster.step(again);
  const auto welcomed = cluster.taken(78, MasterEvent::SUBSCRIBED);
  ASSERT_EQ(welcomed.size(), 1u);
  EXPECT_EQ(welcomed[0].subscribed().reconcile_size(), 0);
}

TEST(AgentsTest, TasksThatAReturningAgentDoesNotListAreAskedFor) {
  TestCluster cluster;
  const auto agent = cluster.add_agent();
  const auto framework = cluster.subscribe(TestCluster::info("f", true, 60));
  cluster.accept(framework, cluster.offer(framework), {TestCluster::task("t", agent.id)}, 600);
  cluster.step(StreamClosed{agent.stream});
  cluster.step(returning(cluster, agent, 79));
  const auto welcomed = cluster.taken(79, MasterEvent::SUBSCRIBED);
  ASSERT_EQ(welcomed.size(), 1u);
  ASSERT_EQ(welcomed[0].subscribed().reconcile_size(), 1);
  EXPECT_EQ(welcomed[0].subscribed().reconcile(0).task_ids(0).value(), "t");
}

TEST(AgentsTest, AfterARestartTheMasterLearnsItsTasksFromTheAgents) {
  TestCluster before;
  const auto agent = before.add_agent();
  const auto framework = before.subscribe(TestCluster::info("f", true, 60));
  before.accept(framework, before.offer(framework), {TestCluster::task("t", agent.id)}, 600);
  AgentSubscribing again = returning(before, agent, 5);
  list_tasks(before, again, framework);

  State state(Options{}, 2, Time(2000s));
  Effects effects;
  RegistryRecovered recovered;
  recovered.master = before.state.record;
  registry::Agent& record = recovered.agents.emplace_back();
  *record.mutable_info() = before.state.agents.begin()->second.info;
  record.set_standing(registry::Agent::ADMITTED);
  const auto settle = [&](const Event& event) {
    effects.clear();
    step(state, Time(2000s), event, effects);
    const Effects caused = effects;
    for (const Effect& effect : caused) {
      if (const auto* persist = std::get_if<Persist>(&effect)) {
        step(state, Time(2000s), RegistryPersisted{persist->ticket}, effects);
      }
    }
  };
  settle(recovered);
  EXPECT_EQ(state.recovered_agents.size(), 1u);
  EXPECT_EQ(state.record.incarnation(), before.state.record.incarnation() + 1);
  EXPECT_NE(state.master_id, before.state.master_id);
  settle(again);
  EXPECT_TRUE(state.recovered_agents.empty());
  const auto& found = state.frameworks.at(FrameworkId(framework.id));
  EXPECT_TRUE(found.recovered);
  EXPECT_TRUE(found.tasks.contains(TaskId("t")));
  EXPECT_EQ(found.used.size(), 1u);
}

// Two connections of one agent may be heard of in the wrong order.
TEST(AgentsTest, ATaskThatEndedIsNotTakenUpAgainFromAnOlderList) {
  TestCluster cluster;
  const auto agent = cluster.add_agent("10.0.0.2:5051");
  const auto framework = cluster.subscribe(TestCluster::info("f"));
  const auto task = TestCluster::task("t", agent.id);
  cluster.accept(framework, cluster.offer(framework), {task});
  cluster.update(agent, framework, "t", mesos::v1::TASK_FINISHED);
  Call acknowledge;
  acknowledge.set_type(Call::ACKNOWLEDGE);
  acknowledge.mutable_acknowledge()->mutable_agent_id()->set_value(agent.id);
  acknowledge.mutable_acknowledge()->mutable_task_id()->set_value("t");
  acknowledge.mutable_acknowledge()->set_uuid("0123456789abcdef");
  cluster.call(framework, acknowledge);
  const auto& tasks = cluster.state.frameworks.at(FrameworkId(framework.id)).tasks;
  ASSERT_TRUE(tasks.empty());

  AgentSubscribing older{77, "uuid", "", cluster.agent_subscribe("10.0.0.2:5051")};
  auto& subscribe = *older.call.mutable_subscribe();
  subscribe.mutable_agent_info()->mutable_id()->set_value(agent.id);
  *subscribe.add_frameworks() = cluster.state.frameworks.at(FrameworkId(framework.id)).info;
  auto& listed = *subscribe.add_tasks();
  listed.set_name("t");
  listed.mutable_task_id()->set_value("t");
  listed.mutable_framework_id()->set_value(framework.id);
  listed.mutable_agent_id()->set_value(agent.id);
  listed.set_state(mesos::v1::TASK_RUNNING);
  cluster.step(older);
  ASSERT_EQ(cluster.taken(77, MasterEvent::SUBSCRIBED).size(), 1u);
  EXPECT_TRUE(tasks.empty());
  const auto& completed = cluster.state.frameworks.at(FrameworkId(framework.id)).completed_tasks;
  ASSERT_EQ(completed.size(), 1u);
  EXPECT_EQ(completed[0].state(), mesos::v1::TASK_FINISHED);

  // That it has ended, of which the agent has not been told, is told again.
  listed.set_state(mesos::v1::TASK_FINISHED);
  older.stream = 78;
  cluster.step(older);
  EXPECT_EQ(tasks.size(), 1u);
}

// Whatever agent the list names: by another's the framework's end would not be survived.
TEST(AgentsTest, AListedTaskIsOnTheAgentThatListsIt) {
  TestCluster cluster;
  const auto framework = cluster.subscribe(TestCluster::info("f"));
  AgentSubscribing subscribing{77, "uuid", "", cluster.agent_subscribe("10.0.0.3:5051")};
  auto& subscribe = *subscribing.call.mutable_subscribe();
  *subscribe.add_frameworks() = cluster.state.frameworks.at(FrameworkId(framework.id)).info;
  auto& listed = *subscribe.add_tasks();
  listed.set_name("t");
  listed.mutable_task_id()->set_value("t");
  listed.mutable_framework_id()->set_value(framework.id);
  listed.mutable_agent_id()->set_value("");
  listed.set_state(mesos::v1::TASK_RUNNING);
  cluster.step(subscribing);
  const auto agent = cluster.taken(77, MasterEvent::SUBSCRIBED);
  ASSERT_EQ(agent.size(), 1u);
  const auto& tasks = cluster.state.frameworks.at(FrameworkId(framework.id)).tasks;
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_EQ(tasks.begin()->second.proto.agent_id().value(),
            agent[0].subscribed().agent_id().value());
  cluster.step(FrameworkTornDown{FrameworkId(framework.id)});
  EXPECT_EQ(cluster.taken(77, MasterEvent::SHUTDOWN_FRAMEWORK).size(), 1u);
}

TEST(AgentsTest, AnAgentThatDoesNotComeBackIsUnreachableAndFrameworksHearOfIt) {
  State state(Options{}, 2, Time(0s));
  Effects effects;
  RegistryRecovered recovered;
  registry::Agent& record = recovered.agents.emplace_back();
  record.mutable_info()->set_hostname("h");
  record.mutable_info()->mutable_id()->set_value("S1");
  record.set_standing(registry::Agent::ADMITTED);
  step(state, Time(0s), recovered, effects);
  step(state, Time(0s), RegistryPersisted{1}, effects);
  EXPECT_EQ(next_deadline(state, Time(0s)), Time(10min));
  step(state, Time(10min), Tick{}, effects);
  step(state, Time(10min), RegistryPersisted{2}, effects);
  EXPECT_TRUE(state.recovered_agents.empty());
  EXPECT_EQ(state.unreachable_agents.size(), 1u);
}

}  // namespace
}  // namespace mesolith::master
