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

TEST(Pattern, KnowsItsSyntax) {
  for (const auto& [pattern, good, bad] : {std::tuple("a|bc|", "bc", "b"),
                                           {"(a|b)*c", "ababc", "abab"},
                                           {"(?:ab)+", "abab", "aba"},
                                           {"ab?c", "ac", "abbc"},
                                           {"a{2,3}", "aaa", "aaaa"},
                                           {"a{2}", "aa", "a"},
                                           {"a{2,}", "aaaaa", "a"},
                                           {"a+?b", "aab", "b"},
                                           {".", "x", "\n"},
                                           {"[^a-c]", "d", "b"},
                                           {"[]a]", "]", "b"},
                                           {"[a-]", "-", "b"},
                                           {"\\d\\w\\s", "1a ", "aa "},
                                           {"\\D\\W\\S", "a -", "1 -"},
                                           {"[\\d.]+", "1.2", "1,2"},
                                           {"\\.\\*", ".*", "xx"},
                                           {"(a*)*", "aaa", "b"},
                                           {"()|x", "", "y"}}) {
    EXPECT_TRUE(matches(pattern, good)) << pattern;
    EXPECT_FALSE(matches(pattern, bad)) << pattern;
  }
}

TEST(Pattern, RefusesWhatItDoesNotKnow) {
  for (const char* pattern :
       {"(", ")", "a)", "[", "[a", "[z-a]", "*", "+a", "?", "a{", "a{,2}", "a{3,2}", "a{2000}",
        "\\", "\\b", "(?i)a", "[[:alpha:]]", "(?<n>a)"}) {
    EXPECT_FALSE(Pattern::compile(pattern).has_value()) << pattern;
  }
  EXPECT_FALSE(Pattern::compile(std::string(1000, '(')).has_value());
}

TEST(Pattern, HasAHundredStepsAtMost) {
  EXPECT_TRUE(Pattern::compile(std::string(99, 'a')).has_value());
  EXPECT_FALSE(Pattern::compile(std::string(100, 'a')).has_value());
  EXPECT_FALSE(Pattern::compile("a{100}").has_value());
  EXPECT_FALSE(Pattern::compile("((a{9}){9}){9}").has_value());
}

// Backtracking would take 2^40 steps.
TEST(Pattern, TakesLinearTime) {
  EXPECT_FALSE(matches("(a?){40}b", std::string(40, 'a')));
  EXPECT_FALSE(matches("(a*)*(a*)*b", std::string(10'000, 'a')));
}

}  // namespace
}  // namespace mesolith::model
