// SPDX-License-Identifier: Apache-2.0
// Status updates, acknowledgements, kills, reconciliation, messages (mesos-api.md 1.4, 1.9, 1.10).
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

const std::string checkpoint = "checkpoint: true failover_timeout: 1000 ";

std::string kill_call(const std::string& task, const std::string& more = "") {
  return "type: KILL kill { task_id { value: '" + task + "' } " + more + " }";
}
std::string ask(const std::string& task, const std::string& agent = "") {
  return "type: RECONCILE reconcile { tasks { task_id { value: '" + task + "' } " +
         (agent.empty() ? "" : "agent_id { value: '" + agent + "' }") + " } }";
}
std::string listed(const std::string& framework, const std::string& task, const std::string& agent,
                   const std::string& state) {
  return "tasks { name: 't' task_id { value: '" + task + "' } framework_id { value: '" + framework +
         "' } agent_id { value: '" + agent + "' } executor_id { value: '" + task +
         "' } state: " + state + " " + scalar("cpus", 1, "allocation_info { role: '*' }") +
         scalar("mem", 32, "allocation_info { role: '*' }") + " } ";
}

TEST(Updates, AreForwardedAsTheyCame) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.launch(scheduler, master.offer(scheduler), SteppedMaster::task("t", node.id));
  master.update(node, scheduler, "t", "TASK_RUNNING", "u1", "data: 'secret' healthy: true");
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(updates[0].uuid(), "u1");
  EXPECT_EQ(updates[0].data(), "secret");
  EXPECT_EQ(updates[0].source(), TaskStatus::SOURCE_EXECUTOR);
  master.update(node, scheduler, "t", "TASK_RUNNING", "u2", "healthy: false");
  const auto& task = master.framework(scheduler).tasks.at(TaskId("t"));
  ASSERT_EQ(task.proto.statuses_size(), 1);  // equal states overwrite
  EXPECT_FALSE(task.proto.statuses(0).healthy());
  EXPECT_FALSE(task.proto.statuses(0).has_data());
}

TEST(Updates, TheLatestStateFreesResourcesTheAcknowledgementEndsTheTask) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.launch(scheduler, master.offer(scheduler), SteppedMaster::task("t", node.id),
                "filters { refuse_seconds: 0 }");
  master.update(node, scheduler, "t", "TASK_STARTING", "u1", "", "TASK_FINISHED");
  EXPECT_TRUE(master.framework(scheduler).used.empty());
  EXPECT_EQ(master.framework(scheduler).tasks.at(TaskId("t")).proto.state(),
            mesos::v1::TASK_FINISHED);
  master.acknowledge(scheduler, node, "t", "u1");
  const auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].acknowledge().uuid(), "u1");
  EXPECT_EQ(master.framework(scheduler).tasks.size(), 1U);

  master.update(node, scheduler, "t", "TASK_FINISHED", "u2");
  EXPECT_EQ(master.updates(scheduler.stream).size(), 1U);
  EXPECT_EQ(master.counter("tasks_finished"), 1U);
  master.acknowledge(scheduler, node, "t", "other");  // not the update that was forwarded last
  EXPECT_EQ(master.framework(scheduler).tasks.size(), 1U);
  master.acknowledge(scheduler, node, "t", "u2");
  EXPECT_TRUE(master.framework(scheduler).tasks.empty());
  ASSERT_EQ(master.framework(scheduler).completed_tasks.size(), 1U);
  EXPECT_EQ(master.orders(node.stream, MasterEvent::ACKNOWLEDGE).size(), 1U);
}

TEST(Updates, OfUnknownTasksReachTheFrameworkAllTheSame) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.update(node, scheduler, "ghost", "TASK_FAILED", "u1");
  EXPECT_EQ(master.updates(scheduler.stream).size(), 1U);
  master.acknowledge(scheduler, node, "ghost", "u1");
  EXPECT_EQ(master.orders(node.stream, MasterEvent::ACKNOWLEDGE).size(), 1U);
}

TEST(Updates, AreDroppedWhileTheFrameworkIsAway) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe("failover_timeout: 100");
  master.launch(scheduler, master.offer(scheduler), SteppedMaster::task("t", node.id));
  master.step(StreamClosed{scheduler.stream});
  master.update(node, scheduler, "t", "TASK_FINISHED", "u1");
  EXPECT_TRUE(master.effects.empty());
  const Scheduler again =
      master.subscribe("failover_timeout: 100 id { value: '" + scheduler.id + "' }");
  master.update(node, again, "t", "TASK_FINISHED", "u1");  // the agent repeats it
  EXPECT_EQ(master.updates(again.stream).size(), 1U);
}

