// SPDX-License-Identifier: Apache-2.0
#include "model/ranges.hpp"

#include <gtest/gtest.h>

#include "mesos/v1/mesos.pb.h"

namespace mesolith::model {
namespace {

constexpr uint64_t most = UINT64_MAX;

TEST(Ranges, NormaliseMergesOverlapsAndNeighbours) {
  EXPECT_EQ((Ranges{{5, 6}, {1, 2}, {3, 4}}), (Ranges{{1, 6}}));
  EXPECT_EQ((Ranges{{1, 10}, {2, 3}}).describe(), "[1-10]");
  EXPECT_EQ((Ranges{{1, 2}, {4, 5}}).describe(), "[1-2, 4-5]");
  EXPECT_EQ((Ranges{{most, most}, {0, 0}}).intervals().size(), 2u);
  EXPECT_EQ((Ranges{{0, most}, {5, 7}}), (Ranges{{0, most}}));
}

TEST(Ranges, Subtract) {
  Ranges ports{{31000, 32000}};
  ports.subtract({31500, 31500});
  EXPECT_EQ(ports.describe(), "[31000-31499, 31501-32000]");
  EXPECT_EQ(ports - Ranges({{31000, 31499}}), (Ranges{{31501, 32000}}));
  EXPECT_TRUE((ports - ports).empty());
  EXPECT_EQ((Ranges{{1, 3}, {5, 9}} - Ranges{{2, 6}, {8, 8}}), (Ranges{{1, 1}, {7, 7}, {9, 9}}));
  EXPECT_TRUE((Ranges{{0, most}} - Ranges{{0, most}}).empty());
  EXPECT_EQ((Ranges{{0, most}} - Ranges{{1, most - 1}}), (Ranges{{0, 0}, {most, most}}));
}

TEST(Ranges, ContainsOverlapsAndCount) {
  const Ranges ranges{{1, 3}, {7, 9}};
  EXPECT_TRUE(ranges.contains(3));
  EXPECT_FALSE(ranges.contains(4));
  EXPECT_FALSE(ranges.contains(uint64_t{0}));
  EXPECT_TRUE(ranges.contains(Ranges{{2, 3}, {8, 8}}));
  EXPECT_FALSE(ranges.contains(Ranges{{3, 7}}));
  EXPECT_TRUE(ranges.contains(Ranges{}));
  EXPECT_TRUE(ranges.overlaps(Ranges{{3, 7}}));
  EXPECT_FALSE(ranges.overlaps(Ranges{{4, 6}}));
  EXPECT_EQ(ranges.count(), 6u);
  EXPECT_EQ((Ranges{{0, most}}).count(), most);
}

TEST(Ranges, Parse) {
  EXPECT_EQ(*Ranges::parse("[31000-32000]"), (Ranges{{31000, 32000}}));
  EXPECT_EQ(*Ranges::parse(" [ 1 - 2 , 5-8 ] "), (Ranges{{1, 2}, {5, 8}}));
  EXPECT_TRUE(Ranges::parse("[]")->empty());
  for (const char* wrong : {"", "1-2", "[1-2", "[1]", "[2-1]", "[1-2,]", "[,1-2]", "[-1-2]",
                            "[a-b]", "[1-99999999999999999999]"}) {
    EXPECT_FALSE(Ranges::parse(wrong)) << wrong;
  }
}

TEST(Ranges, ProtoRefusesWhatMesosRefuses) {
  mesos::v1::Value::Ranges proto;
  auto* range = proto.add_range();
  range->set_begin(5);
  range->set_end(4);
  EXPECT_EQ(Ranges::from(proto).error().message, "Invalid ranges resource: begin > end");
  range->set_end(8);
  *proto.add_range() = *range;
  EXPECT_EQ(Ranges::from(proto).error().message, "Invalid ranges resource: overlapping ranges");
  proto.mutable_range(1)->set_begin(9);
  proto.mutable_range(1)->set_end(9);
  EXPECT_EQ(*Ranges::from(proto), (Ranges{{5, 9}}));
  mesos::v1::Value::Ranges out;
  Ranges::from(proto)->to(&out);
  EXPECT_EQ(out.range_size(), 1);
}

}  // namespace
}  // namespace mesolith::model
