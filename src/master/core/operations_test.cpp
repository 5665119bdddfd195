// SPDX-License-Identifier: Apache-2.0
// Operations on resources: in ACCEPT, by the operator, what is told of them, and that none of them
// loses or doubles anything (mesos-api.md 1.7, 1.10, 9.11).
#include <algorithm>

#include "master/core/operator_plan.hpp"
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::OperationStatus;
using Operation = mesos::v1::Offer::Operation;

const std::string by_p = "principal: 'p' ";
const std::string refining =
    multi_role + "capabilities { type: RESERVATION_REFINEMENT } roles: 'demo' " + by_p;
const std::string reserved = "reservations { type: DYNAMIC role: 'demo' principal: 'p' } ";

std::string some(const std::string& name, double value, const std::string& more) {
  return "{ name: '" + name + "' type: SCALAR scalar { value: " + std::to_string(value) + " } " +
         more + " } ";
}
std::string volume(const std::string& id, double size = 64, const std::string& more = "") {
  return some("disk", size,
              reserved + "disk { persistence { id: '" + id +
                  "' principal: 'p' } volume { mode: RW container_path: 'data' } } " + more);
}
std::string operation(const std::string& type, const std::string& body,
                      const std::string& id = "") {
  return "operations { type: " + type + " " + (id.empty() ? "" : "id { value: '" + id + "' } ") +
         body + " } ";
}
std::string reserve(const std::string& resource, const std::string& id = "") {
  return operation("RESERVE", "reserve { resources " + resource + " }", id);
}
std::string unreserve(const std::string& resource, const std::string& id = "") {
  return operation("UNRESERVE", "unreserve { resources " + resource + " }", id);
}
std::string create(const std::string& one) {
  return operation("CREATE", "create { volumes " + one + " }");
}
std::string destroy(const std::string& one, const std::string& id = "") {
  return operation("DESTROY", "destroy { volumes " + one + " }", id);
}
std::string launch(const std::string& tasks) {
  return operation("LAUNCH", "launch { " + tasks + " }");
}

class Master : public SteppedMaster {
 public:
  using SteppedMaster::SteppedMaster;

  Effects& accept(const Scheduler& scheduler, const mesos::v1::Offer& offer,
                  const std::string& operations, const std::string& filters = "") {
    return call(scheduler, "type: ACCEPT accept { offer_ids { value: '" + offer.id().value() +
                               "' } " + operations + filters + " }");
  }
  Node admit_capable(const std::string& id = "", const std::string& more = "") {
    Node node{ask_admission(id, "capabilities { type: AGENT_OPERATION_FEEDBACK } " + more), id};
    const auto look = [&] {
      for (const auto& event : orders(node.stream, MasterEvent::SUBSCRIBED)) {
        node.id = event.subscribed().agent_id().value();
      }
    };
    look();
    while (!writes.empty()) {
      persisted();
      look();
    }
    return node;
  }
  const Agent& agent(const Node& node) const { return state.agents.at(AgentId(node.id)); }
  std::vector<OperationStatus> told(const Scheduler& scheduler) const {
    std::vector<OperationStatus> out;
    for (const auto& event : events(scheduler.stream, SchedulerEvent::UPDATE_OPERATION_STATUS)) {
      out.push_back(event.update_operation_status().status());
    }
    return out;
  }
  Effects& finished(const Node& node, const Scheduler& scheduler, const std::string& uuid,
                    const std::string& id) {
    AgentCalled event;
    event.call.set_type(AgentCall::OPERATION_UPDATE);
    event.call.mutable_agent_id()->set_value(node.id);
    auto& update = *event.call.mutable_operation_update();
    update.mutable_framework_id()->set_value(scheduler.id);
    update.set_operation_uuid(uuid);
    update.mutable_status()->set_state(mesos::v1::OPERATION_FINISHED);
    update.mutable_status()->mutable_operation_id()->set_value(id);
    update.mutable_status()->mutable_uuid()->set_value("0123456789abcdef");
    update.mutable_status()->mutable_agent_id()->set_value(node.id);
    return step(event);
  }
  std::string sent_uuid(const Node& node) const {
    const auto sent = orders(node.stream, MasterEvent::APPLY_OPERATION);
    EXPECT_EQ(sent.size(), 1U);
    return sent.empty() ? "" : sent.front().apply_operation().uuid();
  }
  Effects& acknowledge_operation(const Scheduler& scheduler, const Node& node,
                                 const std::string& id) {
    return call(scheduler,
                "type: ACKNOWLEDGE_OPERATION_STATUS acknowledge_operation_status { agent_id { "
                "value: '" +
                    node.id + "' } uuid: '0123456789abcdef' operation_id { value: '" + id +
                    "' } }");
  }
  OperationStatus reconcile(const Scheduler& scheduler, const std::string& id,
                            const std::string& agent_id = "") {
    call(scheduler,
         "type: RECONCILE_OPERATIONS reconcile_operations { operations { operation_id { "
         "value: '" +
             id + "' } " + (agent_id.empty() ? "" : "agent_id { value: '" + agent_id + "' } ") +
             "} }");
    const auto all = told(scheduler);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? OperationStatus() : all.front();
  }
  Result<OperatorPlan> plan(const Node& node, const std::string& text) const {
    return operator_plan(state, agent(node), parse<Operation>(text));
  }
  Effects& convert(const Node& node, const std::string& text) {
    return step(OperatorConverted{AgentId(node.id), parse<Operation>(text)});
  }
};

