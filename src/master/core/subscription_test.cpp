// SPDX-License-Identifier: Apache-2.0
// Subscription, failover, disconnection, teardown, suppression (mesos-api.md 1.4, 1.5).
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

TEST(Subscription, FirstEventsAndIds) {
  SteppedMaster master;
  const Scheduler first = master.subscribe();
  EXPECT_EQ(first.id, master.state.master_id + "-0000");
  const auto events = master.events(first.stream);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].type(), SchedulerEvent::SUBSCRIBED);
  EXPECT_EQ(events[0].subscribed().heartbeat_interval_seconds(), 15);
  EXPECT_EQ(events[0].subscribed().master_info().id(), master.state.master_id);
  EXPECT_EQ(events[0].subscribed().master_info().port(), 5050U);
  EXPECT_EQ(events[1].type(), SchedulerEvent::HEARTBEAT);
  EXPECT_EQ(master.subscribe().id, master.state.master_id + "-0001");
}

TEST(Subscription, HeartbeatEvery15Seconds) {
  SteppedMaster master;
  const Scheduler scheduler = master.subscribe();
  master.tick();
  EXPECT_EQ(next_deadline(master.state, master.now), master.now + seconds(15));
  master.tick(seconds(14));
  EXPECT_TRUE(master.events(scheduler.stream).empty());
  master.tick(seconds(1));
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::HEARTBEAT).size(), 1U);
  EXPECT_EQ(next_deadline(master.state, master.now), master.now + seconds(15));
}

struct Refusal {
  std::string info, more, message;
};

TEST(Subscription, RefusedByAnErrorEventAndTheEnd) {
  Options options;
  options.role_whitelist = {"*", "a"};
  options.root_submissions = false;
  SteppedMaster master(options);
  const std::vector<Refusal> refusals = {
      {multi_role + "role: 'a'", "", "'FrameworkInfo.role' must not be set"},
      {"roles: 'a'", "", "'FrameworkInfo.roles' must not be set"},
      {multi_role + "roles: 'a' roles: 'a'", "", "duplicate"},
      {"role: '/a'", "", "not a valid role"},
      {"role: 'b'", "", "not present in the master's --roles"},
      {"id { value: 'a/b' }", "", "invalid characters"},
      {"failover_timeout: 1e300", "", "failover_timeout"},
      {multi_role + "roles: 'a'", "suppressed_roles: 'c'", "uppressed"},
      {"", "offer_constraints { role_constraints { key: 'a' value {} } }", "not contained"},
  };
  for (const auto& [info, more, message] : refusals) {
    const Scheduler refused = master.subscribe(info, more);
    const auto events = master.events(refused.stream);
    ASSERT_EQ(events.size(), 1U) << message;
    EXPECT_EQ(events[0].type(), SchedulerEvent::ERROR);
    EXPECT_TRUE(holds(events[0].error().message(), message));
    EXPECT_TRUE(master.closed(refused.stream)) << message;
  }
  FrameworkSubscribing root;
  root.stream = 999;
  root.call = parse<SchedulerCall>(
      "type: SUBSCRIBE subscribe { framework_info { user: 'root' name: 'f' } }");
  master.step(root);
  ASSERT_EQ(master.events(999, SchedulerEvent::ERROR).size(), 1U);
  EXPECT_TRUE(master.state.frameworks.empty());
  EXPECT_TRUE(master.state.framework_streams.empty());
}

TEST(Subscription, IdsOfOthersAreTakenButNotThoseOfRemovedOnes) {
  SteppedMaster master;
  const Scheduler made_up = master.subscribe("id { value: 'made-up' }");
  EXPECT_EQ(made_up.id, "made-up");
  master.call(made_up, "type: TEARDOWN");
  const Scheduler again = master.subscribe("id { value: 'made-up' }");
  ASSERT_EQ(master.events(again.stream, SchedulerEvent::ERROR).size(), 1U);
  EXPECT_EQ(master.events(again.stream)[0].error().message(), "Framework has been removed");
}

