// SPDX-License-Identifier: Apache-2.0
#include "model/pattern.hpp"

#include <gtest/gtest.h>

namespace mesolith::model {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const auto compiled = Pattern::compile(pattern);
  EXPECT_TRUE(compiled.has_value()) << pattern;
  return compiled && compiled->matches(text);
}

TEST(Pattern, MatchesTheWholeText) {
  EXPECT_TRUE(matches("r[0-9]", "r1"));
  EXPECT_FALSE(matches("r[0-9]", "r12"));
  EXPECT_FALSE(matches("r[0-9]", "xr1"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("^r1$", "r1"));
  EXPECT_FALSE(matches("r^1", "r1"));
}

TEST(Pattern, RefusesWrongSyntaxAndSaysWhy) {
  for (const char* pattern : {"(", ")", "a)", "[", "[z-a]", "*", "a{3,2}", "a{2000}", "\\"}) {
    const auto compiled = Pattern::compile(pattern);
    ASSERT_FALSE(compiled.has_value()) << pattern;
    EXPECT_NE(compiled.error().message.find(pattern), std::string::npos);
  }
  EXPECT_EQ(Pattern::compile("a(").error().message,
            "Invalid regular expression 'a(': missing ): a(");
  EXPECT_FALSE(Pattern::compile(std::string(100'000, '(')).has_value());
}

TEST(Pattern, HasABoundedProgram) {
  EXPECT_TRUE(Pattern::compile(std::string(50, 'a')).has_value());
  EXPECT_FALSE(Pattern::compile(std::string(200, 'a')).has_value());
  EXPECT_FALSE(Pattern::compile("a{200}").has_value());
  EXPECT_FALSE(Pattern::compile("((a{9}){9}){9}").has_value());
}

// Backtracking would take 2^40 steps.
TEST(Pattern, TakesLinearTime) {
  EXPECT_FALSE(matches("(a?a?a?a?a?a?a?a?){3}b", std::string(1'000, 'a')));
  EXPECT_FALSE(matches("(a*)*(a*)*b", std::string(10'000, 'a')));
}

}  // namespace
}  // namespace mesolith::model
