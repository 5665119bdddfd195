// SPDX-License-Identifier: Apache-2.0
// Offers, filters, ACCEPT and the validation of tasks (mesos-api.md 1.7, 1.8, 7.5). The messages
// are those recorded from a real master where it was recorded saying them.
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

std::string ids(const std::vector<std::string>& offers) {
  std::string text;
  for (const auto& id : offers) text += "offer_ids { value: '" + id + "' } ";
  return text;
}
std::string accept(const std::vector<std::string>& offers, const std::string& operations) {
  return "type: ACCEPT accept { " + ids(offers) + operations + " }";
}
std::string launch(const std::string& tasks) {
  return "operations { type: LAUNCH launch { " + tasks + " } } ";
}
std::string decline(const mesos::v1::Offer& offer, const std::string& filters) {
  return "type: DECLINE decline { " + ids({offer.id().value()}) + filters + " }";
}

TEST(Offers, SayWhatTheAgentHas) {
  SteppedMaster master;
  const Node node = master.admit("10.0.0.2:5051", default_resources +
                                                      "attributes { name: 'rack' type: TEXT text "
                                                      "{ value: 'r1' } } ");
  const Scheduler scheduler = master.subscribe("role: 'demo'");
  const auto offer = master.offer(scheduler);
  EXPECT_EQ(offer.id().value(), master.state.master_id + "-O0");
  EXPECT_EQ(offer.framework_id().value(), scheduler.id);
  EXPECT_EQ(offer.agent_id().value(), node.id);
  EXPECT_EQ(offer.hostname(), "host");
  EXPECT_EQ(offer.url().address().ip(), "10.0.0.2");
  EXPECT_EQ(offer.url().address().port(), 5051);
  EXPECT_EQ(offer.url().path(), "/slave(1)");
  EXPECT_EQ(offer.attributes(0).text().value(), "r1");
  EXPECT_FALSE(offer.has_allocation_info());
  ASSERT_EQ(offer.resources_size(), 4);
  for (const auto& resource : offer.resources()) {
    EXPECT_FALSE(resource.has_allocation_info());
    EXPECT_EQ(resource.role(), "*");
  }
}

TEST(Offers, MultiRoleFrameworksSeeTheAllocation) {
  SteppedMaster master;
  master.admit();
  const Scheduler scheduler =
      master.subscribe(multi_role + "capabilities { type: RESERVATION_REFINEMENT } roles: 'demo'");
  const auto offer = master.offer(scheduler);
  EXPECT_EQ(offer.allocation_info().role(), "demo");
  for (const auto& resource : offer.resources()) {
    EXPECT_EQ(resource.allocation_info().role(), "demo");
    EXPECT_FALSE(resource.has_role());
  }
}

TEST(Offers, TimeOutAndComeAgain) {
  Options options;
  options.offer_timeout = seconds(3);
  SteppedMaster master(options);
  master.admit();
  const Scheduler scheduler = master.subscribe();
  const auto offer = master.offer(scheduler);
  master.tick(seconds(2));
  EXPECT_TRUE(master.events(scheduler.stream).empty());
  master.tick(seconds(1));
  const auto events = master.events(scheduler.stream);
  ASSERT_EQ(events.size(), 2U);  // offered again at once: no filter came of it
  EXPECT_EQ(events[0].rescind().offer_id().value(), offer.id().value());
  EXPECT_EQ(events[1].type(), SchedulerEvent::OFFERS);
}

struct FilterCase {
  std::string filters;
  int64_t away_seconds;
};

