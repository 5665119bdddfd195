// SPDX-License-Identifier: Apache-2.0
// Agents taken out of service by the operator: what is durable, what is told, what comes back.
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

using Strings = std::vector<std::string>;

class Upkeep : public testing::Test {
 protected:
  // Answers of the last step, "200" or "400 why".
  Strings answers() const {
    Strings out;
    for (const Effect& effect : master.effects) {
      const auto* answer = std::get_if<AnswerOperator>(&effect);
      if (!answer) continue;
      out.push_back(std::to_string(answer->status) +
                    (answer->message.empty() ? "" : " " + answer->message));
    }
    return out;
  }
  void call(const std::string& text) {
    master.step(OperatorCalled{++request, parse<mesos::v1::master::Call>(text)});
  }
  void call(const std::string& type, const std::string& field, const std::string& id,
            const std::string& more = "") {
    call("type: " + type + " " + field + " { agent_id { value: '" + id + "' } " + more + " }");
  }
  void drain(const std::string& id, const std::string& more = "") {
    call("DRAIN_AGENT", "drain_agent", id, more);
  }
  const Agent& agent() const { return master.state.agents.at(AgentId(node.id)); }
  const mesos::v1::DrainInfo& info() const {
    return *master.state.deactivated_agents.at(AgentId(node.id)).drain;
  }
  Node admit() {
    const StreamId stream = master.ask_admission("", "capabilities { type: AGENT_DRAINING }");
    Node out{stream, ""};
    master.persisted();
    for (const auto& event : master.orders(stream, MasterEvent::SUBSCRIBED)) {
      out.id = event.subscribed().agent_id().value();
    }
    return out;
  }
  // The agent comes back with these tasks.
  MasterEvent::Subscribed come_back(SteppedMaster& to, const std::string& tasks = "") {
    node.stream = to.ask_admission(node.id, "capabilities { type: AGENT_DRAINING } " + tasks);
    if (!to.writes.empty()) to.persisted();
    const auto events = to.orders(node.stream, MasterEvent::SUBSCRIBED);
    EXPECT_EQ(events.size(), 1U);
    return events.empty() ? MasterEvent::Subscribed() : events[0].subscribed();
  }

  SteppedMaster master;
  RequestId request = 0;
  Node node = admit();
  Scheduler scheduler = master.subscribe(partition_aware + "checkpoint: true");
};

TEST_F(Upkeep, ADrainIsDurableFirstThenKillsAndEndsWithTheLastTask) {
  master.run_task(scheduler, node, "t");
  const auto held = master.offer(scheduler);
  drain(node.id, "max_grace_period { seconds: 10 }");
  EXPECT_EQ(answers(), Strings{}) << "not durable yet";
  EXPECT_TRUE(master.events(scheduler.stream).empty());
  master.persisted();
  EXPECT_EQ(answers(), Strings{"200"});
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND).size(), 1U);
  const auto orders = master.orders(node.stream, MasterEvent::DRAIN);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].drain().config().max_grace_period().nanoseconds(), 10'000'000'000);
  EXPECT_FALSE(agent().active);
  EXPECT_EQ(info().state(), mesos::v1::DRAINING);
  master.tick();
  EXPECT_TRUE(master.offers(scheduler.stream).empty());
  call("REACTIVATE_AGENT", "reactivate_agent", node.id);
  EXPECT_EQ(answers(), Strings{"400 Agent is still being drained"});
  master.update(node, scheduler, "t", "TASK_KILLED", "k");
  EXPECT_EQ(info().state(), mesos::v1::DRAINING) << "its end is not acknowledged yet";
  master.acknowledge(scheduler, node, "t", "k");
  EXPECT_EQ(info().state(), mesos::v1::DRAINED);
  master.persisted();
  EXPECT_EQ(master.durable_agents.at(node.id).drain().state(), mesos::v1::DRAINED);
  call("REACTIVATE_AGENT", "reactivate_agent", node.id);
  master.persisted();
  EXPECT_EQ(answers(), Strings{"200"});
  ASSERT_EQ(master.orders(node.stream, MasterEvent::DRAIN).size(), 1U);
  EXPECT_FALSE(master.orders(node.stream, MasterEvent::DRAIN)[0].drain().has_config());
  EXPECT_FALSE(master.durable_agents.at(node.id).deactivated());
  EXPECT_FALSE(master.durable_agents.at(node.id).has_drain());
  master.tick();
  EXPECT_EQ(master.offers(scheduler.stream).size(), 1U);
}

