// SPDX-License-Identifier: Apache-2.0
#include "wire/base64.hpp"

#include <array>
#include <cstdint>

namespace mesolith::wire {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int, 256> make_values() {
  std::array<int, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<int>(i);
  }
  return values;
}
constexpr std::array<int, 256> values = make_values();

}  // namespace

void append_base64(std::string_view bytes, std::string& out) {
  const auto byte = [&](size_t i) -> uint32_t { return static_cast<unsigned char>(bytes[i]); };
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += alphabet[group >> 18];
    out += alphabet[group >> 12 & 63];
    out += alphabet[group >> 6 & 63];
    out += alphabet[group & 63];
  }
  const size_t rest = bytes.size() - i;
  if (rest == 0) return;
  const uint32_t group = byte(i) << 16 | (rest == 2 ? byte(i + 1) << 8 : 0);
  out += alphabet[group >> 18];
  out += alphabet[group >> 12 & 63];
  out += rest == 2 ? alphabet[group >> 6 & 63] : '=';
  out += '=';
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  append_base64(bytes, out);
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  size_t digits = text.size();
  while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
  std::string out;
  out.reserve(digits * 3 / 4);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text.substr(0, digits)) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) {
      return failure(Code::invalid, std::string("Invalid character '") + c + "'");
    }
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xff);
    }
  }
  if (text.size() % 4 != 0 || digits % 4 == 1) {
    return failure(Code::invalid, "The length is not a multiple of 4");
  }
  if ((bits & ((1u << held) - 1)) != 0) {
    return failure(Code::invalid, "The last character has stray bits");
  }
  return out;
}

}  // namespace mesolith::wire