double amount(const mesos::v1::Offer& offer, const std::string& name, bool of_reserved) {
  double sum = 0;
  for (const auto& resource : offer.resources()) {
    const bool is = resource.has_reservation() || !resource.reservations().empty();
    if (resource.name() == name && is == of_reserved) sum += resource.scalar().value();
  }
  return sum;
}

TEST(Reserve, ShowsInTheNextOfferInTheFrameworksFormat) {
  for (const bool refined : {false, true}) {
    Master master;
    const Node node = master.admit();
    const Scheduler scheduler = master.subscribe(refined ? refining : "role: 'demo' " + by_p);
    master.accept(
        scheduler, master.offer(scheduler),
        reserve(
            some("cpus", 1, refined ? reserved : "role: 'demo' reservation { principal: 'p' }")));
    const auto orders = master.orders(node.stream, MasterEvent::APPLY_OPERATION);
    ASSERT_EQ(orders.size(), 1U);
    EXPECT_FALSE(orders[0].apply_operation().has_uuid());
    const auto again = master.offer(scheduler);
    EXPECT_DOUBLE_EQ(amount(again, "cpus", true), 1);
    EXPECT_DOUBLE_EQ(amount(again, "cpus", false), 7);
    for (const auto& resource : again.resources()) {
      EXPECT_EQ(resource.has_role(), !refined);
    }
    master.accept(
        scheduler, again,
        unreserve(
            some("cpus", 1, refined ? reserved : "role: 'demo' reservation { principal: 'p' }")));
    EXPECT_DOUBLE_EQ(amount(master.offer(scheduler), "cpus", false), 8);
  }
}

TEST(Reserve, ThreeDecimalsAddUp) {
  Master master;
  master.admit();
  const Scheduler scheduler = master.subscribe(refining);
  const std::string tenth = reserve(some("cpus", 0.1, reserved));
  master.accept(scheduler, master.offer(scheduler), tenth + tenth + tenth);
  const auto offer = master.offer(scheduler);
  master.accept(scheduler, offer, unreserve(some("cpus", 0.3, reserved)));
  EXPECT_DOUBLE_EQ(amount(master.offer(scheduler), "cpus", true), 0);
}

