// SPDX-License-Identifier: Apache-2.0
// The first byte says how long the pieces are. In one piece or in many, bytes give the same message
// or the same refusal, within the limits.
#include <algorithm>
#include <cstdint>

#include "base/check.hpp"
#include "net/http_parser.hpp"

namespace {

using mesolith::net::HttpParser;

constexpr HttpParser::Limits limits{400, 100};

// How many bytes it took.
size_t feed(HttpParser& parser, std::string_view bytes, size_t piece) {
  size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string_view part = bytes.substr(taken, piece);
    const size_t took = parser.feed(part);
    CHECK(took <= part.size());
    taken += took;
    if (took < part.size()) break;
  }
  return taken;
}

void compare(HttpParser::Kind kind, std::string_view bytes, size_t piece) {
  HttpParser whole(kind, limits), pieces(kind, limits);
  const size_t taken = feed(whole, bytes, bytes.size());
  const size_t taken_in_pieces = feed(pieces, bytes, piece);
  CHECK(whole.failed() == pieces.failed());
  CHECK(whole.complete() == pieces.complete());
  CHECK(whole.failure_status() == pieces.failure_status());
  if (whole.failed()) {
    CHECK(whole.failure_status() >= 400 && !whole.failure_text().empty());
    return;
  }
  CHECK(taken == taken_in_pieces);
  CHECK(taken == bytes.size() || whole.complete());
  CHECK(whole.body() == pieces.body() && whole.body().size() <= limits.body_bytes_max);
  CHECK(whole.head().method == pieces.head().method);
  CHECK(whole.head().target == pieces.head().target);
  CHECK(whole.head().status == pieces.head().status);
  CHECK(whole.head().keep_alive == pieces.head().keep_alive);
  CHECK(whole.finish() == pieces.finish());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t piece = data[0] % 16 + 1;
  compare(HttpParser::Kind::request, bytes, piece);
  compare(HttpParser::Kind::response, bytes, piece);
  return 0;
}