TEST(Filters, SecondsOfDecline) {
  for (const auto& [filters, away] :
       std::vector<FilterCase>{{"", 5},
                               {"filters {}", 5},
                               {"filters { refuse_seconds: 0 }", 0},
                               {"filters { refuse_seconds: -1 }", 5},
                               {"filters { refuse_seconds: nan }", 5},
                               {"filters { refuse_seconds: 2 }", 2},
                               {"filters { refuse_seconds: 1e18 }", 365 * 24 * 3600}}) {
    SteppedMaster master;
    master.admit();
    const Scheduler scheduler = master.subscribe();
    master.call(scheduler, decline(master.offer(scheduler), filters));
    if (away > 0) {
      master.tick();
      EXPECT_TRUE(master.offers(scheduler.stream).empty()) << filters;
      master.tick(seconds(away) - Duration(std::chrono::milliseconds(10)));
      EXPECT_TRUE(master.offers(scheduler.stream).empty()) << filters;
    }
    master.tick(seconds(away > 0 ? 2 : 0));
    EXPECT_EQ(master.offers(scheduler.stream).size(), 1U) << filters;
  }
}

TEST(Filters, OfAcceptApplyToTheRest) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.launch(scheduler, master.offer(scheduler), SteppedMaster::task("t", node.id),
                "filters { refuse_seconds: 2 }");
  master.tick(seconds(1));
  EXPECT_TRUE(master.offers(scheduler.stream).empty());
  master.tick(seconds(2));
  ASSERT_EQ(master.offers(scheduler.stream).size(), 1U);
  EXPECT_TRUE(holds(master.offers(scheduler.stream)[0].ShortDebugString(), "value: 7 "));
}

TEST(Filters, ReviveEndsThemAndOthersAreNotConcerned) {
  SteppedMaster master;
  master.admit();
  const Scheduler scheduler = master.subscribe();
  master.call(scheduler, decline(master.offer(scheduler), "filters { refuse_seconds: 600 }"));
  const Scheduler other = master.subscribe();
  master.call(other, decline(master.offer(other), "filters { refuse_seconds: 600 }"));
  master.call(scheduler, "type: REVIVE");
  master.offer(scheduler);
}

TEST(Decline, OfAnothersOfferDoesNothing) {
  SteppedMaster master;
  master.admit();
  const Scheduler owner = master.subscribe();
  const auto offer = master.offer(owner);
  const Scheduler other = master.subscribe();
  master.call(other, decline(offer, ""));
  EXPECT_TRUE(master.state.offers.contains(OfferId(offer.id().value())));
}

// Every way in which offers cannot be accepted.
class InvalidOffers : public testing::TestWithParam<bool> {
 protected:
  void expect(SteppedMaster& master, const Scheduler& scheduler,
              const std::vector<std::string>& offers, const std::string& message) {
    const std::string group =
        "operations { type: LAUNCH_GROUP launch_group { executor { executor_id { value: 'e' } } "
        "task_group { tasks { name: 'g' task_id { value: 'g' } agent_id { value: 'a' } } } } } ";
    master.call(scheduler, accept(offers, launch(SteppedMaster::task("t", "a")) + group));
    const auto updates = master.updates(scheduler.stream);
    ASSERT_EQ(updates.size(), 2U) << message;
    EXPECT_EQ(updates[0].task_id().value(), "t");
    EXPECT_EQ(updates[1].task_id().value(), "g");
    for (const auto& status : updates) {
      EXPECT_EQ(status.state(), GetParam() ? mesos::v1::TASK_DROPPED : mesos::v1::TASK_LOST);
      EXPECT_EQ(status.source(), TaskStatus::SOURCE_MASTER);
      EXPECT_EQ(status.reason(), TaskStatus::REASON_INVALID_OFFERS);
      EXPECT_EQ(status.message(), "Task launched with invalid offers: " + message);
      EXPECT_FALSE(status.has_uuid());
      EXPECT_EQ(status.agent_id().value(), "a");
    }
    EXPECT_TRUE(master.framework(scheduler).tasks.empty());
  }
  std::string info() const { return GetParam() ? partition_aware : ""; }
};

TEST_P(InvalidOffers, None) {
  SteppedMaster master;
  expect(master, master.subscribe(info()), {}, "No offers specified");
}