TEST(Reserve, IsRefinedOnTopOfAReservation) {
  Master master;
  master.admit();
  const Scheduler scheduler = master.subscribe(
      multi_role + "capabilities { type: RESERVATION_REFINEMENT } roles: 'demo/x' " + by_p);
  const std::string refined =
      "reservations { type: STATIC role: 'demo' } reservations { type: DYNAMIC role: 'demo/x' "
      "principal: 'p' } ";
  master.accept(scheduler, master.offer(scheduler), reserve(some("cpus", 1, refined)),
                "filters { refuse_seconds: 0 }");
  EXPECT_DOUBLE_EQ(amount(master.offer(scheduler), "cpus", true), 0);  // nothing is reserved so
  Master other;
  other.admit("10.0.0.2:5051",
              scalar("cpus", 4, "reservations { type: STATIC role: 'demo' }") + scalar("mem", 512));
  const Scheduler deep = other.subscribe(
      multi_role + "capabilities { type: RESERVATION_REFINEMENT } roles: 'demo/x' " + by_p);
  other.accept(deep, other.offer(deep), reserve(some("cpus", 1, refined)));
  const auto offer = other.offer(deep);
  int stacks = 0;
  for (const auto& resource : offer.resources()) stacks += resource.reservations_size() == 2;
  EXPECT_EQ(stacks, 1);
}

TEST(Operations, GoToTheAgentInTheirOrderWithLaunches) {
  Master master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe(refining);
  const std::string on_volume =
      SteppedMaster::task("t", node.id, "command { value: 'x' }",
                          scalar("cpus", 1) + scalar("mem", 32) + "resources " + volume("v"));
  master.accept(scheduler, master.offer(scheduler),
                launch(SteppedMaster::task("first", node.id)) +
                    reserve(some("disk", 64, reserved)) + create(volume("v")) + launch(on_volume));
  std::vector<MasterEvent::Type> types;
  for (const auto& event : master.orders(node.stream)) types.push_back(event.type());
  EXPECT_EQ(types, (std::vector{MasterEvent::LAUNCH, MasterEvent::APPLY_OPERATION,
                                MasterEvent::APPLY_OPERATION, MasterEvent::LAUNCH}));
  EXPECT_TRUE(master.updates(scheduler.stream).empty());
  EXPECT_FALSE(master.agent(node).total.persistent_volumes().empty());
}

TEST(Operations, ABadOneIsDroppedAndTheNextGoesOn) {
  Master master;
  const Node node = master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining);
  const std::string other = "reservations { type: DYNAMIC role: 'other' principal: 'p' } ";
  master.accept(scheduler, master.offer(scheduler),
                reserve(some("cpus", 1, other), "bad") + reserve(some("cpus", 1, other)) +
                    reserve(some("cpus", 500, reserved), "much") +
                    reserve(some("cpus", -1, reserved), "wrong") +
                    launch(SteppedMaster::task("t", node.id)),
                "filters { refuse_seconds: 0 }");
  const auto told = master.told(scheduler);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].operation_id().value(), "bad");
  EXPECT_EQ(told[0].state(), mesos::v1::OPERATION_ERROR);
  EXPECT_EQ(told[0].message(),
            "A reserve operation was attempted for a resource with role 'other', but the resource "
            "was allocated to role 'demo'; on agent " +
                node.id + " at slave(1)@10.0.0.2:5051 (host)");
  EXPECT_FALSE(told[0].has_uuid());
  EXPECT_TRUE(holds(told[1].message(), "does not contain"));
  EXPECT_TRUE(holds(told[2].message(), "Operation attempted with invalid resources: "));
  EXPECT_EQ(master.orders(node.stream, MasterEvent::LAUNCH).size(), 1U);
  EXPECT_TRUE(master.orders(node.stream, MasterEvent::APPLY_OPERATION).empty());
  EXPECT_DOUBLE_EQ(amount(master.offer(scheduler), "cpus", true), 0);
}

