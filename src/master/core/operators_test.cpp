// SPDX-License-Identifier: Apache-2.0
// The operator event stream: what is announced, when, and to whom.
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

using OperatorEvent = mesos::v1::master::Event;

StreamId watch(SteppedMaster& master) {
  OperatorSubscribing event;
  event.stream = ++master.last_stream;
  master.step(event);
  return event.stream;
}

std::vector<OperatorEvent> seen(const SteppedMaster& master, StreamId stream) {
  std::vector<OperatorEvent> out;
  for (const Effect& effect : master.effects) {
    const auto* send = std::get_if<SendToOperators>(&effect);
    if (send && std::ranges::count(send->streams, stream) == 1) out.push_back(send->event);
  }
  return out;
}

std::vector<std::string> kinds(const SteppedMaster& master, StreamId stream) {
  std::vector<std::string> out;
  for (const auto& event : seen(master, stream)) {
    out.push_back(OperatorEvent::Type_Name(event.type()));
  }
  return out;
}
using Kinds = std::vector<std::string>;

TEST(OperatorStream, BeginsWithEverything) {
  SteppedMaster master;
  const Scheduler scheduler = master.subscribe(partition_aware);
  const Node node = master.admit();
  master.run_task(scheduler, node, "t");
  const StreamId stream = watch(master);
  ASSERT_EQ(kinds(master, stream), (Kinds{"SUBSCRIBED", "HEARTBEAT"}));
  const auto subscribed = seen(master, stream).front().subscribed();
  EXPECT_EQ(subscribed.heartbeat_interval_seconds(), 15);
  const auto& state = subscribed.get_state();
  ASSERT_EQ(state.get_agents().agents_size(), 1);
  EXPECT_EQ(state.get_agents().agents(0).agent_info().id().value(), node.id);
  EXPECT_EQ(state.get_agents().agents(0).total_resources(0).role(), "*");
  ASSERT_EQ(state.get_frameworks().frameworks_size(), 1);
  ASSERT_EQ(state.get_tasks().tasks_size(), 1);
  EXPECT_EQ(state.get_tasks().tasks(0).state(), mesos::v1::TASK_RUNNING);
}

TEST(OperatorStream, TellsOfTasksUntilTheirEnd) {
  SteppedMaster master;
  const StreamId stream = watch(master);
  const Scheduler scheduler = master.subscribe();
  EXPECT_EQ(kinds(master, stream), (Kinds{"FRAMEWORK_ADDED"}));
  const Node node = master.admit();
  EXPECT_EQ(kinds(master, stream), (Kinds{"AGENT_ADDED"}));
  master.launch(scheduler, master.offer(scheduler), SteppedMaster::task("t", node.id));
  ASSERT_EQ(kinds(master, stream), (Kinds{"TASK_ADDED"}));
  EXPECT_EQ(seen(master, stream)[0].task_added().task().state(), mesos::v1::TASK_STAGING);
  master.update(node, scheduler, "t", "TASK_RUNNING", "1", "data: 'secret'");
  ASSERT_EQ(kinds(master, stream), (Kinds{"TASK_UPDATED"}));
  EXPECT_FALSE(seen(master, stream)[0].task_updated().status().has_data());
  master.update(node, scheduler, "t", "TASK_RUNNING", "2");
  EXPECT_EQ(kinds(master, stream), Kinds{}) << "nothing has changed";
  master.update(node, scheduler, "t", "TASK_RUNNING", "3",
                "healthy: false reason: REASON_TASK_HEALTH_CHECK_STATUS_UPDATED");
  EXPECT_EQ(kinds(master, stream), (Kinds{"TASK_UPDATED"}));
  master.step(FrameworkTornDown{FrameworkId(scheduler.id)});
  ASSERT_EQ(kinds(master, stream), (Kinds{"TASK_UPDATED", "FRAMEWORK_REMOVED"}));
  const auto killed = seen(master, stream)[0].task_updated();
  EXPECT_EQ(killed.state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(killed.status().message(), "Framework " + scheduler.id + " removed");
}

TEST(OperatorStream, AnAgentThatIsLostAndReturnsIsRemovedAndAdded) {
  SteppedMaster master;
  const StreamId stream = watch(master);
  const Node node = master.admit();
  master.step(StreamClosed{node.stream});
  EXPECT_EQ(kinds(master, stream), Kinds{});
  master.run(std::chrono::minutes(11));
  const auto events = kinds(master, stream);
  EXPECT_EQ(std::ranges::count(events, "AGENT_REMOVED"), 1);
  master.ask_admission(node.id);
  master.persisted();
  EXPECT_EQ(kinds(master, stream), (Kinds{"AGENT_ADDED"}));
}

TEST(OperatorStream, AFrameworkThatGoesAwayAndReturnsIsUpdated) {
  SteppedMaster master;
  const StreamId stream = watch(master);
  const Scheduler scheduler = master.subscribe("failover_timeout: 100");
  master.step(StreamClosed{scheduler.stream});
  ASSERT_EQ(kinds(master, stream), (Kinds{"FRAMEWORK_UPDATED"}));
  EXPECT_FALSE(seen(master, stream)[0].framework_updated().framework().connected());
  master.subscribe("failover_timeout: 100 id { value: '" + scheduler.id + "' }");
  ASSERT_EQ(kinds(master, stream), (Kinds{"FRAMEWORK_UPDATED"}));
  EXPECT_TRUE(seen(master, stream)[0].framework_updated().framework().connected());
}

TEST(OperatorStream, HeartbeatsUntilClosed) {
  SteppedMaster master;
  const StreamId stream = watch(master);
  master.run(seconds(46));
  EXPECT_EQ(kinds(master, stream), (Kinds{"HEARTBEAT", "HEARTBEAT", "HEARTBEAT"}));
  master.step(StreamClosed{stream});
  EXPECT_EQ(next_deadline(master.state, master.now), never);
  master.subscribe();
  EXPECT_EQ(kinds(master, stream), Kinds{});
}

TEST(OperatorStream, BeyondTheLimitTheOldestIsClosed) {
  Options options;
  options.operator_streams_max = 2;
  SteppedMaster master(options);
  const StreamId first = watch(master);
  const StreamId second = watch(master);
  const StreamId third = watch(master);
  EXPECT_TRUE(master.closed(first));
  EXPECT_FALSE(master.closed(second));
  master.subscribe();
  EXPECT_EQ(kinds(master, first), Kinds{});
  EXPECT_EQ(kinds(master, second), (Kinds{"FRAMEWORK_ADDED"}));
  EXPECT_EQ(kinds(master, third), (Kinds{"FRAMEWORK_ADDED"}));
}

}  // namespace
}  // namespace mesolith::master
