// SPDX-License-Identifier: Apache-2.0
#include "model/ids.hpp"

#include <gtest/gtest.h>

namespace mesolith::model {
namespace {

TEST(Ids, RecordedMessages) {
  EXPECT_EQ(validate_id("").error().message, "ID must not be empty");
  EXPECT_EQ(validate_id("bad/id").error().message, "'bad/id' contains invalid characters");
  EXPECT_EQ(validate_id(std::string(256, 'x')).error().message,
            "ID must not be greater than 255 characters");
}

TEST(Ids, Rules) {
  EXPECT_TRUE(validate_id(std::string(255, 'x')));
  EXPECT_TRUE(validate_id("a b.c-d_e:f*"));
  EXPECT_TRUE(validate_id("gr\xc3\xbc\xc3\x9f"));
  for (const char* wrong : {".", "..", "a\\b", "a\nb", "\x7f", "/"})
    EXPECT_FALSE(validate_id(wrong)) << wrong;
  EXPECT_FALSE(validate_id(std::string_view("a\0b", 3)));
}

TEST(Ids, RoundTrip) {
  EXPECT_EQ(id_of(to_proto(TaskId("t"))), TaskId("t"));
  EXPECT_EQ(id_of(to_proto(AgentId("a"))), AgentId("a"));
  EXPECT_EQ(id_of(to_proto(FrameworkId("f"))), FrameworkId("f"));
  EXPECT_EQ(id_of(to_proto(ExecutorId("e"))), ExecutorId("e"));
  EXPECT_EQ(id_of(to_proto(OfferId("o"))), OfferId("o"));
  const auto nested = to_proto(ContainerId("outer.inner"));
  EXPECT_EQ(nested.value(), "inner");
  EXPECT_EQ(nested.parent().value(), "outer");
  EXPECT_EQ(id_of(nested), ContainerId("outer.inner"));
}

}  // namespace
}  // namespace mesolith::model
