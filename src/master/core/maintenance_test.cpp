// SPDX-License-Identifier: Apache-2.0
// The maintenance schedule: unavailability in offers, inverse offers, machines down and up.
#include "master/core/snapshot.hpp"
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

const std::string machine = "{ hostname: 'host' ip: '10.0.0.2' } ";
const std::string other = "{ hostname: 'else' ip: '10.0.0.9' } ";

class Maintenance : public testing::Test {
 protected:
  std::string call(const std::string& text) {
    master.step(OperatorCalled{1, parse<mesos::v1::master::Call>(text)});
    if (answer().empty() && !master.writes.empty()) master.persisted();
    return answer();
  }
  std::string answer() const {
    for (const Effect& effect : master.effects) {
      if (const auto* out = std::get_if<AnswerOperator>(&effect)) {
        return std::to_string(out->status) + out->message;
      }
    }
    return "";
  }
  std::string schedule(const std::string& windows) {
    return call("type: UPDATE_MAINTENANCE_SCHEDULE update_maintenance_schedule { schedule { " +
                windows + "} }");
  }
  static std::string window(const std::string& machines, int64_t start = 5) {
    return "windows { " + machines +
           "unavailability { start { nanoseconds: " + std::to_string(start) +
           " } duration { nanoseconds: 7 } } } ";
  }
  std::string down(const std::string& id) {
    return call("type: START_MAINTENANCE start_maintenance { machines " + id + "}");
  }
  std::string up(const std::string& id) {
    return call("type: STOP_MAINTENANCE stop_maintenance { machines " + id + "}");
  }
  std::vector<mesos::v1::InverseOffer> inverse_offers() const {
    std::vector<mesos::v1::InverseOffer> out;
    for (const auto& event : master.events(scheduler.stream, SchedulerEvent::INVERSE_OFFERS)) {
      const auto& some = event.inverse_offers().inverse_offers();
      out.insert(out.end(), some.begin(), some.end());
    }
    return out;
  }
  void respond(const std::string& type, const std::string& field, const std::string& id,
               const std::string& filters) {
    master.call(scheduler, "type: " + type + " " + field + " { inverse_offer_ids { value: '" + id +
                               "' } filters { refuse_seconds: " + filters + " } }");
  }

  static Options patient() {
    Options options;
    options.agent_ping_timeout = std::chrono::hours(1);  // nobody answers pings here
    return options;
  }

  SteppedMaster master{patient()};
  Node node = master.admit();
  Scheduler scheduler = master.subscribe("checkpoint: true failover_timeout: 100");
};

TEST_F(Maintenance, OffersAreRescindedAndMadeAgainWithTheWindow) {
  master.offer(scheduler);
  EXPECT_EQ(schedule(window("machine_ids " + machine)), "200");
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND).size(), 1U);
  master.tick();
  const auto offers = master.offers(scheduler.stream);
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_EQ(offers[0].unavailability().start().nanoseconds(), 5);
  ASSERT_EQ(inverse_offers().size(), 1U) << "an offer is enough to be asked";
  EXPECT_EQ(inverse_offers()[0].agent_id().value(), node.id);
  EXPECT_EQ(inverse_offers()[0].unavailability().duration().nanoseconds(), 7);
  EXPECT_EQ(schedule(window("machine_ids " + machine)), "200");
  EXPECT_TRUE(master.events(scheduler.stream).empty()) << "nothing has changed";
  EXPECT_EQ(schedule(""), "200");
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND).size(), 1U);
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND_INVERSE_OFFER).size(), 1U);
  EXPECT_FALSE(master.offer(scheduler).has_unavailability());
  EXPECT_TRUE(master.state.inverse_offers.empty());
}

