// SPDX-License-Identifier: Apache-2.0
// Each bug that the simulator can make on purpose is found, by the checker that is there for it,
// within a few seeds. A checker that finds nothing here would find nothing anywhere.
#include <gtest/gtest.h>

#include <set>

#include "sim/workloads/scenarios.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

struct Case {
  Plant plant;
  std::set<std::string> checkers;
};

void PrintTo(const Case& given, std::ostream* out) {
  *out << name_of(given.plant);
}

class Planted : public testing::TestWithParam<Case> {};

constexpr uint64_t seeds_max = 20;

Scenario scenario_for(Plant plant, uint64_t seed) {
  switch (plant) {
    case Plant::weights_ignored:
      return fair_sharing(seed);
    case Plant::teardown_unheard:
      return endings();
    case Plant::task_miscounted:
      return demos(seed);
    default:
      return small_faulty();
  }
}

TEST_P(Planted, IsCaught) {
  const Case& given = GetParam();
  for (uint64_t seed = 1; seed <= seeds_max; ++seed) {
    Scenario scenario = scenario_for(given.plant, seed);
    ASSERT_FALSE(simulate(scenario, seed).failure.has_value());
    scenario.plant = given.plant;
    const Outcome outcome = simulate(scenario, seed);
    if (!outcome.failure) continue;
    EXPECT_TRUE(given.checkers.contains(outcome.failure->checker)) << outcome.failure->checker;
    EXPECT_EQ(simulate(scenario, seed).hash, outcome.hash);  // and found again
    return;
  }
  FAIL() << "not found in " << seeds_max << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Plants, Planted,
                         testing::Values(Case{Plant::early_persist, {"durability"}},
                                         Case{Plant::freed_twice, {"resources"}},
                                         Case{Plant::started_twice, {"single_run"}},
                                         Case{Plant::update_not_delivered, {"updates"}},
                                         Case{Plant::update_invented, {"updates"}},
                                         Case{Plant::weights_ignored, {"shares"}},
                                         Case{Plant::timer_lost, {"convergence", "updates"}},
                                         Case{Plant::teardown_unheard, {"endings"}},
                                         Case{Plant::task_miscounted, {"account"}}),
                         [](const auto& info) { return std::string(name_of(info.param.plant)); });

TEST(Plants, HaveNames) {
  for (const Plant plant : all_plants()) EXPECT_EQ(plant_named(name_of(plant)), plant);
  EXPECT_FALSE(plant_named("no such bug"));
}

}  // namespace
}  // namespace mesolith::sim
