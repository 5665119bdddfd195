// SPDX-License-Identifier: Apache-2.0
#include "model/fair_share.hpp"

#include <gtest/gtest.h>

namespace mesolith::model {
namespace {

Quantities amounts(double cpus_units, double mem_units) {
  return {{cpus, to_millis(cpus_units)}, {mem, to_millis(mem_units)}};
}

TEST(FairShare, TheExampleOfThePaper) {
  const auto shares = dominant_shares({{amounts(1, 4)}, {amounts(3, 1)}}, amounts(9, 18));
  ASSERT_EQ(shares.size(), 2u);
  EXPECT_NEAR(shares[0], 2.0 / 3, 1e-12);  // three tasks of 4 GB
  EXPECT_NEAR(shares[1], 2.0 / 3, 1e-12);  // two tasks of 3 cpus
}

TEST(FairShare, ThreeFrameworksWithOneResourceUsedUp) {
  const auto shares = dominant_shares({{amounts(2, 1000)}, {amounts(1, 2500)}, {amounts(0.5, 512)}},
                                      amounts(32, 40000));
  for (const double share : shares) EXPECT_NEAR(share, 0.4, 1e-12);
}

TEST(FairShare, WhoNeedsNoneOfWhatIsUsedUpGoesOn) {
  const auto shares =
      dominant_shares({{amounts(1, 0)}, {amounts(1, 0)}, {amounts(0, 1)}}, amounts(10, 10));
  EXPECT_NEAR(shares[0], 0.5, 1e-12);
  EXPECT_NEAR(shares[1], 0.5, 1e-12);
  EXPECT_NEAR(shares[2], 1.0, 1e-12);
}

TEST(FairShare, WeightsCount) {
  const auto shares = dominant_shares({{amounts(1, 1), 3}, {amounts(1, 1), 1}}, amounts(8, 100));
  EXPECT_NEAR(shares[0], 0.75, 1e-12);
  EXPECT_NEAR(shares[1], 0.25, 1e-12);
}

TEST(FairShare, WhatCannotBeHasNothing) {
  Demand gpu{{{gpus, 1000}}};
  const auto shares = dominant_shares({gpu, {Quantities()}, {amounts(1, 1)}}, amounts(2, 4));
  EXPECT_EQ(shares[0], 0);
  EXPECT_EQ(shares[1], 0);
  EXPECT_NEAR(shares[2], 1.0, 1e-12);
  EXPECT_TRUE(dominant_shares({}, amounts(1, 1)).empty());
  EXPECT_EQ(dominant_shares({{amounts(1, 1)}}, Quantities())[0], 0);
}

}  // namespace
}  // namespace mesolith::model