TEST_P(InvalidOffers, DuplicateGivesTheOfferBack) {
  SteppedMaster master;
  master.admit();
  const Scheduler scheduler = master.subscribe(info());
  const std::string id = master.offer(scheduler).id().value();
  expect(master, scheduler, {id, id}, "Duplicate offer " + id + " in offer list");
  master.offer(scheduler);
}

TEST_P(InvalidOffers, NoLongerValid) {
  SteppedMaster master;
  master.admit();
  const Scheduler scheduler = master.subscribe(info());
  const auto offer = master.offer(scheduler);
  master.call(scheduler, decline(offer, ""));
  expect(master, scheduler, {offer.id().value()},
         "Offer " + offer.id().value() + " is no longer valid");
  expect(master, scheduler, {"no-such-offer"}, "Offer no-such-offer is no longer valid");
}

TEST_P(InvalidOffers, OfAnotherFrameworkStaysThere) {
  SteppedMaster master;
  master.admit();
  const Scheduler owner = master.subscribe();
  const std::string id = master.offer(owner).id().value();
  const Scheduler thief = master.subscribe(info());
  expect(master, thief, {id},
         "Offer " + id + " has invalid framework " + owner.id + " while framework " + thief.id +
             " is expected");
  EXPECT_TRUE(master.state.offers.contains(OfferId(id)));
}

TEST_P(InvalidOffers, OfTwoAgents) {
  SteppedMaster master;
  master.admit();
  master.admit("10.0.0.3:5051");
  const Scheduler scheduler = master.subscribe(info());
  master.tick();
  const auto offers = master.offers(scheduler.stream);
  ASSERT_EQ(offers.size(), 2U);
  expect(master, scheduler, {offers[0].id().value(), offers[1].id().value()},
         "Aggregated offers must belong to one single agent. Offer " + offers[1].id().value() +
             " uses agent " + offers[1].agent_id().value() + " and agent " +
             offers[0].agent_id().value());
  master.tick();
  EXPECT_EQ(master.offers(scheduler.stream).size(), 2U);
}

TEST_P(InvalidOffers, OfTwoRoles) {
  SteppedMaster master;
  master.admit();
  master.admit("10.0.0.3:5051");
  const Scheduler scheduler = master.subscribe(info() + multi_role + "roles: 'a' roles: 'b'");
  master.tick();
  const auto offers = master.offers(scheduler.stream);
  ASSERT_EQ(offers.size(), 2U);
  ASSERT_NE(offers[0].allocation_info().role(), offers[1].allocation_info().role());
  expect(master, scheduler, {offers[0].id().value(), offers[1].id().value()},
         "Aggregated offers must be allocated to the same role. Offer " + offers[1].id().value() +
             " uses role " + offers[1].allocation_info().role() + " but another is using role " +
             offers[0].allocation_info().role());
}

INSTANTIATE_TEST_SUITE_P(PartitionAware, InvalidOffers, testing::Bool());

TEST(Launch, SeveralTasksGoToTheAgentInOneMessage) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe("role: 'demo'");
  master.launch(scheduler, master.offer(scheduler),
                SteppedMaster::task("a", node.id) + SteppedMaster::task("b", node.id));
  EXPECT_TRUE(master.events(scheduler.stream).empty());  // STAGING is not told
  const auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 1U);
  const auto& launched = orders[0].launch();
  EXPECT_EQ(launched.framework().id().value(), scheduler.id);
  ASSERT_EQ(launched.tasks_size(), 2);
  ASSERT_EQ(launched.launch_executor_size(), 2);
  EXPECT_EQ(launched.tasks(1).task_id().value(), "b");
  for (const auto& task : launched.tasks()) {
    for (const auto& resource : task.resources()) {
      EXPECT_EQ(resource.allocation_info().role(), "demo");
    }
  }
  const Framework& framework = master.framework(scheduler);
  ASSERT_EQ(framework.tasks.size(), 2U);
  EXPECT_EQ(framework.tasks.at(TaskId("a")).proto.state(), mesos::v1::TASK_STAGING);
  EXPECT_EQ(framework.used.at(AgentId(node.id)).scalar(model::cpus), 2000);
}

