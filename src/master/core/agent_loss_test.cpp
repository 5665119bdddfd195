// SPDX-License-Identifier: Apache-2.0
// Agents: admission, return, silence, loss, and the master's own restart (mesos-api.md 1.11, 5.3,
// 5.4).
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

const std::string checkpoint = "checkpoint: true failover_timeout: 1000 ";

std::string listed(const std::string& framework, const std::string& task, const std::string& agent,
                   const std::string& state = "TASK_RUNNING") {
  return "tasks { name: 't' task_id { value: '" + task + "' } framework_id { value: '" + framework +
         "' } agent_id { value: '" + agent + "' } executor_id { value: '" + task +
         "' } state: " + state + " " + scalar("cpus", 1, "allocation_info { role: '*' }") +
         scalar("mem", 32, "allocation_info { role: '*' }") + " } ";
}
std::string framework_info(const std::string& id, const std::string& more = "") {
  return "frameworks { user: 'u' name: 'f' id { value: '" + id + "' } " + more + " } ";
}

TEST(Admission, IsDurableBeforeItIsVisible) {
  SteppedMaster master;
  const Scheduler scheduler = master.subscribe();
  const StreamId stream = master.ask_admission();
  EXPECT_TRUE(master.orders(stream).empty());
  ASSERT_EQ(master.writes.size(), 1U);
  const std::string id = master.state.master_id + "-S0";
  ASSERT_EQ(master.writes[0].agents.size(), 1U);
  EXPECT_EQ(master.writes[0].agents[0].info().id().value(), id);
  EXPECT_EQ(master.writes[0].agents[0].standing(), registry::Agent::ADMITTED);
  ASSERT_TRUE(master.writes[0].master.has_value());
  EXPECT_EQ(master.writes[0].master->agents_admitted(), 1U);
  master.tick(seconds(1));
  EXPECT_TRUE(master.state.agents.empty());
  EXPECT_TRUE(master.offers(scheduler.stream).empty());
  master.persisted();
  const auto orders = master.orders(stream);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].subscribed().agent_id().value(), id);
  EXPECT_EQ(orders[0].subscribed().ping_timeout_total_seconds(), 75);
  EXPECT_EQ(master.offer(scheduler).agent_id().value(), id);
}

TEST(Admission, AskedTwiceIsOneAgent) {
  SteppedMaster master;
  const StreamId first = master.ask_admission();
  const StreamId second = master.ask_admission();
  EXPECT_TRUE(master.closed(first));
  master.step(StreamClosed{first});
  ASSERT_EQ(master.writes.size(), 1U);
  master.persisted();
  EXPECT_TRUE(master.orders(first).empty());
  EXPECT_EQ(master.orders(second, MasterEvent::SUBSCRIBED).size(), 1U);
  EXPECT_EQ(master.state.agents.size(), 1U);
}

TEST(Admission, AskedAgainWithOtherResourcesIsTriedAgainLater) {
  SteppedMaster master;
  const StreamId first = master.ask_admission();
  const StreamId second = master.ask_admission("", "", scalar("cpus", 2));
  EXPECT_TRUE(master.closed(first));
  EXPECT_TRUE(master.closed(second));
  master.persisted();
  ASSERT_EQ(master.state.agents.size(), 1U);
  EXPECT_FALSE(master.state.agents.begin()->second.connected);
  EXPECT_TRUE(master.orders(0).empty());
}

TEST(Admission, OfOneThatHungUpMeanwhile) {
  SteppedMaster master;
  const StreamId stream = master.ask_admission();
  master.step(StreamClosed{stream});
  master.persisted();
  EXPECT_TRUE(master.effects.empty());
  ASSERT_EQ(master.state.agents.size(), 1U);
  EXPECT_FALSE(master.state.agents.begin()->second.connected);
  EXPECT_TRUE(master.state.agent_streams.empty());
}

TEST(Admission, ANewAgentAtTheAddressOfAnotherTakesItsPlace) {
  SteppedMaster master;
  const Node old = master.admit();
  const Scheduler scheduler = master.subscribe(checkpoint);
  master.run_task(scheduler, old, "t");
  master.step(StreamClosed{old.stream});
  const StreamId stream = master.ask_admission();
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(updates[0].state(), mesos::v1::TASK_LOST);
  EXPECT_EQ(updates[0].reason(), TaskStatus::REASON_AGENT_REMOVED);
  EXPECT_TRUE(holds(updates[0].message(), "Agent host removed"));
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::FAILURE).size(), 1U);
  master.persisted();
  master.persisted();
  const auto orders = master.orders(stream);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].subscribed().agent_id().value(), master.state.master_id + "-S1");
  EXPECT_EQ(master.state.agents.size(), 1U);
  EXPECT_FALSE(master.durable_agents.contains(old.id));
}

