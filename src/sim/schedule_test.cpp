// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule.hpp"

#include <gtest/gtest.h>

#include "sim/timer.hpp"
#include "sim/trace.hpp"

namespace mesolith::sim {
namespace {

using std::chrono::seconds;

TEST(Schedule, RunsByTimeThenByArrival) {
  Schedule schedule(Time(seconds(10)));
  std::string ran;
  schedule.after(seconds(2), [&] { ran += 'c'; });
  schedule.after(seconds(1), [&] { ran += 'a'; });
  schedule.after(seconds(1), [&] { ran += 'b'; });
  schedule.at(Time(seconds(1)), [&] { ran += '0'; });  // past: now
  while (schedule.run_next(Time(seconds(100)))) {
  }
  EXPECT_EQ(ran, "0abc");
  EXPECT_EQ(schedule.now(), Time(seconds(100)));
}

TEST(Schedule, StopsAtTheLimit) {
  Schedule schedule(Time{});
  bool ran = false;
  schedule.after(seconds(5), [&] { ran = true; });
  EXPECT_FALSE(schedule.run_next(Time(seconds(4))));
  EXPECT_FALSE(ran);
  EXPECT_EQ(schedule.now(), Time(seconds(4)));
  EXPECT_TRUE(schedule.run_next(Time(seconds(5))));
  EXPECT_TRUE(ran);
}

TEST(Timer, WakesOnceAtTheEarliestDeadline) {
  Schedule schedule(Time{});
  std::vector<Time> woken;
  Timer timer(schedule, [&] { woken.push_back(schedule.now()); });
  timer.set(Time(seconds(9)));
  timer.set(Time(seconds(3)));
  timer.set(never);
  while (schedule.run_next(Time(seconds(100)))) {
  }
  ASSERT_EQ(woken.size(), 1u);
  EXPECT_EQ(woken[0], Time(seconds(3)));
}

TEST(Timer, NoticesThatADeadlineNeverMoves) {
  Schedule schedule(Time{});
  std::unique_ptr<Timer> timer;
  uint32_t woken = 0;
  timer = std::make_unique<Timer>(schedule, [&] {
    ++woken;
    if (!timer->spinning()) timer->set(schedule.now());
  });
  timer->set(Time{});
  while (schedule.run_next(Time(seconds(1)))) {
  }
  EXPECT_TRUE(timer->spinning());
  EXPECT_LT(woken, 2000u);
}

TEST(Trace, DependsOnEverythingThatHappened) {
  const auto hash = [](Time now, std::string_view kind, std::string_view who, std::string_view b) {
    Trace trace({});
    trace.note(now, kind, who, b);
    return trace.hash();
  };
  const uint64_t base = hash(Time(seconds(1)), "step", "master", "bytes");
  EXPECT_EQ(base, hash(Time(seconds(1)), "step", "master", "bytes"));
  EXPECT_NE(base, hash(Time(seconds(2)), "step", "master", "bytes"));
  EXPECT_NE(base, hash(Time(seconds(1)), "stop", "master", "bytes"));
  EXPECT_NE(base, hash(Time(seconds(1)), "step", "agent-0", "bytes"));
  EXPECT_NE(base, hash(Time(seconds(1)), "step", "master", "bytez"));
  EXPECT_NE(hash_bytes("12345678", 0), hash_bytes(std::string("12345678\0", 9), 0));
}

TEST(Trace, SaysLinesOnlyToASink) {
  std::vector<std::string> lines;
  Trace trace([&](const std::string& line) { lines.push_back(line); });
  trace.note(Time(seconds(1)), "step", "master", "", [] { return std::string("a tick"); });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("a tick"), std::string::npos);
}

}  // namespace
}  // namespace mesolith::sim
