// SPDX-License-Identifier: Apache-2.0
// A regular expression that a client gave, matched against a whole text. The syntax is the part of
// RE2's that has no flags, names or Unicode classes: literals, '.', classes with ranges and
// negation, \d \w \s and their capitals, groups, '|', '*', '+', '?', {n,m}, '^' and '$'; bytes, not
// characters. Time is linear in the text for any pattern: all alternatives are followed at once.
// Fails on other syntax, and on a pattern of more than `program_size_max` steps.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mesolith::model {

class Pattern {
 public:
  static constexpr size_t program_size_max = 100;  // as Mesos' flag of that name

  static Result<Pattern> compile(std::string_view text);
  bool matches(std::string_view text) const;

  struct Step {
    enum class Kind : uint8_t { byte_of, split, jump, begin, end, match };
    Kind kind = Kind::match;
    std::bitset<256> bytes;        // byte_of
    size_t next = 0, another = 0;  // where to go on; another: split
  };

 private:
  std::vector<Step> program_;
};

}  // namespace mesolith::model
