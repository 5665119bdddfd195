// SPDX-License-Identifier: Apache-2.0
// Mesos' JSON dialect of protobuf (mesos-api.md 1.2), by reflection, for any message. It is not the
// mapping of proto3: keys are the names in the .proto file, 64-bit integers are numbers, enums are
// names, unknown keys are skipped, and an unset optional field with an explicit default is printed.
// Everything is bounded by the text: nesting is at most json_depth_max.
#pragma once

#include <google/protobuf/message.h>

#include <expected>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::wire {

inline constexpr int json_depth_max = 100;

// Why a text is not a message: `syntax` when it is not JSON at all, `shape` when it is JSON that
// does not fit.
struct JsonError {
  enum class Kind { syntax, shape };
  Kind kind;
  std::string message;
  bool operator==(const JsonError&) const = default;
};

// Replaces `out`; after a failure it holds anything.
std::expected<void, JsonError> parse_json_message(std::string_view text,
                                                  google::protobuf::Message& out);
// The same with Code::invalid for either kind.
Result<void> parse_json(std::string_view text, google::protobuf::Message& out);

// Fields in the order of their declaration. Bytes become base64, invalid UTF-8 U+FFFD, infinities
// and NaN strings.
void append_json(const google::protobuf::Message& message, std::string& out);
std::string print_json(const google::protobuf::Message& message);

}  // namespace mesolith::wire
