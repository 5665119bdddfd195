// SPDX-License-Identifier: Apache-2.0
#include "sim/disk.hpp"

#include <gtest/gtest.h>

namespace mesolith::sim {
namespace {

using std::chrono::seconds;

TEST(Disk, CompletesAfterItIsDurableInOrder) {
  Schedule schedule(Time{});
  Rng rng(3);
  Disk disk(schedule, rng);
  std::string done;
  disk.write({{{"a", "1"}, {"b", "1"}}, {}}, [&] {
    EXPECT_TRUE(disk.durable().contains("a"));
    done += "1";
  });
  disk.write({{{"a", "2"}}, {"b"}}, [&] {
    EXPECT_EQ(disk.durable(), (Disk::Records{{"a", "2"}}));
    done += "2";
  });
  EXPECT_TRUE(disk.durable().empty());
  EXPECT_FALSE(disk.idle());
  while (schedule.run_next(Time(seconds(10)))) {
  }
  EXPECT_EQ(done, "12");
  EXPECT_TRUE(disk.idle());
}

TEST(Disk, ACrashForgetsWhatWasNotDurableAndNeverCompletesIt) {
  bool kept_none = false, kept_some = false, durable_but_not_told = false;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Schedule schedule(Time{});
    Rng rng(seed);
    Disk disk(schedule, rng);
    int done = 0;
    for (int i = 0; i < 5; ++i) disk.write({{{std::to_string(i), "x"}}, {}}, [&] { ++done; });
    for (uint64_t steps = rng.below(8); steps > 0; --steps) schedule.run_next(Time(seconds(10)));
    const auto before = disk.durable().size();
    const int told = done;
    EXPECT_LE(static_cast<size_t>(told), before);
    disk.crash();
    const auto after = disk.durable().size();
    EXPECT_GE(after, before);
    for (size_t i = 0; i < after; ++i) EXPECT_TRUE(disk.durable().contains(std::to_string(i)));
    while (schedule.run_next(Time(seconds(10)))) {
    }
    EXPECT_EQ(done, told);
    EXPECT_EQ(disk.durable().size(), after);
    kept_none |= after == before && before < 5;
    kept_some |= after > before;
    durable_but_not_told |= static_cast<size_t>(told) < before;
  }
  EXPECT_TRUE(kept_none);
  EXPECT_TRUE(kept_some);
  EXPECT_TRUE(durable_but_not_told);
}

TEST(Disk, AnOrderlyEndKeepsEverythingAndCompletesNothing) {
  Schedule schedule(Time{});
  Rng rng(3);
  Disk disk(schedule, rng);
  bool done = false;
  for (int i = 0; i < 5; ++i) disk.write({{{std::to_string(i), "x"}}, {}}, [&] { done = true; });
  disk.close();
  EXPECT_EQ(disk.durable().size(), 5u);
  EXPECT_TRUE(disk.idle());
  while (schedule.run_next(Time(seconds(10)))) {
  }
  EXPECT_FALSE(done);
}

}  // namespace
}  // namespace mesolith::sim
