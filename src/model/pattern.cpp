// SPDX-License-Identifier: Apache-2.0
#include "model/pattern.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

namespace mesolith::model {

Result<Pattern> Pattern::compile(std::string_view text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(memory_max);
  auto program =
      std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!program->ok()) {
    return failure(Code::invalid,
                   fmt::format("Invalid regular expression '{}': {}", text, program->error()));
  }
  if (program->ProgramSize() > program_size_max) {
    return failure(Code::invalid,
                   fmt::format("Regular expression '{}' compiles to {} steps; at most {}", text,
                               program->ProgramSize(), program_size_max));
  }
  return Pattern(std::move(program));
}

bool Pattern::matches(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *program_);
}

}  // namespace mesolith::model