TEST(Admission, Refused) {
  RegistryRecovered registry;
  registry.master = parse<registry::Master>("id: 'm' agents_admitted: 1 incarnation: 1");
  registry.agents.push_back(
      parse<registry::Agent>("info { hostname: 'h' id { value: 'm-S0' } } standing: GONE"));
  SteppedMaster master({}, registry);
  const auto refused = [&](StreamId stream, const std::string& message) {
    const auto orders = master.orders(stream);
    ASSERT_EQ(orders.size(), 1U) << message;
    EXPECT_EQ(orders[0].type(), MasterEvent::SHUTDOWN);
    EXPECT_TRUE(holds(orders[0].shutdown().message(), message));
    EXPECT_TRUE(master.closed(stream));
    EXPECT_TRUE(master.writes.empty());
  };
  refused(master.ask_admission("m-S0"), "Agent has been marked gone");
  refused(master.ask_admission("", "", default_resources, "10.0.0.2:5051", 2), "version 2");
  refused(master.ask_admission("", "", scalar("cpus", -1)), "cpus");
  const Node node = master.admit();
  AgentSubscribing moved;
  moved.stream = 900;
  moved.call = parse<AgentCall>(
      "type: SUBSCRIBE subscribe { protocol_version: 1 agent_info { hostname: 'elsewhere' id { "
      "value: '" +
      node.id + "' } } ip: '10.0.0.2' }");
  master.step(moved);
  refused(900, "different IP or hostname");
  EXPECT_TRUE(master.state.agents.at(AgentId(node.id)).connected);
}

TEST(Return, UnchangedNeedsNoWriteAChangedInfoDoes) {
  SteppedMaster master;
  Node node = master.admit();
  master.step(StreamClosed{node.stream});
  node.stream = master.ask_admission(node.id);
  EXPECT_TRUE(master.writes.empty());
  EXPECT_EQ(master.orders(node.stream, MasterEvent::SUBSCRIBED).size(), 1U);
  master.step(StreamClosed{node.stream});
  node.stream = master.ask_admission(node.id, "", scalar("cpus", 16) + scalar("mem", 8192));
  EXPECT_TRUE(master.orders(node.stream).empty());
  master.persisted();
  EXPECT_EQ(master.orders(node.stream, MasterEvent::SUBSCRIBED).size(), 1U);
  EXPECT_EQ(master.state.agents.at(AgentId(node.id)).total.scalar(model::cpus), 16000);
  EXPECT_EQ(master.durable_agents.at(node.id).info().resources_size(), 2);
}

TEST(Return, TasksTheAgentDoesNotListAreGivenToItToAnswerFor) {
  SteppedMaster master;
  Node node = master.admit();
  const Scheduler scheduler = master.subscribe(checkpoint);
  master.run_task(scheduler, node, "known");
  master.launch(scheduler, master.offer(scheduler), SteppedMaster::task("lost", node.id));
  master.step(StreamClosed{node.stream});
  node.stream = master.ask_admission(
      node.id, listed(scheduler.id, "known", node.id) + framework_info(scheduler.id));
  const auto orders = master.orders(node.stream);
  ASSERT_GE(orders.size(), 1U);
  const auto& subscribed = orders[0].subscribed();
  ASSERT_EQ(subscribed.reconcile_size(), 1);
  EXPECT_EQ(subscribed.reconcile(0).framework_id().value(), scheduler.id);
  ASSERT_EQ(subscribed.reconcile(0).task_ids_size(), 1);
  EXPECT_EQ(subscribed.reconcile(0).task_ids(0).value(), "lost");
  EXPECT_EQ(master.orders(node.stream, MasterEvent::UPDATE_FRAMEWORK).size(), 1U);
  master.update(node, scheduler, "lost", "TASK_LOST", "u", "reason: REASON_RECONCILIATION");
  EXPECT_EQ(master.framework(scheduler).used.at(AgentId(node.id)).scalar(model::cpus), 1000);
}