TEST(Launch, TwoOffersOfOneAgentAreOne) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.run_task(scheduler, node, "t");
  const auto first = master.offer(scheduler);
  master.update(node, scheduler, "t", "TASK_FINISHED", "u1");
  const auto second = master.offer(scheduler);
  const std::string whole = SteppedMaster::task("big", node.id, "command { value: 'x' }",
                                                scalar("cpus", 8) + scalar("mem", 8192));
  master.call(scheduler, accept({first.id().value(), second.id().value()}, launch(whole)));
  EXPECT_TRUE(master.updates(scheduler.stream).empty());
  EXPECT_EQ(master.orders(node.stream, MasterEvent::LAUNCH).size(), 1U);
}

struct Verdict {
  std::string task, message;
};

TEST(Validation, RecordedMessagesAndTheGoodOneGoesOn) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe("role: 'demo'");
  master.run_task(scheduler, node, "good");
  master.update(node, scheduler, "good", "TASK_FINISHED", "u1");  // not acknowledged
  const std::string command = "command { value: 'x' } ";
  const std::string available =
      "required by task and its executor is more than available ports(allocated: "
      "demo):[31000-32000]; cpus(allocated: demo):8; mem(allocated: demo):8192; disk(allocated: "
      "demo):20000";
  const auto task = [&](const std::string& id, const std::string& more,
                        const std::string& resources = scalar("cpus", 0.1) + scalar("mem", 32)) {
    return SteppedMaster::task(id, node.id, more, resources);
  };
  const std::vector<Verdict> verdicts = {
      {task("", command), "ID must not be empty"},
      {task("bad/id", command), "'bad/id' contains invalid characters"},
      {task(std::string(256, 'x'), command), "ID must not be greater than 255 characters"},
      {task("good", command), "Task has duplicate ID: good"},
      {SteppedMaster::task("t", "other-agent", command),
       "Task uses invalid agent other-agent while agent " + node.id + " is expected"},
      {task("t", command + "kill_policy { grace_period { nanoseconds: -1 } }"),
       "Task's 'kill_policy.grace_period' must be non-negative"},
      {task("t", command + "check { type: HTTP }"),
       "Task uses invalid check: Expecting 'http' to be set for HTTP check"},
      {task("t", command, ""), "Task uses no resources"},
      {task("t", ""),
       "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"},
      {task("t", command, scalar("cpus", 1000) + scalar("mem", 32)),
       "Total resources cpus(allocated: demo):1000; mem(allocated: demo):32 " + available},
      {task("t", command, scalar("cpus", 0.1) + scalar("mem", 32) + scalar("bananas", 1)),
       "Total resources cpus(allocated: demo):0.1; mem(allocated: demo):32; bananas(allocated: "
       "demo):1 " +
           available},
      {task("t", command,
            scalar("cpus", 0.1, "allocation_info { role: 'x' }") +
                scalar("mem", 32, "allocation_info { role: 'x' }")),
       "Total resources cpus(allocated: x):0.1; mem(allocated: x):32 " + available},
      {task("t",
            "executor { executor_id { value: 'e' } command { value: 'x' } framework_id { "
            "value: 'other' } }"),
       "ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: " + scheduler.id + ")"},
  };
  for (const auto& [bad, message] : verdicts) {
    const auto offer = master.offer(scheduler);
    master.launch(scheduler, offer, bad, "filters { refuse_seconds: 0 }");
    const auto updates = master.updates(scheduler.stream);
    ASSERT_EQ(updates.size(), 1U) << message;
    EXPECT_EQ(updates[0].message(), message);
    EXPECT_EQ(updates[0].state(), mesos::v1::TASK_ERROR);
    EXPECT_EQ(updates[0].source(), TaskStatus::SOURCE_MASTER);
    EXPECT_EQ(updates[0].reason(), TaskStatus::REASON_TASK_INVALID);
    EXPECT_FALSE(updates[0].has_uuid());
    EXPECT_TRUE(master.orders(node.stream).empty());
  }
  master.launch(scheduler, master.offer(scheduler), task("t", "") + task("fine", command));
  EXPECT_EQ(master.updates(scheduler.stream).size(), 1U);
  const auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].launch().tasks(0).task_id().value(), "fine");
}