TEST(Operations, IdsMustBeFreeGoodAndTheAgentAble) {
  Master master;
  const Node node = master.admit();  // without AGENT_OPERATION_FEEDBACK
  const Scheduler scheduler = master.subscribe(refining);
  master.accept(scheduler, master.offer(scheduler), reserve(some("cpus", 1, reserved), "id"),
                "filters { refuse_seconds: 0 }");
  ASSERT_EQ(master.told(scheduler).size(), 1U);
  EXPECT_TRUE(holds(master.told(scheduler)[0].message(), "AGENT_OPERATION_FEEDBACK"));

  Options few;
  few.operations_per_agent_max = 1;
  Master able(few);
  able.admit_capable();
  const Scheduler other = able.subscribe(refining);
  able.accept(other, able.offer(other),
              reserve(some("cpus", 1, reserved), "a/b") + reserve(some("cpus", 1, reserved), "id") +
                  reserve(some("cpus", 1, reserved), "id") +
                  reserve(some("cpus", 1, reserved), "i2"));
  const auto told = able.told(other);
  ASSERT_EQ(told.size(), 3U);
  EXPECT_TRUE(holds(told[1].message(), "is in use"));
  EXPECT_TRUE(holds(told[2].message(), "wait for an acknowledgement"));
}

TEST(Operations, OnInvalidOffersOfADisconnectedAgentAreErrors) {
  Master master;
  master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining);
  master.call(scheduler, "type: ACCEPT accept { offer_ids { value: 'nope' } " +
                             reserve(some("cpus", 1, reserved), "id") + " }");
  ASSERT_EQ(master.told(scheduler).size(), 1U);
  EXPECT_EQ(master.told(scheduler)[0].state(), mesos::v1::OPERATION_ERROR);
}

TEST(Operations, WhatCameOfThemIsNotFiltered) {
  Master master;
  master.admit();
  const Scheduler scheduler = master.subscribe(refining);
  master.accept(scheduler, master.offer(scheduler), reserve(some("cpus", 1, reserved)),
                "filters { refuse_seconds: 1000 }");
  EXPECT_DOUBLE_EQ(amount(master.offer(scheduler), "cpus", true), 1);
}

TEST(Volumes, CannotBeUnreservedOrDestroyedInUse) {
  Master master;
  const Node node = master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining);
  const std::string on_volume =
      SteppedMaster::task("t", node.id, "command { value: 'x' }",
                          scalar("cpus", 1) + scalar("mem", 32) + "resources " + volume("v"));
  master.accept(scheduler, master.offer(scheduler),
                reserve(some("disk", 64, reserved)) + create(volume("v")) +
                    unreserve(volume("v"), "u") + launch(on_volume) + destroy(volume("v"), "d"),
                "filters { refuse_seconds: 0 }");
  const auto told = master.told(scheduler);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_TRUE(holds(told[0].message(), "cannot be unreserved directly"));
  EXPECT_TRUE(holds(told[1].message(), "Persistent volumes in use"));
  master.update(node, scheduler, "t", "TASK_FINISHED", "u1");
  const auto offer = master.offer(scheduler);
  master.accept(scheduler, offer, destroy(volume("v")) + unreserve(some("disk", 64, reserved)));
  EXPECT_DOUBLE_EQ(amount(master.offer(scheduler), "disk", false), 20000);
}

TEST(Volumes, GrowAndShrinkAfterwards) {
  Master master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe(refining);
  master.accept(scheduler, master.offer(scheduler),
                reserve(some("disk", 100, reserved)) + create(volume("v")));
  const std::string grown =
      SteppedMaster::task("t", node.id, "command { value: 'x' }",
                          scalar("cpus", 1) + scalar("mem", 32) + "resources " + volume("v", 72));
  master.accept(scheduler, master.offer(scheduler),
                operation("GROW_VOLUME", "grow_volume { volume " + volume("v") + " addition " +
                                             some("disk", 8, reserved) + " }") +
                    launch(grown));
  ASSERT_EQ(master.updates(scheduler.stream).size(), 1U);  // not in the same ACCEPT
  EXPECT_EQ(master.updates(scheduler.stream)[0].state(), mesos::v1::TASK_ERROR);
  const auto offer = master.offer(scheduler);
  EXPECT_TRUE(holds(offer.ShortDebugString(), "value: 72"));
  master.accept(scheduler, offer,
                operation("SHRINK_VOLUME", "shrink_volume { volume " + volume("v", 72) +
                                               " subtract { value: 70 } }"));
  EXPECT_TRUE(holds(master.offer(scheduler).ShortDebugString(), "value: 98"));
}

