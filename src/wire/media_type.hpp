// SPDX-License-Identifier: Apache-2.0
// The two encodings of the v1 APIs and how one is chosen (mesos-api.md 1.1, 1.3): Content-Type is
// compared exactly, Accept is negotiated with JSON preferred. decode fails with the very texts that
// clients see in a 400.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::wire {

enum class Media { json, protobuf };

// "application/json" or "application/x-protobuf".
std::string_view media_name(Media media);
// Exact and case-sensitive; parameters are not accepted.
std::optional<Media> media_of_content_type(std::string_view content_type);
// What an Accept header allows; no header is everything. JSON wins when both are allowed; a range
// with q=0 excludes, and the most specific range that matches a type decides. none: answer 406.
std::optional<Media> negotiate(std::optional<std::string_view> accept);
// Whether an Accept header allows one given type, such as "text/event-stream".
bool accepts(std::optional<std::string_view> accept, std::string_view type);

std::string encode(Media media, const google::protobuf::Message& message);
// Code::invalid with "Failed to parse body into JSON: ...", "Failed to convert JSON into <Message>
// protobuf: ..." or "Failed to parse body into <Message> protobuf". `out` holds anything after a
// failure.
Result<void> decode(Media media, std::string_view body, google::protobuf::Message& out);

}  // namespace mesolith::wire