TEST(Return, OfAFrameworkThatWasRemovedMeanwhile) {
  SteppedMaster master;
  Node node = master.admit();
  const Scheduler scheduler = master.subscribe(checkpoint);
  master.run_task(scheduler, node, "t");
  master.step(StreamClosed{node.stream});
  master.call(scheduler, "type: TEARDOWN");
  node.stream = master.ask_admission(
      node.id, listed(scheduler.id, "t", node.id) + framework_info(scheduler.id));
  const auto orders = master.orders(node.stream, MasterEvent::SHUTDOWN_FRAMEWORK);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_TRUE(master.state.agents.at(AgentId(node.id)).used.empty());
}

TEST(Return, ATaskThatEndedMeanwhileFreesItsResources) {
  SteppedMaster master;
  Node node = master.admit();
  const Scheduler scheduler = master.subscribe(checkpoint);
  master.run_task(scheduler, node, "t");
  master.step(StreamClosed{node.stream});
  node.stream = master.ask_admission(node.id, listed(scheduler.id, "t", node.id, "TASK_FINISHED"));
  EXPECT_TRUE(master.framework(scheduler).used.empty());
  EXPECT_EQ(master.counter("tasks_finished"), 1U);
  master.update(node, scheduler, "t", "TASK_FINISHED", "u");
  EXPECT_EQ(master.counter("tasks_finished"), 1U);
  master.acknowledge(scheduler, node, "t", "u");
  EXPECT_EQ(master.framework(scheduler).completed_tasks.size(), 1U);
  // The acknowledgement was lost on its way: the agent has the task still.
  master.step(StreamClosed{node.stream});
  node.stream = master.ask_admission(node.id, listed(scheduler.id, "t", node.id, "TASK_FINISHED"));
  master.update(node, scheduler, "t", "TASK_FINISHED", "u");
  master.acknowledge(scheduler, node, "t", "u");
  EXPECT_EQ(master.framework(scheduler).completed_tasks.size(), 1U);
}

TEST(Disconnection, RescindsOffersAndEndsTasksThatDoNotCheckpoint) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler lasting = master.subscribe(checkpoint);
  master.run_task(lasting, node, "a");
  master.call(lasting, "type: SUPPRESS");
  const Scheduler passing = master.subscribe(partition_aware);
  master.run_task(passing, node, "b");
  const auto offer = master.offer(passing);
  master.step(StreamClosed{node.stream});
  const auto events = master.events(passing.stream);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].rescind().offer_id().value(), offer.id().value());
  EXPECT_EQ(events[1].update().status().state(), mesos::v1::TASK_LOST);
  EXPECT_EQ(events[1].update().status().reason(), TaskStatus::REASON_AGENT_DISCONNECTED);
  EXPECT_TRUE(master.events(lasting.stream).empty());
  EXPECT_EQ(master.framework(lasting).tasks.size(), 1U);
  EXPECT_TRUE(master.framework(passing).tasks.empty());
  master.tick();
  EXPECT_TRUE(master.offers(passing.stream).empty());
}

TEST(Pings, EveryTimeoutAndPongsKeepTheAgent) {
  SteppedMaster master;
  const Node node = master.admit();
  for (int i = 0; i < 20; ++i) {
    master.tick(seconds(15));
    EXPECT_EQ(master.orders(node.stream, MasterEvent::PING).size(), 1U);
    master.agent_calls(node, "type: PONG");
  }
  EXPECT_TRUE(master.writes.empty());
  EXPECT_TRUE(master.state.agents.at(AgentId(node.id)).connected);
}

// The end of an agent that answers no more, as each kind of framework sees it.
class Unreachable : public testing::TestWithParam<bool> {
 protected:
  std::string info() const { return checkpoint + (GetParam() ? partition_aware : ""); }
};

