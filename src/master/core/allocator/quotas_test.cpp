// SPDX-License-Identifier: Apache-2.0
// What a guarantee keeps back and for whom, what a limit cuts, and when both let go again.
#include <gtest/gtest.h>

#include "master/core/allocator/allocator.hpp"

namespace mesolith::master::allocator {
namespace {

using namespace std::chrono_literals;
using model::Resources;

Resources cpus(double amount) {
  return Resources::of({{model::cpus, model::to_millis(amount)}});
}
Resources reserved(double amount, const std::string& role) {
  model::Reservation reservation;
  reservation.role = role;
  return cpus(amount).with_reservation(reservation);
}
model::Quantities wanted(double amount) {
  return {{model::cpus, model::to_millis(amount)}};
}

class QuotaTest : public testing::Test {
 protected:
  void add(const std::string& id, const std::string& role) {
    allocator.add_framework(FrameworkId(id), {role}, {}, {});
  }
  void add_agent(const std::string& id, const Resources& total) {
    allocator.add_agent(AgentId(id), total, true, {});
  }
  void guarantee(const std::string& role, double amount) {
    allocator.set_quota(role, {wanted(amount), {}});
  }
  void limit(const std::string& role, double amount) {
    allocator.set_quota(role, {{}, {{model::cpus, model::to_millis(amount)}}});
  }
  // What each framework is offered now, in cpus.
  std::map<std::string, double> run() {
    std::map<std::string, double> offered;
    for (const Grant& grant : allocator.allocate(now, rng)) {
      grants.push_back(grant);
      offered[grant.framework_id.value] += model::to_units(grant.resources.scalar(model::cpus));
    }
    return offered;
  }
  void give_back_all() {
    for (const Grant& grant : grants) {
      allocator.recover(now, grant.framework_id, grant.agent_id, grant.resources, {});
    }
    grants.clear();
  }
  using Offered = std::map<std::string, double>;

  Allocator allocator{Options{}};
  Rng rng{1};
  Time now{1000s};
  std::vector<Grant> grants;
};

TEST_F(QuotaTest, AGuaranteeIsKeptFreeForARoleWithoutFrameworks) {
  guarantee("eng", 6);
  add("greedy", "other");
  for (int i = 0; i < 5; ++i) add_agent("s" + std::to_string(i), cpus(2));
  EXPECT_EQ(run(), (Offered{{"greedy", 4}}));
  EXPECT_EQ(run(), Offered{});
  add("late", "eng");
  EXPECT_EQ(run(), (Offered{{"late", 6}}));
}

TEST_F(QuotaTest, AnAgentIsCutSoThatTheGuaranteeRemains) {
  guarantee("eng", 3);
  add("greedy", "other");
  add_agent("s", cpus(8));
  EXPECT_EQ(run(), (Offered{{"greedy", 5}}));
  add("late", "eng");
  EXPECT_EQ(run(), (Offered{{"late", 3}}));
}

TEST_F(QuotaTest, TheGuaranteedRoleComesFirstWhateverItsShare) {
  guarantee("zeta", 8);
  add("a", "alpha");
  add("z", "zeta");
  add_agent("s", cpus(8));
  EXPECT_EQ(run(), (Offered{{"z", 8}}));
}

TEST_F(QuotaTest, MoreThanTheGuaranteeIsSharedAsUsual) {
  guarantee("eng", 2);
  add("e", "eng");
  add("o", "other");
  add_agent("s1", cpus(2));
  EXPECT_EQ(run(), (Offered{{"e", 2}}));
  add_agent("s2", cpus(2));
  EXPECT_EQ(run(), (Offered{{"o", 2}})) << "eng has its guarantee and the larger share";
}

TEST_F(QuotaTest, ALimitCutsTheOfferAndTheRestGoesToOthers) {
  limit("eng", 3);
  add("e", "eng");
  add("o", "other");
  add_agent("s", cpus(8));
  EXPECT_EQ(run(), (Offered{{"e", 3}, {"o", 5}}));
  EXPECT_NE(allocator.why(now, FrameworkId("e")).at(0), "");
}

TEST_F(QuotaTest, ALimitHoldsForTheWholeSubtree) {
  limit("eng", 3);
  add("dev", "eng/dev");
  add("ops", "eng/ops");
  for (int i = 0; i < 4; ++i) add_agent("s" + std::to_string(i), cpus(2));
  const Offered offered = run();
  double sum = 0;
  for (const auto& [id, amount] : offered) sum += amount;
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(run(), Offered{});
}

TEST_F(QuotaTest, ReservationsCountWhetherTheyAreHeldOrNot) {
  limit("eng", 5);
  add("e", "eng");
  add_agent("s1", reserved(4, "eng"));
  EXPECT_EQ(run(), (Offered{{"e", 4}}));
  add_agent("s2", cpus(8));
  EXPECT_EQ(run(), (Offered{{"e", 1}})) << "4 reserved and 1 unreserved";
  EXPECT_EQ(allocator.consumed("eng"), wanted(5));
  EXPECT_EQ(allocator.consumed("other"), model::Quantities());
}

TEST_F(QuotaTest, WhatIsGivenBackMayBeHadAgain) {
  limit("eng", 2);
  add("e", "eng");
  add_agent("s1", cpus(2));
  add_agent("s2", cpus(2));
  EXPECT_EQ(run(), (Offered{{"e", 2}}));
  EXPECT_EQ(run(), Offered{});
  give_back_all();
  EXPECT_TRUE(allocator.dirty());
  EXPECT_EQ(run(), (Offered{{"e", 2}}));
}

TEST_F(QuotaTest, AQuotaSetLaterCountsWhatIsHeld) {
  add("e", "eng");
  add_agent("s1", cpus(4));
  EXPECT_EQ(run(), (Offered{{"e", 4}}));
  limit("eng", 5);
  add_agent("s2", cpus(4));
  EXPECT_EQ(run(), (Offered{{"e", 1}}));
  allocator.set_quota("eng", {});
  EXPECT_EQ(run(), (Offered{{"e", 3}}));
}

TEST_F(QuotaTest, ALimitOfNothingLetsNothingThrough) {
  limit("eng", 0);
  add("e", "eng");
  add_agent("s", cpus(8));
  EXPECT_EQ(run(), Offered{});
  EXPECT_NE(allocator.why(now, FrameworkId("e")).at(0).find("quota"), std::string::npos);
}

TEST_F(QuotaTest, AGuaranteeBeyondWhatThereIsKeepsEverythingBack) {
  guarantee("eng", 100);
  add("o", "other");
  add_agent("s", cpus(8));
  EXPECT_EQ(run(), Offered{});
  EXPECT_EQ(allocator.required_headroom(), wanted(100));
  EXPECT_EQ(allocator.headroom(), wanted(8));
}

}  // namespace
}  // namespace mesolith::master::allocator