TEST_F(Upkeep, AnEmptyAgentIsDrainedAtOnce) {
  drain(node.id);
  master.persisted();
  EXPECT_EQ(info().state(), mesos::v1::DRAINED);
}

TEST_F(Upkeep, ADrainOutlivesTheMasterAndTheAgentsAbsence) {
  master.run_task(scheduler, node, "t");
  drain(node.id);
  master.persisted();
  SteppedMaster next({}, master.registry(), 8);
  const Scheduler again = next.subscribe(partition_aware + "id { value: '" + scheduler.id + "' }");
  const auto subscribed = come_back(
      next, "frameworks { user: 'u' name: 'f' id { value: '" + scheduler.id +
                "' } } tasks { name: 't' task_id { value: 't' } framework_id { value: '" +
                scheduler.id + "' } agent_id { value: '" + node.id + "' } state: TASK_RUNNING " +
                scalar("cpus", 1, "allocation_info { role: '*' }") + " }");
  EXPECT_TRUE(subscribed.has_drain());
  EXPECT_FALSE(next.state.agents.at(AgentId(node.id)).active);
  next.tick();
  EXPECT_TRUE(next.offers(again.stream).empty());
  next.update(node, again, "t", "TASK_KILLED", "k");
  next.acknowledge(again, node, "t", "k");
  EXPECT_EQ(next.state.deactivated_agents.at(AgentId(node.id)).drain->state(), mesos::v1::DRAINED);
}

TEST_F(Upkeep, AnUnreachableAgentIsDrainedWhenItReturns) {
  master.step(StreamClosed{node.stream});
  master.run(std::chrono::minutes(11));
  ASSERT_TRUE(master.state.unreachable_agents.contains(AgentId(node.id)));
  drain(node.id);
  master.persisted();
  EXPECT_EQ(answers(), Strings{"200"});
  EXPECT_EQ(master.durable_agents.at(node.id).standing(), registry::Agent::UNREACHABLE);
  EXPECT_TRUE(come_back(master).has_drain());
  EXPECT_TRUE(master.durable_agents.at(node.id).deactivated()) << "admission keeps it";
  EXPECT_EQ(info().state(), mesos::v1::DRAINED);
}

TEST_F(Upkeep, ADrainThatMarksGoneEndsInGone) {
  drain(node.id, "mark_gone: true");
  master.persisted();
  master.persisted();
  EXPECT_TRUE(master.state.gone_agents.contains(AgentId(node.id)));
  EXPECT_EQ(master.orders(node.stream, MasterEvent::SHUTDOWN).size(), 1U);
}

TEST_F(Upkeep, DeactivationHoldsUntilReactivation) {
  master.run_task(scheduler, node, "t");
  call("DEACTIVATE_AGENT", "deactivate_agent", node.id);
  master.persisted();
  EXPECT_EQ(answers(), Strings{"200"});
  EXPECT_TRUE(master.orders(node.stream).empty()) << "tasks go on";
  master.tick();
  EXPECT_TRUE(master.offers(scheduler.stream).empty());
  come_back(master);
  master.tick();
  EXPECT_TRUE(master.offers(scheduler.stream).empty()) << "nor after its return";
  call("REACTIVATE_AGENT", "reactivate_agent", node.id);
  master.persisted();
  master.tick();
  EXPECT_EQ(master.offers(scheduler.stream).size(), 1U);
  call("REACTIVATE_AGENT", "reactivate_agent", node.id);
  EXPECT_EQ(answers(), Strings{"400 Agent is not deactivated"});
}