TEST_P(Unreachable, IsDurableFirstThenToldAndUndoneByTheReturn) {
  SteppedMaster master;
  Node node = master.admit();
  const Scheduler scheduler = master.subscribe(info());
  master.run_task(scheduler, node, "t");
  const auto offer = master.offer(scheduler);
  for (int i = 0; i < 5; ++i) master.tick(seconds(15));
  EXPECT_TRUE(master.writes.empty());
  master.tick(seconds(15));  // the fifth ping without an answer
  ASSERT_EQ(master.writes.size(), 1U);
  EXPECT_EQ(master.writes[0].agents[0].standing(), registry::Agent::UNREACHABLE);
  EXPECT_TRUE(master.updates(scheduler.stream).empty());
  const StreamId early = master.ask_admission(node.id);
  EXPECT_TRUE(master.closed(early));  // it tries again after the write

  master.persisted();
  const auto events = master.events(scheduler.stream);
  ASSERT_EQ(events.size(), 3U);
  const TaskStatus& status = events[0].update().status();
  EXPECT_EQ(status.state(), GetParam() ? mesos::v1::TASK_UNREACHABLE : mesos::v1::TASK_LOST);
  EXPECT_EQ(status.reason(), TaskStatus::REASON_AGENT_REMOVED);
  EXPECT_EQ(status.message(), "health check timed out");
  EXPECT_TRUE(status.has_unreachable_time());
  EXPECT_FALSE(status.has_uuid());
  EXPECT_EQ(events[1].rescind().offer_id().value(), offer.id().value());
  EXPECT_EQ(events[2].failure().agent_id().value(), node.id);
  EXPECT_TRUE(master.closed(node.stream));
  EXPECT_TRUE(master.state.agents.empty());
  EXPECT_TRUE(master.framework(scheduler).used.empty());
  EXPECT_EQ(master.framework(scheduler).unreachable_tasks.size(), 1U);
  master.step(StreamClosed{node.stream});

  master.call(scheduler,
              "type: RECONCILE reconcile { tasks { task_id { value: 't' } agent_id { "
              "value: '" +
                  node.id + "' } } }");
  ASSERT_EQ(master.updates(scheduler.stream).size(), 1U);
  EXPECT_EQ(master.updates(scheduler.stream)[0].message(), "Reconciliation: Task is unreachable");

  node.stream = master.ask_admission(
      node.id, listed(scheduler.id, "t", node.id) + framework_info(scheduler.id, checkpoint));
  EXPECT_TRUE(master.orders(node.stream).empty());
  master.persisted();
  const auto back = master.updates(scheduler.stream);
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].state(), mesos::v1::TASK_RUNNING);
  EXPECT_EQ(back[0].reason(), TaskStatus::REASON_AGENT_REREGISTERED);
  EXPECT_EQ(master.framework(scheduler).tasks.size(), 1U);
  EXPECT_TRUE(master.framework(scheduler).unreachable_tasks.empty());
  EXPECT_EQ(master.framework(scheduler).used.at(AgentId(node.id)).scalar(model::cpus), 1000);
  EXPECT_EQ(master.durable_agents.at(node.id).standing(), registry::Agent::ADMITTED);
}

TEST_P(Unreachable, AKilledAgentByWhicheverTimeoutComesFirst) {
  for (const int64_t reregister : {20, 1000}) {
    Options options;
    options.agent_reregister_timeout = seconds(reregister);
    SteppedMaster master(options);
    const Node node = master.admit();
    const Scheduler scheduler = master.subscribe(info());
    master.run_task(scheduler, node, "t");
    master.step(StreamClosed{node.stream});
    master.run(seconds(std::min<int64_t>(reregister, 60) - 1));
    EXPECT_TRUE(master.updates(scheduler.stream).empty());
    master.run(seconds(17));
    ASSERT_EQ(master.updates(scheduler.stream).size(), 1U) << reregister;
    EXPECT_EQ(master.updates(scheduler.stream)[0].reason(), TaskStatus::REASON_AGENT_REMOVED);
    EXPECT_TRUE(master.state.agents.empty());
    EXPECT_EQ(master.state.unreachable_agents.size(), 1U);
  }
}

INSTANTIATE_TEST_SUITE_P(PartitionAware, Unreachable, testing::Bool());

TEST(UnreachableTasks, ATaskWhoseNameWasGivenAwayIsKilledAtTheReturn) {
  Options options;
  options.max_unreachable_tasks_per_framework = 0;
  SteppedMaster master(options);
  Node lost = master.admit();
  const Scheduler scheduler = master.subscribe(checkpoint);
  master.run_task(scheduler, lost, "t");
  master.step(StreamClosed{lost.stream});
  master.run(seconds(90));
  ASSERT_TRUE(master.state.agents.empty());
  const Node other = master.admit("10.0.0.3:5051");
  master.run_task(scheduler, other, "t");
  lost.stream = master.ask_admission(lost.id, listed(scheduler.id, "t", lost.id));
  master.persisted();
  EXPECT_EQ(master.orders(lost.stream, MasterEvent::KILL).size(), 1U);
  EXPECT_TRUE(master.state.agents.at(AgentId(lost.id)).tasks.empty());
  EXPECT_EQ(master.framework(scheduler).tasks.at(TaskId("t")).proto.agent_id().value(), other.id);
}

