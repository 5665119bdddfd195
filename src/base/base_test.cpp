// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"

namespace mesolith {
namespace {

using namespace std::chrono_literals;

TEST(DurationTest, ReadsAndPrintsTheUnitsOfTheFlags) {
  EXPECT_EQ(parse_duration("15secs"), Duration(15s));
  EXPECT_EQ(parse_duration("1.5mins"), Duration(90s));
  EXPECT_EQ(parse_duration("1weeks"), Duration(7 * 24h));
  EXPECT_EQ(format_duration(90s), "90secs");
  EXPECT_EQ(format_duration(120s), "2mins");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
}

TEST(DurationTest, SaysWhatIsWrong) {
  EXPECT_NE(parse_duration("secs").error().message.find("number"), std::string::npos);
  EXPECT_NE(parse_duration("3parsecs").error().message.find("unit"), std::string::npos);
  EXPECT_NE(parse_duration("1e30weeks").error().message.find("range"), std::string::npos);
}

TEST(TimeTest, ClientSecondsNeverOverflow) {
  EXPECT_EQ(seconds_or(std::nan(""), 5s), Duration(5s));
  EXPECT_EQ(saturating_add(Time(Duration(1)), Duration::max()), never);
  EXPECT_LT(seconds_or(std::numeric_limits<double>::infinity(), 5s), Duration::max());
}

TEST(RngTest, TheSameSeedGivesTheSameRun) {
  Rng a(7), b(7), c(8);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
  EXPECT_EQ(a.uuid_text().size(), 36u);
}

TEST(RngTest, BelowReachesEveryValueAndNoOther) {
  Rng rng(1);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.below(6));
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4, 5}));
}

Result<int> half(int value) {
  if (value % 2 != 0) return failure(Code::invalid, "odd");
  return value / 2;
}
Result<int> quarter(int value) {
  TRY(const int once, half(value));
  return half(once);
}

TEST(ResultTest, TryPassesTheErrorOn) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(6).error(), Error(Code::invalid, "odd"));
}

}  // namespace
}  // namespace mesolith