TEST(Volumes, DestroyingASharedOneTakesItFromOtherOffers) {
  Master master;
  master.admit();
  const std::string sharing = refining + "capabilities { type: SHARED_RESOURCES } ";
  const Scheduler first = master.subscribe(sharing);
  const auto offer = master.offer(first);
  const std::string shared = volume("v", 64, "shared { }");
  master.accept(first, offer, reserve(some("disk", 64, reserved)) + create(shared),
                "filters { refuse_seconds: 0 }");
  const auto again = master.offer(first);
  const Scheduler second = master.subscribe(sharing);
  const auto other = master.offer(second);  // the shared volume alone
  EXPECT_EQ(other.resources_size(), 1);
  master.accept(first, again, destroy(shared));
  EXPECT_EQ(master.events(second.stream, SchedulerEvent::RESCIND).size(), 1U);
}

TEST(Volumes, SharedOnesAreUsedBySeveralTasks) {
  Master master;
  const Node node = master.admit();
  const Scheduler scheduler =
      master.subscribe(refining + "capabilities { type: SHARED_RESOURCES } ");
  const std::string shared = volume("v", 64, "shared { }");
  const auto on_volume = [&](const std::string& id) {
    return SteppedMaster::task(id, node.id, "command { value: 'x' }",
                               scalar("cpus", 1) + scalar("mem", 32) + "resources " + shared);
  };
  const std::string freely = "filters { refuse_seconds: 0 }";
  master.accept(scheduler, master.offer(scheduler),
                reserve(some("disk", 64, reserved)) + create(shared) +
                    launch(on_volume("t1") + on_volume("t2")),
                freely);
  EXPECT_TRUE(master.updates(scheduler.stream).empty());
  master.accept(scheduler, master.offer(scheduler), launch(on_volume("t3")), freely);
  EXPECT_EQ(master.framework(scheduler).tasks.size(), 3U);
  for (const std::string id : {"t1", "t2", "t3"}) {
    master.accept(scheduler, master.offer(scheduler), destroy(shared), freely);
    EXPECT_FALSE(master.agent(node).total.shared().empty()) << id;  // in use
    master.update(node, scheduler, id, "TASK_FINISHED", "u" + id);
  }
  EXPECT_TRUE(master.agent(node).used.empty());
  master.accept(scheduler, master.offer(scheduler),
                destroy(shared) + unreserve(some("disk", 64, reserved)), freely);
  const auto offer = master.offer(scheduler);
  EXPECT_DOUBLE_EQ(amount(offer, "disk", false), 20000);
  EXPECT_DOUBLE_EQ(amount(offer, "cpus", false), 8);
  EXPECT_EQ(master.state.allocator.allocated("demo").quantities(),
            master.agent(node).total.quantities());
}

TEST(Feedback, IsForwardedRepeatedAndAcknowledged) {
  Master master;
  const Node node = master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining);
  master.accept(scheduler, master.offer(scheduler), reserve(some("cpus", 1, reserved), "id"));
  const std::string uuid = master.sent_uuid(node);
  EXPECT_EQ(uuid.size(), 16U);
  EXPECT_EQ(master.reconcile(scheduler, "id").state(), mesos::v1::OPERATION_PENDING);
  for (int times = 0; times < 2; ++times) {
    master.finished(node, scheduler, uuid, "id");
    ASSERT_EQ(master.told(scheduler).size(), 1U);
    EXPECT_EQ(master.told(scheduler)[0].state(), mesos::v1::OPERATION_FINISHED);
    EXPECT_TRUE(master.told(scheduler)[0].has_uuid());
  }
  EXPECT_EQ(master.agent(node).operations.at(uuid).statuses_size(), 1);
  const auto reconciled = master.reconcile(scheduler, "id", node.id);
  EXPECT_EQ(reconciled.state(), mesos::v1::OPERATION_FINISHED);
  EXPECT_FALSE(reconciled.has_uuid());
  master.call(scheduler, "type: RECONCILE_OPERATIONS reconcile_operations { }");
  EXPECT_EQ(master.told(scheduler).size(), 1U);
  master.acknowledge_operation(scheduler, node, "id");
  const auto released = master.orders(node.stream, MasterEvent::ACKNOWLEDGE_OPERATION);
  ASSERT_EQ(released.size(), 1U);
  EXPECT_EQ(released[0].acknowledge_operation().operation_uuid(), uuid);
  EXPECT_EQ(master.reconcile(scheduler, "id", node.id).state(), mesos::v1::OPERATION_UNKNOWN);
}

