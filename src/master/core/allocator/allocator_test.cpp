// SPDX-License-Identifier: Apache-2.0
#include "master/core/allocator/allocator.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace mesolith::master::allocator {
namespace {

using namespace std::chrono_literals;
using model::Resources;

Resources amount(double cpus, double mem) {
  return Resources::of(
      {{model::cpus, model::to_millis(cpus)}, {model::mem, model::to_millis(mem)}});
}

FrameworkId fw(const std::string& id) {
  return FrameworkId(id);
}
AgentId agent(const std::string& id) {
  return AgentId(id);
}

class AllocatorTest : public testing::Test {
 protected:
  void add(const std::string& id, const std::set<std::string>& roles = {"*"},
           FrameworkTraits traits = {}) {
    allocator_.add_framework(fw(id), roles, traits, {});
  }
  void add_agent(const std::string& id, const Resources& total) {
    allocator_.add_agent(agent(id), total, true, {});
  }
  std::vector<Grant> run() { return allocator_.allocate(now_, rng_); }
  void give_back(const Grant& grant, Duration refuse) {
    allocator_.recover(now_, grant.framework_id, grant.agent_id, grant.resources, refuse);
  }

  Allocator allocator_{Options{}};
  Rng rng_{1};
  Time now_{1000s};
};

TEST_F(AllocatorTest, TheFirstInOrderGetsTheWholeAgent) {
  add("a");
  add("b");
  add_agent("s", amount(4, 1024));
  const auto grants = run();
  ASSERT_EQ(grants.size(), 1u);
  EXPECT_EQ(grants[0].framework_id, fw("a"));
  EXPECT_EQ(grants[0].resources, amount(4, 1024).allocated_to("*"));
  EXPECT_FALSE(allocator_.dirty());
  EXPECT_TRUE(run().empty());
}

TEST_F(AllocatorTest, ThePapersExampleGivesThreeAndTwoTasks) {
  add("a");
  add("b");
  add_agent("s", amount(9, 18));
  std::map<FrameworkId, int> tasks;
  const std::map<FrameworkId, Resources> demand = {{fw("a"), amount(1, 4)},
                                                   {fw("b"), amount(3, 1)}};
  for (int i = 0; i < 20;
       ++i) {  // each takes one task of what it is offered and gives the rest back
    for (const Grant& grant : run()) {
      const Resources task = demand.at(grant.framework_id).allocated_to("*");
      if (!grant.resources.contains(task)) {
        give_back(grant, 1h);
        continue;
      }
      ++tasks[grant.framework_id];
      allocator_.recover(now_, grant.framework_id, grant.agent_id, grant.resources - task, {});
    }
  }
  EXPECT_EQ(tasks[fw("a")], 3);
  EXPECT_EQ(tasks[fw("b")], 2);
  EXPECT_NEAR(allocator_.framework_share(fw("a"), "*"), 2.0 / 3, 1e-9);
  EXPECT_NEAR(allocator_.framework_share(fw("b"), "*"), 2.0 / 3, 1e-9);
}

TEST_F(AllocatorTest, AFilterKeepsBackAsMuchOrLessAndEndsByItself) {
  add("a");
  add_agent("s", amount(4, 1024));
  give_back(run().at(0), 5s);
  EXPECT_TRUE(run().empty());
  EXPECT_EQ(allocator_.active_filters("*"), 1u);
  EXPECT_EQ(allocator_.next_deadline(), now_ + 5s);
  EXPECT_NE(allocator_.why(now_, fw("a")).at(0).find("declined"), std::string::npos);
  now_ += 5s;
  EXPECT_EQ(run().size(), 1u);
}

TEST_F(AllocatorTest, AFilterLetsMoreOfAnythingPass) {
  add("a");
  add_agent("s", amount(4, 1024));
  const Grant all = run().at(0);
  const Resources task = amount(1, 0).allocated_to("*");
  allocator_.recover(now_, all.framework_id, all.agent_id, all.resources - task, 60s);
  EXPECT_TRUE(run().empty());
  allocator_.recover(now_, all.framework_id, all.agent_id, task, {});
  EXPECT_EQ(run().size(), 1u);
}

TEST_F(AllocatorTest, RefusingForNoTimeMakesNoFilterAndAShortTimeLastsAnInterval) {
  add("a");
  add_agent("s", amount(4, 1024));
  give_back(run().at(0), {});
  const auto again = run();
  ASSERT_EQ(again.size(), 1u);
  give_back(again[0], 10ms);
  EXPECT_EQ(allocator_.next_deadline(), now_ + 1s);
}

TEST_F(AllocatorTest, ReviveDropsTheFiltersOfItsRoleOnly) {
  add("a", {"x", "y"}, {.multi_role = true});
  add_agent("s", amount(4, 1024));
  give_back(run().at(0), 60s);
  give_back(run().at(0), 60s);
  EXPECT_TRUE(run().empty());
  allocator_.revive(fw("a"), {"y"});
  const auto grants = run();
  ASSERT_EQ(grants.size(), 1u);
  EXPECT_EQ(grants[0].role, "y");
}

TEST_F(AllocatorTest, SuppressedAndDeactivatedFrameworksGetNothing) {
  add("a");
  allocator_.suppress(fw("a"), {"*"});
  add_agent("s", amount(4, 1024));
  EXPECT_TRUE(run().empty());
  EXPECT_NE(allocator_.why(now_, fw("a")).at(0).find("suppressed"), std::string::npos);
  allocator_.revive(fw("a"), {"*"});
  allocator_.deactivate_framework(fw("a"));
  EXPECT_TRUE(run().empty());
  allocator_.activate_framework(fw("a"));
  EXPECT_EQ(run().size(), 1u);
}

TEST_F(AllocatorTest, WeightsDivideTheSharesOfRoles) {
  add("a", {"x"});
  add("b", {"y"});
  allocator_.set_weight("x", 3);
  for (int i = 0; i < 8; ++i) add_agent("s" + std::to_string(i), amount(1, 128));
  std::map<FrameworkId, int> agents;
  for (const Grant& grant : run()) ++agents[grant.framework_id];
  EXPECT_EQ(agents[fw("a")], 6);
  EXPECT_EQ(agents[fw("b")], 2);
}

TEST_F(AllocatorTest, ARolesOwnFrameworksCompeteWithItsChildren) {
  add("own", {"eng"});
  add("web", {"eng/web"});
  add("other", {"ops"});
  for (int i = 0; i < 8; ++i) add_agent("s" + std::to_string(i), amount(1, 128));
  std::map<FrameworkId, int> agents;
  for (const Grant& grant : run()) ++agents[grant.framework_id];
  EXPECT_EQ(agents[fw("other")], 4);
  EXPECT_EQ(agents[fw("own")], 2);
  EXPECT_EQ(agents[fw("web")], 2);
}

TEST_F(AllocatorTest, ReservationsGoToTheirRoleAndItsDescendantsOnly) {
  add("other", {"other"});
  add("web", {"prod/web"}, {.reservation_refinement = true});
  const Resources reserved = amount(1, 512).with_reservation({.role = "prod"});
  allocator_.add_agent(agent("s"), amount(2, 1024) + reserved, true, {});
  std::map<FrameworkId, Resources> got;
  for (const Grant& grant : run()) got[grant.framework_id] += grant.resources.unallocated();
  EXPECT_EQ(got[fw("other")], amount(2, 1024));
  EXPECT_EQ(got[fw("web")], reserved);
}

TEST_F(AllocatorTest, AgentsWithGpusAreForThoseWhoAskForThem) {
  add("plain");
  add("gpu", {"*"}, {.gpu_resources = true});
  add_agent("s", amount(4, 1024) + Resources::of({{model::gpus, 1000}}));
  const auto grants = run();
  ASSERT_EQ(grants.size(), 1u);
  EXPECT_EQ(grants[0].framework_id, fw("gpu"));
}

TEST_F(AllocatorTest, OffersBelowTheSmallestAreNotMade) {
  Options options;
  options.min_allocatable = {model::Quantities{{model::cpus, 10}},
                             model::Quantities{{model::mem, 32'000}}};
  allocator_ = Allocator(options);
  add("a");
  add_agent("s", amount(0.005, 16));
  EXPECT_TRUE(run().empty());
  add_agent("t", amount(0.005, 32));
  EXPECT_EQ(run().size(), 1u);
}

TEST_F(AllocatorTest, DecisionsSayWhoWasPassedOverAndWhy) {
  add("a");
  add("b");
  add_agent("s", amount(4, 1024));
  give_back(run().at(0), 60s);
  give_back(run().at(0), {});
  ASSERT_EQ(run().size(), 1u);
  const Decision last = allocator_.decisions().back();
  EXPECT_EQ(last.framework_id, fw("b"));
  ASSERT_EQ(last.passed_over.size(), 1u);
  EXPECT_EQ(last.passed_over[0].framework_id, fw("a"));
  EXPECT_NE(last.passed_over[0].reason.find("60.0 s"), std::string::npos);
  EXPECT_EQ(last.framework_share_before, 0);
  EXPECT_EQ(last.framework_share_after, 1);
}

TEST_F(AllocatorTest, ARemovedFrameworkLeavesWhatItHeld) {
  add("a");
  add_agent("s", amount(4, 1024));
  run();
  allocator_.remove_framework(fw("a"));
  add("b");
  EXPECT_EQ(run().at(0).resources, amount(4, 1024).allocated_to("*"));
}

TEST_F(AllocatorTest, SuppressionIsForEachRole) {
  add("a", {"x", "y"}, {.multi_role = true});
  allocator_.suppress(fw("a"), {"x"});
  add_agent("s", amount(4, 1024));
  const auto grants = run();
  ASSERT_EQ(grants.size(), 1u);
  EXPECT_EQ(grants[0].role, "y");
  allocator_.suppress(fw("a"), {"y"});
  give_back(grants[0], {});
  EXPECT_TRUE(run().empty());
}

TEST_F(AllocatorTest, DeactivationLeavingTheRoleAndRemovalOfTheAgentEraseFilters) {
  add("a", {"x", "y"}, {.multi_role = true});
  add_agent("s", amount(4, 1024));
  give_back(run().at(0), 60s);
  give_back(run().at(0), 60s);
  EXPECT_EQ(allocator_.active_filters("x") + allocator_.active_filters("y"), 2u);
  allocator_.update_framework(fw("a"), {"y"}, {.multi_role = true}, {});
  EXPECT_EQ(allocator_.active_filters("x"), 0u);
  EXPECT_EQ(allocator_.active_filters("y"), 1u);
  allocator_.deactivate_framework(fw("a"));
  EXPECT_EQ(allocator_.active_filters("y"), 0u);
  allocator_.activate_framework(fw("a"));
  give_back(run().at(0), 60s);
  EXPECT_EQ(allocator_.active_filters("y"), 1u);
  allocator_.remove_agent(agent("s"));
  EXPECT_EQ(allocator_.active_filters("y"), 0u);
  EXPECT_EQ(allocator_.next_deadline(), never);
}

TEST_F(AllocatorTest, WhatRunsOfAFrameworkNotYetKnownCountsForIt) {
  allocator_.add_agent(agent("s"), amount(4, 1024), true,
                       {{fw("a"), amount(1, 256).allocated_to("*")}});
  EXPECT_EQ(allocator_.allocated("*"), amount(1, 256).allocated_to("*"));
  EXPECT_TRUE(allocator_.why(now_, fw("a")).empty());
  add("a");
  EXPECT_EQ(allocator_.framework_share(fw("a"), "*"), 0.25);
  EXPECT_EQ(run().at(0).resources, amount(3, 768).allocated_to("*"));
  allocator_.remove_agent(agent("s"));
  EXPECT_EQ(allocator_.framework_share(fw("a"), "*"), 0);
  EXPECT_TRUE(allocator_.allocated("*").empty());
}

TEST_F(AllocatorTest, AnAgentThatShrinksBelowWhatIsUsedOffersNothingUntilEnoughIsBack) {
  add("a");
  add_agent("s", amount(4, 1024));
  const Grant all = run().at(0);
  allocator_.update_agent(agent("s"), amount(2, 1024));
  const Resources one = amount(1, 0).allocated_to("*");
  allocator_.recover(now_, all.framework_id, all.agent_id, one, {});
  EXPECT_TRUE(run().empty());
  allocator_.recover(now_, all.framework_id, all.agent_id, one + one, {});
  EXPECT_EQ(run().at(0).resources, one);
}

TEST_F(AllocatorTest, AgentsWithoutMultiRoleAreForPlainFrameworks) {
  add("many", {"a"}, {.multi_role = true});
  add("nested", {"a/b"});
  add("one", {"z"});
  allocator_.add_agent(agent("s"), amount(4, 1024), false, {});
  EXPECT_EQ(run().at(0).framework_id, fw("one"));
}

TEST_F(AllocatorTest, RevocableSharedAndRefinedResourcesAreStripped) {
  const auto special = [](auto&& change) {
    model::Entry entry{.name = model::cpus, .amount = 1000};
    model::Traits traits;
    change(traits);
    entry.traits = std::make_shared<const model::Traits>(traits);
    return Resources::of(entry);
  };
  const Resources revocable = special([](model::Traits& traits) { traits.revocable = true; });
  const Resources shared = special([](model::Traits& traits) { traits.shared = true; });
  const Resources refined = special([](model::Traits& traits) {
    traits.reservations = {{.role = "eng"}, {.dynamic = true, .role = "eng/web"}};
  });
  add("plain", {"eng/web"});
  const Resources all = amount(4, 1024) + revocable + shared + refined;
  add_agent("s", all);
  EXPECT_EQ(run().at(0).resources, amount(4, 1024).allocated_to("eng/web"));
  add("can", {"eng/web"},
      {.revocable_resources = true, .shared_resources = true, .reservation_refinement = true});
  const auto grants = run();
  ASSERT_EQ(grants.size(), 1u);
  EXPECT_EQ(grants[0].framework_id, fw("can"));
  EXPECT_EQ(grants[0].resources, (revocable + shared + refined).allocated_to("eng/web"));
}

TEST_F(AllocatorTest, WhatNobodyWantsIsOnRecordOnce) {
  add("a");
  add_agent("s", amount(4, 1024));
  give_back(run().at(0), 60s);
  EXPECT_TRUE(run().empty());
  allocator_.update_agent(agent("s"), amount(4, 1024));
  EXPECT_TRUE(run().empty());
  const auto decisions = allocator_.decisions();
  ASSERT_EQ(decisions.size(), 2u);
  EXPECT_TRUE(decisions[1].framework_id.empty());
  EXPECT_EQ(decisions[1].passed_over.at(0).framework_id, fw("a"));
}

TEST_F(AllocatorTest, TheOldestDecisionsAreDropped) {
  Options options;
  options.decisions_max = 3;
  allocator_ = Allocator(options);
  add("a");
  for (int i = 0; i < 5; ++i) add_agent("s" + std::to_string(i), amount(1, 128));
  EXPECT_EQ(run().size(), 5u);
  add_agent("t", amount(1, 128));
  EXPECT_EQ(run().size(), 1u);
  const auto decisions = allocator_.decisions();
  ASSERT_EQ(decisions.size(), 3u);
  EXPECT_EQ(decisions[0].number, 4u);
  EXPECT_EQ(decisions[2].number, 6u);
  EXPECT_EQ(decisions[2].agent_id, agent("t"));
}

// Random sequences of everything; what is out never exceeds what there is, and nothing is lost.
TEST(AllocatorPropertyTest, WhatIsGrantedAndWhatIsLeftAreTheAgent) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Rng rng(seed);
    Allocator allocator{Options{}};
    Time now(1000s);
    const Resources total = amount(8, 4096);
    std::map<AgentId, Resources> out;
    std::vector<Grant> grants;
    std::set<FrameworkId> frameworks;
    for (int step = 0; step < 500; ++step) {
      now += Duration(rng.below(1'000'000'000));
      const uint64_t action = rng.below(10);
      if (action < 2 && frameworks.size() < 6) {
        const FrameworkId id("f" + std::to_string(step));
        allocator.add_framework(id, {rng.chance(0.5) ? "x" : "y/z"}, {}, {});
        frameworks.insert(id);
      } else if (action < 4 && out.size() < 5) {
        const AgentId id("s" + std::to_string(step));
        allocator.add_agent(id, total, true, {});
        out[id];
      } else if (!grants.empty()) {
        const size_t chosen = rng.below(grants.size());
        Grant grant = grants[chosen];
        grants.erase(grants.begin() + static_cast<ptrdiff_t>(chosen));
        allocator.recover(now, grant.framework_id, grant.agent_id, grant.resources,
                          Duration(rng.below(3) * 1'000'000'000));
        out[grant.agent_id] -= grant.resources.unallocated();
      }
      for (Grant& grant : allocator.allocate(now, rng)) {
        out[grant.agent_id] += grant.resources.unallocated();
        ASSERT_TRUE(total.contains(out[grant.agent_id])) << "seed " << seed << " step " << step;
        grants.push_back(std::move(grant));
      }
    }
    for (const Grant& grant : grants)
      allocator.recover(now, grant.framework_id, grant.agent_id, grant.resources, {});
    if (frameworks.empty()) continue;
    std::map<AgentId, Resources> offered;
    for (const FrameworkId& id : frameworks) allocator.revive(id, {});
    now += 10s;
    for (const Grant& grant : allocator.allocate(now, rng))
      offered[grant.agent_id] += grant.resources.unallocated();
    for (const auto& [id, nothing] : out) EXPECT_EQ(offered[id], total) << "seed " << seed;
  }
}

TEST(AllocatorPropertyTest, TheSameSeedGivesTheSameGrants) {
  const auto run = [](uint64_t seed) {
    Allocator allocator{Options{}};
    Rng rng(seed);
    for (int i = 0; i < 10; ++i)
      allocator.add_framework(fw("f" + std::to_string(i)), {"*"}, {}, {});
    for (int i = 0; i < 50; ++i)
      allocator.add_agent(agent("s" + std::to_string(i)), amount(1, 64), true, {});
    std::string text;
    for (const Grant& grant : allocator.allocate(Time(1s), rng)) {
      text += grant.framework_id.value + grant.agent_id.value + " ";
    }
    return text;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace mesolith::master::allocator