TEST(Failover, OldStreamHearsAnErrorAndOffersMoveSilently) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler old = master.subscribe("failover_timeout: 30 principal: 'p'");
  master.run_task(old, node, "t");
  const auto before = master.offer(old);
  FrameworkSubscribing event;
  event.stream = 500;
  event.call = parse<SchedulerCall>(
      "type: SUBSCRIBE subscribe { framework_info { user: 'other' name: 'renamed' checkpoint: true "
      "principal: 'p' failover_timeout: 31 id { value: '" +
      old.id + "' } } }");
  master.step(event);
  const auto told = master.events(old.stream);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().message(), "Framework failed over");
  EXPECT_TRUE(master.closed(old.stream));
  EXPECT_EQ(master.events(500, SchedulerEvent::SUBSCRIBED).size(), 1U);
  const auto informed = master.orders(node.stream, MasterEvent::UPDATE_FRAMEWORK);
  ASSERT_EQ(informed.size(), 1U);
  EXPECT_EQ(informed[0].update_framework().framework().name(), "renamed");

  const mesos::v1::FrameworkInfo& info = master.framework(old).info;
  EXPECT_EQ(info.user(), "u");  // user and checkpoint never change
  EXPECT_FALSE(info.checkpoint());
  EXPECT_EQ(info.failover_timeout(), 31);
  EXPECT_EQ(master.framework(old).tasks.size(), 1U);

  master.step(StreamClosed{old.stream});  // the shell's echo of the closing
  EXPECT_TRUE(master.framework(old).connected);
  master.tick();
  ASSERT_EQ(master.offers(500).size(), 1U);
  EXPECT_NE(master.offers(500)[0].id().value(), before.id().value());
}

TEST(Failover, AnotherPrincipalIsRefusedAndHarmsNobody) {
  SteppedMaster master;
  const Scheduler old = master.subscribe("failover_timeout: 30 principal: 'p'");
  const Scheduler thief = master.subscribe("principal: 'q' id { value: '" + old.id + "' }");
  ASSERT_EQ(master.events(thief.stream, SchedulerEvent::ERROR).size(), 1U);
  EXPECT_TRUE(master.events(old.stream).empty());
  EXPECT_TRUE(master.framework(old).connected);
}

TEST(Disconnection, WithoutFailoverTimeoutTheFrameworkEndsAtOnce) {
  SteppedMaster master;
  const Scheduler scheduler = master.subscribe();
  master.step(StreamClosed{scheduler.stream});
  EXPECT_EQ(next_deadline(master.state, master.now), master.now);
  master.tick();
  EXPECT_TRUE(master.state.frameworks.empty());
  EXPECT_EQ(master.state.completed_frameworks.size(), 1U);
}

TEST(Disconnection, TheTimeoutEndsItAndAReturnCancelsTheTimeout) {
  SteppedMaster master;
  const Scheduler scheduler = master.subscribe("failover_timeout: 30");
  master.step(StreamClosed{scheduler.stream});
  master.run(seconds(29));
  EXPECT_FALSE(master.framework(scheduler).connected);
  const Scheduler again =
      master.subscribe("failover_timeout: 30 id { value: '" + scheduler.id + "' }");
  EXPECT_EQ(again.id, scheduler.id);
  master.run(seconds(100));
  EXPECT_TRUE(master.framework(scheduler).connected);
  master.step(StreamClosed{again.stream});
  master.run(seconds(30));
  EXPECT_TRUE(master.state.frameworks.empty());
}

TEST(Disconnection, OffersGoToOthersAndFiltersEnd) {
  SteppedMaster master;
  master.admit();
  const Scheduler first = master.subscribe("failover_timeout: 30");
  const auto offered = master.offer(first);
  const Scheduler second = master.subscribe();
  master.tick();
  EXPECT_TRUE(master.offers(second.stream).empty());
  master.step(StreamClosed{first.stream});
  EXPECT_TRUE(master.events(first.stream).empty());
  master.tick();
  EXPECT_EQ(master.offers(second.stream).size(), 1U);
}