TEST_F(Upkeep, AGoneAgentsTasksEndAndItNeverReturns) {
  const Scheduler old = master.subscribe("checkpoint: true");
  master.run_task(scheduler, node, "new");
  master.call(scheduler, "type: SUPPRESS suppress {}");
  master.tick();
  master.launch(old, master.offers(old.stream).at(0), SteppedMaster::task("old", node.id));
  call("MARK_AGENT_GONE", "mark_agent_gone", node.id);
  EXPECT_EQ(answers(), Strings{});
  drain(node.id);
  EXPECT_EQ(answers(), Strings{"409 Agent is being marked gone"});
  master.persisted();
  EXPECT_EQ(answers(), Strings{"200"});
  const auto told = master.updates(scheduler.stream);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].state(), mesos::v1::TASK_GONE_BY_OPERATOR);
  EXPECT_EQ(told[0].reason(), TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR);
  ASSERT_EQ(master.updates(old.stream).size(), 1U);
  EXPECT_EQ(master.updates(old.stream)[0].state(), mesos::v1::TASK_LOST);
  EXPECT_EQ(master.updates(old.stream)[0].reason(), TaskStatus::REASON_AGENT_REMOVED);
  EXPECT_EQ(master.events(old.stream, SchedulerEvent::FAILURE).size(), 1U);
  EXPECT_EQ(master.orders(node.stream, MasterEvent::SHUTDOWN).size(), 1U);
  EXPECT_TRUE(master.closed(node.stream));
  const StreamId back = master.ask_admission(node.id);
  EXPECT_EQ(master.orders(back, MasterEvent::SHUTDOWN).size(), 1U);
  SteppedMaster next({}, master.registry(), 8);
  EXPECT_EQ(next.orders(next.ask_admission(node.id), MasterEvent::SHUTDOWN).size(), 1U);
  call("MARK_AGENT_GONE", "mark_agent_gone", node.id);
  EXPECT_EQ(answers(), Strings{"200"}) << "again is fine";
}

TEST_F(Upkeep, UnreachableTasksOfAGoneAgentEnd) {
  master.run_task(scheduler, node, "t");
  master.step(StreamClosed{node.stream});
  master.run(std::chrono::minutes(11));
  ASSERT_EQ(master.framework(scheduler).unreachable_tasks.size(), 1U);
  call("MARK_AGENT_GONE", "mark_agent_gone", node.id);
  master.persisted();
  ASSERT_EQ(master.updates(scheduler.stream).size(), 1U);
  EXPECT_EQ(master.updates(scheduler.stream)[0].state(), mesos::v1::TASK_GONE_BY_OPERATOR);
  EXPECT_TRUE(master.framework(scheduler).unreachable_tasks.empty());
  EXPECT_EQ(master.framework(scheduler).completed_tasks.size(), 1U);
}

TEST_F(Upkeep, AnAgentThatReturnsWhileItIsMarkedGoneIsNotLetIn) {
  master.step(StreamClosed{node.stream});
  call("MARK_AGENT_GONE", "mark_agent_gone", node.id);
  const StreamId back = master.ask_admission(node.id);
  EXPECT_TRUE(master.closed(back));
  EXPECT_EQ(master.writes.size(), 1U);
  master.tick(std::chrono::minutes(11));
  EXPECT_EQ(master.writes.size(), 1U) << "it is not marked unreachable over that";
  master.persisted();
  EXPECT_EQ(master.durable_agents.at(node.id).standing(), registry::Agent::GONE);
}

TEST_F(Upkeep, RefusesWhatCannotBe) {
  drain("nobody");
  EXPECT_EQ(answers(), Strings{"400 Unknown agent"});
  call("DEACTIVATE_AGENT", "deactivate_agent", "nobody");
  EXPECT_EQ(answers(), Strings{"400 Unknown agent"});
  call("MARK_AGENT_GONE", "mark_agent_gone", "nobody");
  EXPECT_EQ(answers(), Strings{"404 Agent 'nobody' not found"});
  drain(node.id, "max_grace_period { seconds: -1 }");
  EXPECT_EQ(answers(), Strings{"400 'max_grace_period' must not be negative"});
  const Node plain = master.admit("10.0.0.3:5051");
  drain(plain.id);
  EXPECT_EQ(answers(), Strings{"400 Agent is not capable of draining"});
  EXPECT_TRUE(master.writes.empty());
  EXPECT_TRUE(master.state.deactivated_agents.empty());
}

}  // namespace
}  // namespace mesolith::master
