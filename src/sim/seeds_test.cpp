// SPDX-License-Identifier: Apache-2.0
// Seeds 1 to N with every promise checked, each run twice and the same both times.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "sim/workloads/scenarios.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

void expect_good(const Scenario& scenario, uint64_t seed) {
  const Outcome outcome = simulate(scenario, seed);
  if (outcome.failure) {
    ADD_FAILURE() << fmt::format("{}: {}\n  mesolith sim --scenario {} --replay {}",
                                 outcome.failure->checker, outcome.failure->message, scenario.name,
                                 seed);
    return;
  }
  EXPECT_EQ(simulate(scenario, seed).hash, outcome.hash)
      << "seed " << seed << " gives another run each time";
}

TEST(Seeds, SmallFaulty) {
  uint64_t finished = 0, faults = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    expect_good(small_faulty(), seed);
    if (HasFailure()) return;
  }
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome outcome = simulate(small_faulty(), seed);
    finished += outcome.tasks_finished;
    faults += outcome.faults;
  }
  // What is never tried proves nothing.
  EXPECT_GT(finished, 200u);
  EXPECT_GT(faults, 100u);
}

TEST(Seeds, Endings) {
  for (uint64_t seed = 1; seed <= 40; ++seed) expect_good(endings(), seed);
}

TEST(Seeds, Demos) {
  for (uint64_t seed = 1; seed <= 20; ++seed) expect_good(demos(seed), seed);
}

TEST(Seeds, Reservations) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    expect_good(reservations(), seed);
    if (HasFailure()) return;
  }
}

TEST(Seeds, FairSharing) {
  for (uint64_t seed = 1; seed <= 4; ++seed) expect_good(fair_sharing(seed), seed);
}

TEST(Seeds, DifferentSeedsGiveDifferentRuns) {
  EXPECT_NE(simulate(small_faulty(), 1).hash, simulate(small_faulty(), 2).hash);
}

// One line per bug that was found this way: "scenario seed", and what it was after a '#'.
TEST(Seeds, Regressions) {
  std::FILE* file = std::fopen(MESOLITH_SOURCE_DIR "/src/sim/regressions.txt", "r");
  ASSERT_NE(file, nullptr);
  char line[512];
  while (std::fgets(line, sizeof(line), file)) {
    char name[64] = "";
    unsigned long long seed = 0;
    if (line[0] == '#' || std::sscanf(line, "%63s %llu", name, &seed) != 2) continue;
    const auto scenario = scenario_named(name, seed);
    ASSERT_TRUE(scenario.has_value()) << line;
    expect_good(*scenario, seed);
  }
  std::fclose(file);
}

}  // namespace
}  // namespace mesolith::sim
