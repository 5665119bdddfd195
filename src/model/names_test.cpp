// SPDX-License-Identifier: Apache-2.0
#include "model/names.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "model/quantities.hpp"

namespace mesolith::model {
namespace {

TEST(Name, KnownAndOtherCompareByText) {
  EXPECT_EQ(Name("cpus"), cpus);
  EXPECT_EQ(Name("bananas"), Name(std::string("bananas")));
  EXPECT_NE(Name("bananas"), Name("cpus"));
  EXPECT_EQ(Name("mem").text(), "mem");
  EXPECT_EQ(Name("bananas").text(), "bananas");
  EXPECT_EQ(Name(), Name(""));
}

TEST(Name, OrderIsThatOfTheText) {
  const Name names[] = {"bananas", "cpus", "disk", "fpgas", "gpus", "mem", "ports", "zebras"};
  for (const Name& a : names) {
    for (const Name& b : names)
      EXPECT_EQ(a < b, a.text() < b.text()) << a.text() << " " << b.text();
  }
}

TEST(Millis, AreExactAndPrintShortest) {
  EXPECT_EQ(to_millis(0.1), 100);
  EXPECT_EQ(to_millis(0.0004), 0);
  EXPECT_EQ(to_millis(std::numeric_limits<double>::quiet_NaN()), 0);
  EXPECT_EQ(to_millis(std::numeric_limits<double>::infinity()), 9'000'000'000'000'000'000);
  EXPECT_EQ(format_millis(100), "0.1");
  EXPECT_EQ(format_millis(-1000), "-1");
  EXPECT_EQ(format_millis(-1), "-0.001");
  EXPECT_EQ(format_millis(1'024'000), "1024");
  EXPECT_EQ(format_millis(1'250), "1.25");
}

TEST(Quantities, TenThousandTenthsAreAThousand) {
  Quantities sum;
  for (int i = 0; i < 10'000; ++i) sum += Quantities{{cpus, to_millis(0.1)}};
  EXPECT_EQ(sum.get(cpus), to_millis(1000));
  for (int i = 0; i < 10'000; ++i) sum -= Quantities{{cpus, to_millis(0.1)}};
  EXPECT_TRUE(sum.empty());
}

TEST(Quantities, ArithmeticAndComparison) {
  const Quantities a{{cpus, 2000}, {"apples", 5000}};
  const Quantities b{{cpus, 1000}, {"zebras", 1000}};
  EXPECT_EQ((a + b).describe(), "apples:5; cpus:3; zebras:1");
  EXPECT_EQ(a + b - b, a);
  EXPECT_TRUE((a + b).contains(a));
  EXPECT_FALSE(a.contains(b));
  EXPECT_FALSE((a - b).contains({}));  // -1 zebra
  EXPECT_EQ(a.max(b), (Quantities{{cpus, 2000}, {"apples", 5000}, {"zebras", 1000}}));
  EXPECT_EQ(a.min(b), (Quantities{{cpus, 1000}}));
  EXPECT_EQ((a - b).positive(), (Quantities{{cpus, 1000}, {"apples", 5000}}));
  EXPECT_EQ(a.scale(0.5), (Quantities{{cpus, 1000}, {"apples", 2500}}));
  EXPECT_EQ(Quantities().describe(), "{}");
}

TEST(Quantities, AddingItselfDoublesSubtractingItselfEmpties) {
  Quantities a{{cpus, 2000}, {"apples", 5000}};
  a += a;
  EXPECT_EQ(a, (Quantities{{cpus, 4000}, {"apples", 10000}}));
  a -= a;
  EXPECT_TRUE(a.empty());
}

TEST(Quantities, ForEachIsOrderedByName) {
  const Quantities all{{ports, 1}, {mem, 1},     {"bananas", 1},
                       {cpus, 1},  {"fpgas", 1}, {"zebras", 1}};
  std::vector<std::string> names;
  for (const auto& [name, amount] : all.entries()) names.push_back(name.str());
  EXPECT_EQ(names,
            (std::vector<std::string>{"bananas", "cpus", "fpgas", "mem", "ports", "zebras"}));
}

TEST(Quantities, Parse) {
  EXPECT_EQ(*Quantities::parse("cpus:0.01 ; mem:32"), (Quantities{{cpus, 10}, {mem, 32'000}}));
  EXPECT_TRUE(Quantities::parse("")->empty());
  for (const char* wrong :
       {"cpus", "cpus:x", ":1", "cpus:-1", "cpus:inf", "cpus:nan", "cpus:1e400"}) {
    EXPECT_FALSE(Quantities::parse(wrong)) << wrong;
  }
}

TEST(Quantities, SumsSaturate) {
  Quantities a{{cpus, INT64_MAX}};
  a += a;
  EXPECT_EQ(a.get(cpus), INT64_MAX);
}

}  // namespace
}  // namespace mesolith::model
