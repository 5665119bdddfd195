// SPDX-License-Identifier: Apache-2.0
// gzip for whole bodies, at the fastest level: it is for large JSON on a local network. It blocks;
// large bodies that do not change are better compressed once, on a Pool.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::net {

std::string gzip(std::string_view bytes);
// Code::invalid when it is not gzip, Code::too_large when it would exceed `bytes_max`.
Result<std::string> gunzip(std::string_view bytes, size_t bytes_max);
// Whether an Accept-Encoding header allows gzip; none does not.
bool accepts_gzip(const std::string* accept_encoding);

}  // namespace mesolith::net
