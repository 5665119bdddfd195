// SPDX-License-Identifier: Apache-2.0
#include "model/roles.hpp"

#include <gtest/gtest.h>

namespace mesolith::model {
namespace {

TEST(Roles, Valid) {
  for (const char* role : {"*", "a", "a/b", "a-b", "dev/team.x/y_z", "...", "a*"}) {
    EXPECT_TRUE(roles::validate(role)) << role;
  }
}

TEST(Roles, Invalid) {
  for (const char* role : {"", "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/../b", "a/*", "-a",
                           "a/-b", "a b", "a\tb", "a\x7f", "a\n"}) {
    EXPECT_FALSE(roles::validate(role)) << role;
  }
  EXPECT_EQ(roles::validate("a b").error().message,
            "Role component 'a b' is invalid because it contains backspace or whitespace");
  EXPECT_EQ(roles::validate("-a").error().message,
            "Role component '-a' is invalid because it starts with a dash");
}

TEST(Roles, Hierarchy) {
  EXPECT_TRUE(roles::is_descendant("a/b", "a"));
  EXPECT_TRUE(roles::is_descendant("a/b/c", "a"));
  EXPECT_FALSE(roles::is_descendant("a", "a"));
  EXPECT_FALSE(roles::is_descendant("ab", "a"));
  EXPECT_FALSE(roles::is_descendant("a", "*"));
  EXPECT_TRUE(roles::is_self_or_descendant("a", "a"));
  EXPECT_EQ(roles::ancestors("a/b/c"), (std::vector<std::string>{"a/b", "a"}));
  EXPECT_TRUE(roles::ancestors("a").empty());
  EXPECT_EQ(roles::parent("a/b"), "a");
  EXPECT_EQ(roles::basename("a/b"), "b");
  EXPECT_EQ(roles::basename("a"), "a");
}

}  // namespace
}  // namespace mesolith::model
