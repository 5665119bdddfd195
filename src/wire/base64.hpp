// SPDX-License-Identifier: Apache-2.0
// Base64 of RFC 4648 with '+', '/' and padding. Decoding is strict: no white space, padding
// complete, no stray bits.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::wire {

void append_base64(std::string_view bytes, std::string& out);
std::string base64_encode(std::string_view bytes);
// Code::invalid; the message names the first character that cannot be.
Result<std::string> base64_decode(std::string_view text);

}  // namespace mesolith::wire