TEST(Feedback, OfUnknownOperationsSaysWhatIsKnownOfTheAgent) {
  Master master;
  const Node node = master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining);
  EXPECT_EQ(master.reconcile(scheduler, "x").message(),
            "Reconciliation: Operation is unknown and no 'agent_id' was provided");
  EXPECT_EQ(master.reconcile(scheduler, "x", node.id).message(),
            "Reconciliation: Operation is unknown");
  EXPECT_EQ(master.reconcile(scheduler, "x", "nobody").state(), mesos::v1::OPERATION_UNKNOWN);
  master.state.unreachable_agents[AgentId("away")];
  EXPECT_EQ(master.reconcile(scheduler, "x", "away").state(), mesos::v1::OPERATION_UNREACHABLE);
  master.state.gone_agents.insert(AgentId("gone"));
  EXPECT_EQ(master.reconcile(scheduler, "x", "gone").state(),
            mesos::v1::OPERATION_GONE_BY_OPERATOR);
  master.state.recovered_agents[AgentId("back")];
  EXPECT_EQ(master.reconcile(scheduler, "x", "back").state(), mesos::v1::OPERATION_RECOVERING);
}

TEST(Feedback, SurvivesTheMaster) {
  Master master;
  const Node node = master.admit_capable();
  Scheduler scheduler = master.subscribe(refining);
  master.accept(scheduler, master.offer(scheduler), reserve(some("cpus", 1, reserved), "id"));
  const std::string uuid = master.sent_uuid(node);
  const auto operation = master.agent(node).operations.at(uuid);
  model::Resources total = master.agent(node).total;

  Master next({}, master.registry());
  AgentSubscribing event;
  event.stream = ++next.last_stream;
  event.call = parse<AgentCall>(
      "type: SUBSCRIBE subscribe { protocol_version: 1 agent_info { "
      "hostname: 'host' port: 5051 id { value: '" +
      node.id + "' } " + default_resources +
      " } ip: '10.0.0.2' capabilities { type: "
      "MULTI_ROLE } capabilities { type: AGENT_OPERATION_FEEDBACK } }");
  total.append_to(event.call.mutable_subscribe()->mutable_total_resources(),
                  model::Format::post_reservation_refinement);
  *event.call.mutable_subscribe()->add_operations() = operation;
  next.step(event);
  while (!next.writes.empty()) next.persisted();
  const Node returned{event.stream, node.id};
  EXPECT_EQ(next.agent(returned).total, total);
  const Scheduler again = next.subscribe("id { value: '" + scheduler.id + "' } " + refining);
  next.state.frameworks.at(FrameworkId(scheduler.id));
  EXPECT_DOUBLE_EQ(amount(next.offer(again), "cpus", true), 1);
  next.finished(returned, again, uuid, "id");
  ASSERT_EQ(next.told(again).size(), 1U);
  EXPECT_EQ(next.reconcile(again, "id").state(), mesos::v1::OPERATION_FINISHED);
  // Told again to a scheduler that comes back before it has acknowledged.
  const Scheduler third = next.subscribe("id { value: '" + scheduler.id + "' } " + refining);
  EXPECT_EQ(next.told(third).size(), 1U);
}

TEST(Feedback, OfOperationsThatTheAgentDoesNotListIsAskedFor) {
  Master master;
  const Node node = master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining);
  master.accept(scheduler, master.offer(scheduler), reserve(some("cpus", 1, reserved), "id"));
  const std::string uuid = master.sent_uuid(node);
  const Node again = master.admit_capable(node.id);
  const auto subscribed = master.orders(again.stream, MasterEvent::SUBSCRIBED);
  ASSERT_EQ(subscribed.size(), 1U);
  ASSERT_EQ(subscribed[0].subscribed().unknown_operations_size(), 1);
  EXPECT_EQ(subscribed[0].subscribed().unknown_operations(0).uuid(), uuid);
  EXPECT_DOUBLE_EQ(amount(master.offer(scheduler), "cpus", true), 0);  // the agent's word counts
}