TEST(Acknowledgements, ThatMakeNoSenseAreDropped) {
  SteppedMaster master;
  const Node node = master.admit();
  const Node other = master.admit("10.0.0.3:5051");
  const Scheduler scheduler = master.subscribe();
  master.tick();
  for (const auto& offer : master.offers(scheduler.stream)) {
    if (offer.agent_id().value() != node.id) continue;
    master.launch(scheduler, offer, SteppedMaster::task("t", node.id));
  }
  ASSERT_EQ(master.framework(scheduler).tasks.size(), 1U);
  master.acknowledge(scheduler, node, "t", "early");  // nothing was forwarded
  EXPECT_TRUE(master.effects.empty());
  master.update(node, scheduler, "t", "TASK_FINISHED", "u1");
  master.acknowledge(scheduler, other, "t", "u1");  // another agent
  EXPECT_TRUE(master.effects.empty());
  master.acknowledge(scheduler, Node{0, "nobody"}, "t", "u1");
  EXPECT_TRUE(master.effects.empty());
  EXPECT_EQ(master.counter("invalid_status_update_acknowledgements"), 3U);
  EXPECT_EQ(master.framework(scheduler).tasks.size(), 1U);
}

TEST(Updates, CompletedTasksAreBounded) {
  Options options;
  options.max_completed_tasks_per_framework = 2;
  SteppedMaster master(options);
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  for (const std::string id : {"a", "b", "c"}) {
    master.run_task(scheduler, node, id);
    master.update(node, scheduler, id, "TASK_FINISHED", "f" + id);
    master.acknowledge(scheduler, node, id, "f" + id);
  }
  const auto& completed = master.framework(scheduler).completed_tasks;
  ASSERT_EQ(completed.size(), 2U);
  EXPECT_EQ(completed.back().task_id().value(), "c");
}

TEST(Kills, GoToTheAgentWithTheirPolicy) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.run_task(scheduler, node, "t");
  master.call(scheduler, kill_call("t", "kill_policy { grace_period { nanoseconds: 5 } }"));
  const auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].kill().task_id().value(), "t");
  EXPECT_EQ(orders[0].kill().kill_policy().grace_period().nanoseconds(), 5);
  master.call(scheduler, kill_call("t", "agent_id { value: 'another' }"));
  EXPECT_TRUE(master.effects.empty());
}

TEST(Kills, OfUnknownTasksReconcile) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe(partition_aware);
  master.call(scheduler, kill_call("no-task", "agent_id { value: '" + node.id + "' }"));
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(updates[0].state(), mesos::v1::TASK_GONE);
  EXPECT_EQ(updates[0].reason(), TaskStatus::REASON_RECONCILIATION);
}

TEST(Kills, AreSentAgainToAnAgentThatReturnsUntilTheTaskEnds) {
  SteppedMaster master;
  Node node = master.admit();
  const Scheduler scheduler = master.subscribe(checkpoint);
  master.run_task(scheduler, node, "t");
  master.call(scheduler, kill_call("t"));  // lost with the connection
  master.step(StreamClosed{node.stream});
  const std::string tasks = listed(scheduler.id, "t", node.id, "TASK_RUNNING");
  node.stream = master.ask_admission(node.id, tasks);
  EXPECT_EQ(master.orders(node.stream, MasterEvent::KILL).size(), 1U);
  master.step(StreamClosed{node.stream});
  master.call(scheduler, kill_call("t", "kill_policy { grace_period { nanoseconds: 7 } }"));
  EXPECT_TRUE(master.effects.empty());
  node.stream = master.ask_admission(node.id, tasks);
  const auto kills = master.orders(node.stream, MasterEvent::KILL);
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].kill().kill_policy().grace_period().nanoseconds(), 7);
  master.update(node, scheduler, "t", "TASK_KILLED", "k");
  master.acknowledge(scheduler, node, "t", "k");
  master.step(StreamClosed{node.stream});
  node.stream = master.ask_admission(node.id);
  EXPECT_TRUE(master.orders(node.stream, MasterEvent::KILL).empty());
}

TEST(Reconciliation, ImplicitTellsOfEveryTaskHeld) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.run_task(scheduler, node, "a");
  master.run_task(scheduler, node, "b");
  master.launch(scheduler, master.offer(scheduler), SteppedMaster::task("c", node.id));
  // The state that was forwarded last, though a later one is known.
  master.update(node, scheduler, "b", "TASK_RUNNING", "u", "healthy: true", "TASK_FINISHED");
  master.call(scheduler, "type: RECONCILE reconcile {}");
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 3U);
  EXPECT_EQ(updates[0].state(), mesos::v1::TASK_RUNNING);
  EXPECT_EQ(updates[1].state(), mesos::v1::TASK_RUNNING);
  EXPECT_TRUE(updates[1].healthy());
  EXPECT_EQ(updates[2].state(), mesos::v1::TASK_STAGING);
  for (const auto& status : updates) {
    EXPECT_EQ(status.reason(), TaskStatus::REASON_RECONCILIATION);
    EXPECT_EQ(status.message(), "Reconciliation: Latest task state");
    EXPECT_EQ(status.source(), TaskStatus::SOURCE_MASTER);
    EXPECT_EQ(status.agent_id().value(), node.id);
    EXPECT_FALSE(status.has_uuid());
  }
}