TEST_F(Maintenance, AnAnswerIsShownAndTheQuestionComesAgain) {
  master.run_task(scheduler, node, "t");
  schedule(window("machine_ids " + machine));
  master.tick();
  ASSERT_EQ(inverse_offers().size(), 1U);
  master.tick(seconds(100));
  EXPECT_TRUE(inverse_offers().empty()) << "one is outstanding";
  respond("ACCEPT_INVERSE_OFFERS", "accept_inverse_offers",
          master.state.inverse_offers.begin()->first.value, "10");
  auto status = maintenance_status(master.state);
  ASSERT_EQ(status.draining_machines_size(), 1);
  ASSERT_EQ(status.draining_machines(0).statuses_size(), 1);
  EXPECT_EQ(status.draining_machines(0).statuses(0).status(),
            mesos::v1::allocator::InverseOfferStatus::ACCEPT);
  EXPECT_EQ(status.draining_machines(0).statuses(0).framework_id().value(), scheduler.id);
  master.run(seconds(9));
  EXPECT_TRUE(inverse_offers().empty());
  master.run(seconds(2));
  ASSERT_EQ(inverse_offers().size(), 1U);
  respond("DECLINE_INVERSE_OFFERS", "decline_inverse_offers", inverse_offers()[0].id().value(),
          "1000");
  status = maintenance_status(master.state);
  EXPECT_EQ(status.draining_machines(0).statuses(0).status(),
            mesos::v1::allocator::InverseOfferStatus::DECLINE);
  master.run(seconds(100));
  EXPECT_TRUE(inverse_offers().empty());
  master.call(scheduler, "type: REVIVE revive {}");
  master.tick();
  EXPECT_EQ(inverse_offers().size(), 1U) << "REVIVE ends the filter";
  master.step(StreamClosed{scheduler.stream});
  EXPECT_TRUE(master.state.inverse_offers.empty());
  const Scheduler again = master.subscribe("checkpoint: true failover_timeout: 100 id { value: '" +
                                           scheduler.id + "' }");
  scheduler = again;
  master.tick();
  EXPECT_EQ(inverse_offers().size(), 1U) << "who comes back is asked again";
}

TEST_F(Maintenance, ADownMachineLosesItsAgentUntilItIsUp) {
  master.run_task(scheduler, node, "t");
  EXPECT_EQ(down(machine),
            "400Machine '{\"hostname\":\"host\",\"ip\":\"10.0.0.2\"}' is not part "
            "of a maintenance schedule");
  schedule(window("machine_ids " + machine + "machine_ids " + other));
  EXPECT_EQ(up(machine).substr(0, 3), "400") << "it is not down";
  EXPECT_EQ(down(machine), "200");
  EXPECT_EQ(master.orders(node.stream, MasterEvent::SHUTDOWN).size(), 1U);
  ASSERT_EQ(master.updates(scheduler.stream).size(), 1U);
  EXPECT_EQ(master.updates(scheduler.stream)[0].state(), mesos::v1::TASK_LOST);
  while (!master.writes.empty()) master.persisted();
  EXPECT_EQ(master.orders(master.ask_admission(), MasterEvent::SHUTDOWN).size(), 1U);
  EXPECT_EQ(down(machine).substr(0, 3), "400") << "it is down already";
  EXPECT_EQ(schedule("").substr(0, 3), "400") << "a machine that is down stays scheduled";
  const auto status = maintenance_status(master.state);
  EXPECT_EQ(status.down_machines_size(), 1);
  EXPECT_EQ(status.draining_machines_size(), 1);
  SteppedMaster next({}, master.registry(), 8);
  EXPECT_EQ(next.orders(next.ask_admission(), MasterEvent::SHUTDOWN).size(), 1U);
  EXPECT_EQ(up(machine), "200");
  EXPECT_FALSE(master.admit().id.empty());
  ASSERT_EQ(master.state.cluster.schedule().windows_size(), 1);
  EXPECT_EQ(master.state.cluster.schedule().windows(0).machine_ids_size(), 1);
  EXPECT_EQ(schedule(""), "200");
}

TEST_F(Maintenance, AnAgentThatComesLaterKnowsItsWindow) {
  schedule(window("machine_ids { ip: '10.0.0.2' } "));
  master.ask_admission(node.id);
  EXPECT_TRUE(master.offer(scheduler).has_unavailability());
  EXPECT_EQ(inverse_offers().size(), 1U);
}

TEST_F(Maintenance, WrongSchedulesChangeNothing) {
  for (const std::string& wrong :
       {window(""), window("machine_ids {} "),
        window("machine_ids " + machine + "machine_ids " + machine),
        window("machine_ids " + machine) + window("machine_ids " + machine),
        window("machine_ids { ip: 'nowhere' } "),
        std::string("windows { machine_ids ") + machine +
            "unavailability { start { nanoseconds: 1 } duration { nanoseconds: -1 } } } "}) {
    EXPECT_EQ(schedule(wrong).substr(0, 3), "400") << wrong;
  }
  std::string many;
  for (int i = 0; i <= 10'000; ++i) {
    many += "machine_ids { hostname: 'h" + std::to_string(i) + "' } ";
  }
  EXPECT_EQ(schedule(window(many)), "400A schedule holds at most 10000 machines");
  EXPECT_EQ(call("type: START_MAINTENANCE start_maintenance {}").substr(0, 3), "400");
  EXPECT_TRUE(master.writes.empty());
  EXPECT_TRUE(master.state.cluster.machines().empty());
}

}  // namespace
}  // namespace mesolith::master