// Found by the simulator: the agent died with the operation and the task before either was durable.
TEST(Operations, ThatNeverReachedTheAgentLeaveNothingHeldByTheirTask) {
  Master master;
  const Node node = master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining + "checkpoint: true ");
  const std::string on_volume =
      SteppedMaster::task("t", node.id, "command { value: 'x' }",
                          scalar("cpus", 1) + scalar("mem", 32) + "resources " + volume("v"));
  master.accept(scheduler, master.offer(scheduler),
                reserve(some("disk", 64, reserved)) + create(volume("v")) + launch(on_volume),
                "filters { refuse_seconds: 0 }");
  master.admit_capable(node.id);
  EXPECT_TRUE(master.agent(node).used.empty());
  EXPECT_EQ(master.framework(scheduler).tasks.size(),
            1U);  // until the agent says what became of it
  const auto offer = master.offer(scheduler);
  EXPECT_DOUBLE_EQ(amount(offer, "disk", false), 20000);
  EXPECT_DOUBLE_EQ(amount(offer, "cpus", false), 8);
}

TEST(Feedback, OfAnEndedFrameworkIsReleased) {
  Master master;
  const Node node = master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining);
  master.accept(scheduler, master.offer(scheduler), reserve(some("cpus", 1, reserved), "id"));
  const std::string uuid = master.sent_uuid(node);
  master.call(scheduler, "type: TEARDOWN");
  EXPECT_TRUE(master.agent(node).operations.empty());
  master.finished(node, scheduler, uuid, "id");
  EXPECT_EQ(master.orders(node.stream, MasterEvent::ACKNOWLEDGE_OPERATION).size(), 1U);
}

TEST(Feedback, OfAnUnreachableAgentIsGivenUp) {
  Master master;
  const Node node = master.admit_capable();
  const Scheduler scheduler = master.subscribe(refining + "failover_timeout: 1e6 ");
  master.accept(scheduler, master.offer(scheduler), reserve(some("cpus", 1, reserved), "id"));
  master.run(seconds(100));
  const auto told = master.told(scheduler);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].state(), mesos::v1::OPERATION_UNREACHABLE);
  EXPECT_TRUE(master.state.operation_ids.empty());
}

const std::string reserve_cpu =
    "type: RESERVE reserve { resources { name: 'cpus' type: SCALAR scalar { value: 1 } "
    "reservations { type: DYNAMIC role: 'demo' } } }";

TEST(Operator, TakesOffersBackOnlyWhenItMust) {
  Master master;
  const Node node = master.admit();
  EXPECT_TRUE(master.plan(node, reserve_cpu)->rescinded.empty());
  const Scheduler scheduler = master.subscribe(refining);
  const auto offer = master.offer(scheduler);
  EXPECT_EQ(master.plan(node, reserve_cpu)->rescinded.size(), 1U);
  master.convert(node, reserve_cpu);
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND).size(), 1U);
  EXPECT_EQ(master.orders(node.stream, MasterEvent::APPLY_OPERATION).size(), 1U);
  EXPECT_DOUBLE_EQ(amount(master.offer(scheduler), "cpus", true), 1);
}

TEST(Operator, AsksInVainForMoreThanThereIs) {
  Master master;
  const Node node = master.admit();
  const Scheduler scheduler = master.subscribe(refining);
  master.offer(scheduler);
  const std::string much =
      "type: RESERVE reserve { resources { name: 'disk' type: SCALAR scalar { value: 1000000 } "
      "reservations { type: DYNAMIC role: 'demo' } } }";
  const auto plan = master.plan(node, much);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, Code::conflict);
  EXPECT_TRUE(holds(plan.error().message, "does not contain disk:1000000"));
  master.convert(node, much);
  EXPECT_TRUE(master.events(scheduler.stream).empty());
  const auto wrong = master.plan(node, "type: DESTROY destroy { volumes " + volume("v") + " }");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, Code::invalid);
}

