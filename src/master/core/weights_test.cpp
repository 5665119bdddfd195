// SPDX-License-Identifier: Apache-2.0
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

std::string weight(const std::string& role, const std::string& value) {
  return "weight_infos { role: '" + role + "' weight: " + value + " } ";
}

class Weights : public testing::Test {
 protected:
  // The status and why, once there is an answer.
  std::string update(SteppedMaster& master, const std::string& infos) {
    master.step(OperatorCalled{
        1, parse<mesos::v1::master::Call>("type: UPDATE_WEIGHTS update_weights { " + infos + "}")});
    if (answer(master).empty() && !master.writes.empty()) master.persisted();
    return answer(master);
  }
  static std::string answer(const SteppedMaster& master) {
    for (const Effect& effect : master.effects) {
      if (const auto* out = std::get_if<AnswerOperator>(&effect)) {
        return std::to_string(out->status) + out->message;
      }
    }
    return "";
  }
};

TEST_F(Weights, AreFeltRescindOffersAndOutliveTheMaster) {
  Options options;
  options.weights = {{"flag", 3}};
  SteppedMaster master(options);
  const Scheduler scheduler = master.subscribe("roles: 'a' " + multi_role);
  master.admit();
  master.offer(scheduler);
  EXPECT_EQ(update(master, weight("b", "2")), "200");
  EXPECT_TRUE(master.events(scheduler.stream, SchedulerEvent::RESCIND).empty())
      << "nobody is in that role";
  EXPECT_EQ(update(master, weight("a", "2.5") + weight("c", "7")), "200");
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND).size(), 1U);
  EXPECT_EQ(master.state.allocator.weight("a"), 2.5);
  SteppedMaster next(options, master.registry(), 8);
  EXPECT_EQ(next.state.weights,
            (std::map<std::string, double>{{"a", 2.5}, {"b", 2}, {"c", 7}, {"flag", 3}}));
  EXPECT_EQ(next.state.allocator.weight("a"), 2.5);
  options.weights = {{"other", 9}, {"a", 1}};
  SteppedMaster third(options, master.registry(), 9);
  EXPECT_EQ(third.state.allocator.weight("other"), 1) << "the registry wins over the flag";
  EXPECT_EQ(third.state.allocator.weight("a"), 2.5);
}

TEST_F(Weights, MoreThanTheRegistryTakesIsRefused) {
  Options options;
  options.cluster_bytes_max = 30;
  SteppedMaster master(options);
  EXPECT_EQ(update(master, weight("x", "2")), "200");
  EXPECT_TRUE(update(master, weight(std::string(30, 'y'), "2")).starts_with("413"));
  EXPECT_EQ(master.state.cluster.weights_size(), 1);
  EXPECT_EQ(update(master, weight("x", "3")), "200");
}

TEST_F(Weights, WaitWhileTooMuchIsBeingWritten) {
  Options options;
  options.changes_pending_max = 1;
  SteppedMaster master(options);
  const auto call = parse<mesos::v1::master::Call>("type: UPDATE_WEIGHTS update_weights { " +
                                                   weight("x", "2") + "}");
  master.step(OperatorCalled{1, call});
  master.step(OperatorCalled{2, call});
  EXPECT_TRUE(answer(master).starts_with("503"));
  EXPECT_EQ(master.writes.size(), 1U);
}

TEST_F(Weights, WrongOnesChangeNothing) {
  Options options;
  options.role_whitelist = {"x", "y"};
  SteppedMaster master(options);
  EXPECT_EQ(update(master, weight("y", "2") + weight("x", "-1")),
            "400Failed to validate update weights request JSON for role 'x': Invalid weight '-1': "
            "Weights must be positive");
  for (const auto& [role, value] :
       {std::pair("x", "0"), {"x", "nan"}, {"x", "inf"}, {"z", "1"}, {"/x", "1"}}) {
    EXPECT_TRUE(update(master, weight(role, value)).starts_with("400")) << role << value;
  }
  EXPECT_TRUE(master.writes.empty());
  EXPECT_TRUE(master.state.weights.empty());
}

}  // namespace
}  // namespace mesolith::master
