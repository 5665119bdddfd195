// SPDX-License-Identifier: Apache-2.0
#include "net/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/check.hpp"
#include "wire/http.hpp"

namespace mesolith::net {
namespace {

// zlib's sizes have 32 bits; more is given in pieces.
constexpr size_t piece_bytes_max = std::numeric_limits<uInt>::max() / 2;
constexpr int gzip_window_bits = 15 + 16;  // 16 asks for gzip's frame
constexpr int memory_level = 8;

Bytef* bytes_of(const char* text) {
  // zlib's interface lacks the const.
  return reinterpret_cast<Bytef*>(const_cast<char*>(text));
}

bool refuses(std::string_view parameters) {
  const size_t q = parameters.find("q=");
  if (q == std::string_view::npos) return false;
  const std::string_view value = parameters.substr(q + 2);
  return value.starts_with('0') && value.find_first_of("123456789") == std::string_view::npos;
}

}  // namespace

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_window_bits, memory_level,
                     Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    const size_t taken = std::min(bytes.size(), piece_bytes_max);
    stream.next_in = bytes_of(bytes.data());
    stream.avail_in = static_cast<uInt>(taken);
    bytes.remove_prefix(taken);
    do {
      const size_t used = out.size();
      const size_t room = std::min(std::max<size_t>(used, 4096), piece_bytes_max);
      out.resize(used + room);
      stream.next_out = bytes_of(out.data() + used);
      stream.avail_out = static_cast<uInt>(room);
      status = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
      CHECK(status != Z_STREAM_ERROR);
      out.resize(used + room - stream.avail_out);
    } while (stream.avail_out == 0 || (bytes.empty() && status != Z_STREAM_END));
  }
  deflateEnd(&stream);
  return out;
}

Result<std::string> gunzip(std::string_view bytes, size_t bytes_max) {
  z_stream stream{};
  CHECK(inflateInit2(&stream, gzip_window_bits) == Z_OK);
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= bytes_max) {
    if (stream.avail_in == 0) {
      const size_t taken = std::min(bytes.size(), piece_bytes_max);
      stream.next_in = bytes_of(bytes.data());
      stream.avail_in = static_cast<uInt>(taken);
      bytes.remove_prefix(taken);
    }
    const size_t used = out.size();
    const size_t room = std::min(std::max<size_t>(used, 4096), piece_bytes_max);
    out.resize(used + room);
    stream.next_out = bytes_of(out.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    status = inflate(&stream, Z_NO_FLUSH);
    out.resize(used + room - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > bytes_max) return failure(Code::too_large, "The unpacked gzip is too large");
  if (status != Z_STREAM_END) return failure(Code::invalid, "This is not gzip, or not all of it");
  return out;
}

bool accepts_gzip(const std::string* accept_encoding) {
  if (accept_encoding == nullptr) return false;
  std::string_view rest = *accept_encoding;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string_view coding = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const size_t semicolon = std::min(coding.find(';'), coding.size());
    const std::string_view parameters = coding.substr(semicolon);
    coding = coding.substr(0, semicolon);
    while (coding.starts_with(' ')) coding.remove_prefix(1);
    while (coding.ends_with(' ')) coding.remove_suffix(1);
    if (wire::equal_ignoring_case(coding, "gzip")) return !refuses(parameters);
  }
  return false;
}

}  // namespace mesolith::net
