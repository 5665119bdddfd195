// SPDX-License-Identifier: Apache-2.0
// A regular expression that a client gave, in the syntax of RE2, matched against a whole text.
// Time is linear in the text for any pattern. Fails on wrong syntax, with what is wrong, and on a
// pattern whose program is larger than `program_size_max`. Copies share the compiled program.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.hpp"

namespace re2 {
class RE2;
}

namespace mesolith::model {

class Pattern {
 public:
  // The defaults of Mesos' flags offer_constraints_re2_max_program_size and _max_mem (bytes).
  static constexpr int program_size_max = 100;
  static constexpr int memory_max = 4096;

  static Result<Pattern> compile(std::string_view text);
  bool matches(std::string_view text) const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> program) : program_(std::move(program)) {}

  std::shared_ptr<const re2::RE2> program_;
};

}  // namespace mesolith::model