TEST(Unregistration, RemovesTheAgentForGood) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe(partition_aware + checkpoint);
  master.run_task(scheduler, node, "t");
  master.agent_calls(node, "type: UNREGISTER");
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(updates[0].state(), mesos::v1::TASK_LOST);
  EXPECT_TRUE(holds(updates[0].message(), "Agent host removed"));
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::FAILURE).size(), 1U);
  EXPECT_TRUE(master.state.agents.empty());
  master.persisted();
  EXPECT_TRUE(master.durable_agents.empty());
}

TEST(Restart, AgentsAndFrameworksComeBackAndIdsDoNotRepeat) {
  SteppedMaster before;
  const Node node = before.admit();
  const Scheduler scheduler = before.subscribe(checkpoint);
  before.run_task(scheduler, node, "t");

  SteppedMaster after({}, before.registry(), 8);
  EXPECT_NE(after.state.master_id, before.state.master_id);
  EXPECT_EQ(after.state.record.id(), before.state.record.id());
  EXPECT_EQ(after.state.record.incarnation(), 2U);
  EXPECT_EQ(after.state.recovered_agents.size(), 1U);
  after.last_stream = 100;
  // Admitted and unchanged: the registry has nothing to learn.
  const StreamId stream = after.ask_admission(
      node.id, listed(scheduler.id, "t", node.id) + framework_info(scheduler.id, checkpoint));
  EXPECT_TRUE(after.writes.empty());
  EXPECT_EQ(after.orders(stream, MasterEvent::SUBSCRIBED).size(), 1U);
  EXPECT_TRUE(after.orders(stream, MasterEvent::UPDATE_FRAMEWORK).empty());
  const Framework& recovered = after.framework(scheduler);
  EXPECT_TRUE(recovered.recovered);
  EXPECT_FALSE(recovered.connected);
  EXPECT_EQ(recovered.tasks.size(), 1U);
  EXPECT_EQ(recovered.used.at(AgentId(node.id)).scalar(model::cpus), 1000);

  const Scheduler again = after.subscribe(checkpoint + "id { value: '" + scheduler.id + "' }");
  EXPECT_EQ(again.id, scheduler.id);
  EXPECT_FALSE(after.framework(scheduler).recovered);
  const auto offer = after.offer(again);
  EXPECT_TRUE(holds(offer.ShortDebugString(), "scalar { value: 7 }"));
  after.call(again, "type: RECONCILE reconcile { tasks { task_id { value: 't' } } }");
  ASSERT_EQ(after.updates(again.stream).size(), 1U);
  EXPECT_EQ(after.updates(again.stream)[0].state(), mesos::v1::TASK_RUNNING);

  EXPECT_EQ(after.admit("10.0.0.3:5051").id, after.state.master_id + "-S1");
  EXPECT_EQ(after.subscribe().id, after.state.master_id + "-0000");
}

TEST(Restart, AgentsThatStayAwayAreAFailureWithoutUpdates) {
  SteppedMaster before;
  const Node node = before.admit();
  SteppedMaster after({}, before.registry(), 8);
  after.last_stream = 100;
  const Scheduler scheduler = after.subscribe(partition_aware);
  after.run(seconds(599));
  EXPECT_TRUE(after.events(scheduler.stream, SchedulerEvent::FAILURE).empty());
  after.run(seconds(1));
  EXPECT_EQ(after.events(scheduler.stream, SchedulerEvent::FAILURE).size(), 1U);
  EXPECT_TRUE(after.updates(scheduler.stream).empty());
  EXPECT_EQ(after.durable_agents.at(node.id).standing(), registry::Agent::UNREACHABLE);
  EXPECT_EQ(after.state.unreachable_agents.size(), 1U);
}

TEST(Restart, NothingIsServedBeforeTheIncarnationIsDurable) {
  State state({}, 3, Time{});
  Effects effects;
  step(state, Time{}, RegistryRecovered{}, effects);
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_FALSE(state.recovered);
  EXPECT_EQ(next_deadline(state, Time{}), never);
  const uint64_t ticket = std::get<Persist>(effects[0]).ticket;
  step(state, Time{}, RegistryPersisted{ticket}, effects);
  EXPECT_TRUE(state.recovered);
}

}  // namespace
}  // namespace mesolith::master