// Whatever is done, in whatever order, the agent has what it had, and every bit of it is either
// free, offered or used, once.
TEST(Conservation, NothingIsLostOrDoubled) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Rng rng(seed);
    Master master({}, {}, seed);
    const Node node = master.admit_capable();
    const model::Quantities all = master.agent(node).total.quantities();
    std::vector<Scheduler> schedulers{master.subscribe(refining), master.subscribe(refining)};
    std::map<std::string, mesos::v1::Offer> offers;
    std::vector<std::pair<size_t, std::string>> tasks;
    int next = 0;
    const auto pick = [&](const std::vector<std::string>& from) {
      return from[rng.below(from.size())];
    };
    const auto something = [&]() -> std::string {
      const std::string id = pick({"v1", "v2"});
      const double size = rng.chance(0.5) ? 64 : 72;
      switch (rng.below(7)) {
        case 0:
          return reserve(some(pick({"cpus", "disk"}), rng.chance(0.5) ? 0.1 : 80, reserved));
        case 1:
          return unreserve(some(pick({"cpus", "disk"}), rng.chance(0.5) ? 0.1 : 8, reserved));
        case 2:
          return create(volume(id, size));
        case 3:
          return destroy(volume(id, size));
        case 4:
          return operation("GROW_VOLUME", "grow_volume { volume " + volume(id, 64) + " addition " +
                                              some("disk", 8, reserved) + " }");
        case 5:
          return operation("SHRINK_VOLUME",
                           "shrink_volume { volume " + volume(id, 72) + " subtract { value: 8 } }");
        default:
          return "";
      }
    };
    const auto check = [&] {
      const Agent& agent = master.agent(node);
      ASSERT_EQ(agent.total.quantities(), all) << "seed " << seed;
      model::Resources parts = master.state.allocator.available(agent.id);
      for (const auto& [id, used] : agent.used) parts += used.unallocated();
      for (const OfferId& id : agent.offers) {
        parts += master.state.offers.at(id).resources.unallocated();
      }
      ASSERT_EQ(parts, agent.total)
          << "seed " << seed << ": " << parts.describe() << " of " << agent.total.describe();
    };
    for (int turn = 0; turn < 150; ++turn) {
      master.tick(std::chrono::milliseconds(rng.below(1500)));
      for (const Scheduler& scheduler : schedulers) {
        for (const auto& offer : master.offers(scheduler.stream)) {
          offers[offer.id().value()] = offer;
        }
      }
      check();
      if (rng.chance(0.2) && !tasks.empty()) {
        const auto [owner, id] = tasks.front();
        tasks.erase(tasks.begin());
        master.update(node, schedulers[owner], id, "TASK_FINISHED", "u");
      } else if (rng.chance(0.2)) {
        auto wanted = parse<SchedulerCall>("type: ACCEPT accept { " + something() + " }");
        if (!wanted.accept().operations().empty()) {
          master.step(OperatorConverted{AgentId(node.id), wanted.accept().operations(0)});
        }
      } else if (!offers.empty()) {
        const auto offer = offers.begin()->second;
        offers.erase(offers.begin());
        const size_t owner = offer.framework_id().value() == schedulers[0].id ? 0 : 1;
        std::string operations;
        for (uint64_t count = rng.below(4); count > 0; --count) operations += something();
        if (rng.chance(0.4)) {
          const std::string id = "t" + std::to_string(next++);
          const std::string uses = rng.chance(0.5) ? "resources " + volume(pick({"v1", "v2"})) : "";
          operations += launch(SteppedMaster::task(id, node.id, "command { value: 'x' }",
                                                   scalar("cpus", 0.5) + uses));
          tasks.emplace_back(owner, id);
        }
        master.accept(schedulers[owner], offer, operations + something(),
                      rng.chance(0.7) ? "filters { refuse_seconds: 0 }" : "");
      }
      check();
    }
  }
}

}  // namespace
}  // namespace mesolith::master