TEST(Validation, AMalformedResourceSpoilsItsOperationOnly) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe("role: 'demo'");
  const std::string bad =
      SteppedMaster::task("bad", node.id, "command { value: 'x' }",
                          "resources { name: 'cpus' type: SCALAR scalar { value: -1 "
                          "} } ");
  master.call(scheduler, accept({master.offer(scheduler).id().value()},
                                launch(SteppedMaster::task("a", node.id) + bad) +
                                    launch(SteppedMaster::task("b", node.id))));
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 2U);
  for (const auto& status : updates) {
    EXPECT_EQ(status.message(),
              "Resource 'cpus(allocated: demo):-1' is invalid: Invalid scalar resource: value <= "
              "0");
  }
  const auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 1U);
  ASSERT_EQ(orders[0].launch().tasks_size(), 1);
  EXPECT_EQ(orders[0].launch().tasks(0).task_id().value(), "b");
}

TEST(Validation, OperationIdIsNotForLaunches) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.call(scheduler, accept({master.offer(scheduler).id().value()},
                                "operations { type: LAUNCH id { value: 'o' } launch { " +
                                    SteppedMaster::task("t", node.id) + " } }"));
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(updates[0].message(), "The `id` field cannot be set on LAUNCH operations");
}

TEST(Executors, CountOnceAndMustStayTheSame) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  const auto executor = [](const std::string& value) {
    return "executor { executor_id { value: 'e' } command { value: '" + value + "' } " +
           scalar("cpus", 2) + " } ";
  };
  const std::string filters = "filters { refuse_seconds: 0 }";
  master.launch(scheduler, master.offer(scheduler),
                SteppedMaster::task("a", node.id, executor("x")) +
                    SteppedMaster::task("b", node.id, executor("x")),
                filters);
  auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_TRUE(orders[0].launch().launch_executor(0));
  EXPECT_FALSE(orders[0].launch().launch_executor(1));
  EXPECT_EQ(orders[0].launch().tasks(0).executor().framework_id().value(), scheduler.id);
  EXPECT_EQ(master.framework(scheduler).used.at(AgentId(node.id)).scalar(model::cpus), 4000);

  const auto offer = master.offer(scheduler);
  ASSERT_EQ(offer.executor_ids_size(), 1);
  EXPECT_EQ(offer.executor_ids(0).value(), "e");
  master.launch(scheduler, offer, SteppedMaster::task("c", node.id, executor("y")), filters);
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_TRUE(holds(updates[0].message(), "ExecutorInfo is not compatible with existing"));

  master.agent_calls(node, "type: EXECUTOR_EXITED executor_exited { framework_id { value: '" +
                               scheduler.id + "' } executor_id { value: 'e' } status: 256 }");
  const auto failures = master.events(scheduler.stream, SchedulerEvent::FAILURE);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].failure().status(), 256);
  EXPECT_EQ(failures[0].failure().executor_id().value(), "e");
  EXPECT_EQ(master.framework(scheduler).used.at(AgentId(node.id)).scalar(model::cpus), 2000);
}

TEST(Launch, AHealthCheckWithoutTypeGetsOne) {
  SteppedMaster master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe();
  master.launch(scheduler, master.offer(scheduler),
                SteppedMaster::task("t", node.id,
                                    "command { value: 'x' } health_check { http { port: 80 } }"));
  const auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].launch().tasks(0).health_check().type(), mesos::v1::HealthCheck::HTTP);
}

}  // namespace
}  // namespace mesolith::master