TEST(Teardown, EndsEverythingWithoutUpdates) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe("failover_timeout: 30");
  master.run_task(scheduler, node, "t");
  master.call(scheduler, "type: TEARDOWN");
  EXPECT_TRUE(master.events(scheduler.stream).empty());
  EXPECT_TRUE(master.closed(scheduler.stream));
  const auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].shutdown_framework().framework_id().value(), scheduler.id);
  ASSERT_EQ(master.state.completed_frameworks.size(), 1U);
  const auto& tasks = master.state.completed_frameworks[0].framework.completed_tasks;
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].state(), mesos::v1::TASK_KILLED);
  EXPECT_EQ(tasks[0].statuses().rbegin()->reason(), TaskStatus::REASON_FRAMEWORK_REMOVED);

  const Scheduler other = master.subscribe();
  const auto offered = master.offer(other);
  EXPECT_TRUE(holds(offered.ShortDebugString(), "scalar { value: 8 }"));
}

TEST(Teardown, ReachesAgentsWhereOnlyAnUnacknowledgedEndIsLeft) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.run_task(scheduler, node, "t");
  master.update(node, scheduler, "t", "TASK_FINISHED", "u1");
  master.step(FrameworkTornDown{FrameworkId(scheduler.id)});
  EXPECT_EQ(master.orders(node.stream, MasterEvent::SHUTDOWN_FRAMEWORK).size(), 1U);
  // An agent that still repeats updates of it is told again.
  master.update(node, scheduler, "t", "TASK_FINISHED", "u1");
  EXPECT_EQ(master.orders(node.stream, MasterEvent::SHUTDOWN_FRAMEWORK).size(), 1U);
}

TEST(Teardown, CompletedFrameworksAreBounded) {
  Options options;
  options.max_completed_frameworks = 2;
  SteppedMaster master(options);
  for (int i = 0; i < 4; ++i) master.call(master.subscribe(), "type: TEARDOWN");
  EXPECT_EQ(master.state.completed_frameworks.size(), 2U);
}

TEST(Suppression, StopsOffersUntilRevived) {
  SteppedMaster master;
  master.admit();
  const Scheduler scheduler = master.subscribe();
  const auto offered = master.offer(scheduler);
  master.call(scheduler, "type: SUPPRESS");
  EXPECT_TRUE(master.events(scheduler.stream).empty());  // what is offered stays offered
  master.call(scheduler, "type: DECLINE decline { offer_ids { value: '" + offered.id().value() +
                             "' } filters { refuse_seconds: 0 } }");
  master.run(seconds(10));
  EXPECT_TRUE(master.offers(scheduler.stream).empty());
  master.call(scheduler, "type: REVIVE");
  master.offer(scheduler);
}

TEST(Suppression, OneRoleThatIsNotSubscribedDropsTheCall) {
  SteppedMaster master;
  master.admit();
  const Scheduler scheduler = master.subscribe(multi_role + "roles: 'a' roles: 'b'");
  master.call(scheduler, "type: SUPPRESS suppress { roles: 'a' roles: 'c' }");
  EXPECT_TRUE(master.framework(scheduler).suppressed.empty());
  master.call(scheduler, "type: SUPPRESS suppress { roles: 'a' }");
  EXPECT_EQ(master.framework(scheduler).suppressed, std::set<std::string>{"a"});
  EXPECT_EQ(master.offer(scheduler).allocation_info().role(), "b");
  master.call(scheduler, "type: REVIVE revive { roles: '/bad' }");
  EXPECT_EQ(master.framework(scheduler).suppressed, std::set<std::string>{"a"});
}

TEST(Suppression, EachSubscriptionReplacesIt) {
  SteppedMaster master;
  master.admit();
  const Scheduler scheduler = master.subscribe(multi_role + "roles: 'a'", "suppressed_roles: 'a'");
  master.run(seconds(5));
  EXPECT_TRUE(master.offers(scheduler.stream).empty());
  const Scheduler again =
      master.subscribe(multi_role + "roles: 'a' id { value: '" + scheduler.id + "' }");
  master.offer(again);
}

}  // namespace
}  // namespace mesolith::master
