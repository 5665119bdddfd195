// SPDX-License-Identifier: Apache-2.0
#include "os/system.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace mesolith::os {
namespace {

TEST(SystemTest, TheMachineHasSomeOfEach) {
  EXPECT_GE(cpu_count(), 1u);
  auto space = memory();
  ASSERT_TRUE(space);
  EXPECT_GT(space->bytes_total, 64u << 20);
  EXPECT_GT(space->bytes_free, 0u);
  EXPECT_LE(space->bytes_free, space->bytes_total);
  auto root = disk("/");
  ASSERT_TRUE(root);
  EXPECT_GT(root->bytes_total, 0u);
  EXPECT_LE(root->bytes_free, root->bytes_total);
  EXPECT_EQ(disk("/does/not/exist").error().code, Code::not_found);
  EXPECT_GE(load_averages().value()[0], 0.0);
  EXPECT_FALSE(hostname().empty());
}

TEST(SystemTest, FindsUsers) {
  auto root = find_user("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->identity.uid, 0u);
  EXPECT_EQ(root->identity.gid, 0u);
  ASSERT_FALSE(root->identity.groups.empty());
  EXPECT_EQ(root->identity.groups[0], 0u);
  EXPECT_EQ(user_name(0).value(), "root");
  EXPECT_EQ(group_name(0).value(), "root");
  auto nobody = find_user("no-such-user-here");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error(), Error(Code::not_found, "there is no user 'no-such-user-here'"));
  EXPECT_EQ(user_name(3'999'999'999u).error().code, Code::not_found);
}

}  // namespace
}  // namespace mesolith::os
