// SPDX-License-Identifier: Apache-2.0
// What master and agent answer alike, in the original's words: how a body is read by its type, how
// an answer's type is chosen, and the refusals of both (mesos-api.md 1.3, rows 6 to 11).
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>

#include "wire/http.hpp"
#include "wire/media_type.hpp"

namespace mesolith::wire {

// `allowed` as the header Allow has it: "GET, PUT".
Response method_not_allowed(const Request& request, std::string_view allowed);
Response not_acceptable();
// Reads the body by its Content-Type into `out`; the refusal if that fails.
std::optional<Response> decode_body(const Request& request, google::protobuf::Message& out);
// What the client accepts; nothing when that is neither JSON nor protobuf.
std::optional<Media> accepted_media(const Request& request);
// 200 with a document of the v1 API.
Response api_answer(Media media, std::string body);
// 200 with JSON, or a call of the function named by ?jsonp= with it.
Response json_answer(const Request& request, std::string body);

}  // namespace mesolith::wire