// The table of 1.10, for partition-aware frameworks and the others.
class Explicit : public testing::TestWithParam<bool> {
 protected:
  void expect(SteppedMaster& master, const Scheduler& scheduler, const std::string& agent,
              mesos::v1::TaskState state) {
    master.call(scheduler, ask("t", agent));
    const auto updates = master.updates(scheduler.stream);
    ASSERT_EQ(updates.size(), 1U) << agent;
    EXPECT_EQ(updates[0].state(), GetParam() ? state : mesos::v1::TASK_LOST) << agent;
    EXPECT_EQ(updates[0].reason(), TaskStatus::REASON_RECONCILIATION);
    EXPECT_EQ(updates[0].has_unreachable_time(), state == mesos::v1::TASK_UNREACHABLE);
    EXPECT_EQ(updates[0].agent_id().value(), agent);
  }
  std::string info() const { return GetParam() ? partition_aware : ""; }
};

TEST_P(Explicit, ByWhatIsKnownOfTheAgent) {
  RegistryRecovered registry;
  registry.master = parse<registry::Master>("id: 'm' agents_admitted: 3 incarnation: 1");
  registry.agents.push_back(parse<registry::Agent>(
      "info { hostname: 'h' id { value: 'm-S0' } } standing: UNREACHABLE since { nanoseconds: 5 "
      "}"));
  registry.agents.push_back(
      parse<registry::Agent>("info { hostname: 'h' id { value: 'm-S1' } } standing: GONE"));
  SteppedMaster master({}, registry);
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe(info());
  expect(master, scheduler, node.id, mesos::v1::TASK_GONE);
  expect(master, scheduler, "m-S0", mesos::v1::TASK_UNREACHABLE);
  expect(master, scheduler, "m-S1", mesos::v1::TASK_GONE_BY_OPERATOR);
  expect(master, scheduler, "m-S7", mesos::v1::TASK_UNKNOWN);
  expect(master, scheduler, "", mesos::v1::TASK_UNKNOWN);
}

TEST_P(Explicit, NoAnswerWhileTheAgentMayComeBack) {
  RegistryRecovered registry;
  registry.master = parse<registry::Master>("id: 'm' agents_admitted: 3 incarnation: 1");
  registry.agents.push_back(
      parse<registry::Agent>("info { hostname: 'h' id { value: 'm-S0' } } standing: ADMITTED"));
  SteppedMaster master({}, registry);
  const Scheduler scheduler = master.subscribe(info());
  master.call(scheduler, ask("t", "m-S0"));
  EXPECT_TRUE(master.effects.empty());
  master.call(scheduler, ask("t"));  // any agent might have it
  EXPECT_TRUE(master.effects.empty());
  expect(master, scheduler, "m-S9", mesos::v1::TASK_UNKNOWN);
}

INSTANTIATE_TEST_SUITE_P(PartitionAware, Explicit, testing::Bool());

TEST(Messages, BothWaysAndShutdown) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  const std::string whom = "agent_id { value: '" + node.id + "' } executor_id { value: 'e' } ";
  master.call(scheduler, "type: MESSAGE message { " + whom + " data: 'hello' }");
  ASSERT_EQ(master.orders(node.stream).size(), 1U);
  EXPECT_EQ(master.orders(node.stream)[0].message().data(), "hello");
  master.call(scheduler, "type: SHUTDOWN shutdown { " + whom + " }");
  ASSERT_EQ(master.orders(node.stream).size(), 1U);
  EXPECT_EQ(master.orders(node.stream)[0].shutdown_executor().executor_id().value(), "e");
  master.agent_calls(node, "type: MESSAGE message { framework_id { value: '" + scheduler.id +
                               "' } executor_id { value: 'e' } data: 'back' }");
  const auto events = master.events(scheduler.stream);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].message().data(), "back");
  EXPECT_EQ(events[0].message().agent_id().value(), node.id);
  master.step(StreamClosed{node.stream});
  master.call(scheduler, "type: MESSAGE message { " + whom + " data: 'lost' }");
  EXPECT_TRUE(master.effects.empty());
  EXPECT_EQ(master.counter("invalid_framework_to_executor_messages"), 1U);
}

TEST(Calls, RequestsAreCountedAndIgnored) {
  SteppedMaster master;
  const Scheduler scheduler = master.subscribe();
  master.call(scheduler, "type: REQUEST request {}");
  EXPECT_TRUE(master.effects.empty());
  EXPECT_EQ(master.counter("messages_resource_request"), 1U);
}

}  // namespace
}  // namespace mesolith::master
