// SPDX-License-Identifier: Apache-2.0
// A streaming writer of JSON text: each call appends to the string given at construction, which
// must outlive the writer. Commas are its business, balance and keys inside objects are the
// caller's. It cannot fail.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace mesolith::wire {

// A quoted string with JSON's escapes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string_view text, std::string& out);
// The shortest text that reads back the same, always with a decimal point or exponent: 15.0.
// Infinities and NaN, which JSON lacks, become the strings "Infinity", "-Infinity" and "NaN".
void append_json_double(double value, std::string& out);

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  template <class T>
    requires std::is_arithmetic_v<T>
  JsonWriter& number(T value) {
    if constexpr (std::is_floating_point_v<T>) {
      return real(value);
    } else if constexpr (std::is_signed_v<T>) {
      return integer(value);
    } else {
      return natural(value);
    }
  }
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // Text that is JSON already.
  JsonWriter& raw(std::string_view json);
  // A whole message in Mesos' dialect.
  JsonWriter& message(const google::protobuf::Message& message);

  // A key and its value.
  JsonWriter& member(std::string_view name, std::string_view text) {
    return key(name).string(text);
  }
  JsonWriter& member(std::string_view name, const char* text) { return key(name).string(text); }
  template <class T>
    requires std::is_arithmetic_v<T>
  JsonWriter& member(std::string_view name, T value) {
    key(name);
    if constexpr (std::is_same_v<T, bool>) {
      return boolean(value);
    } else {
      return number(value);
    }
  }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& real(double value);
  JsonWriter& integer(int64_t value);
  JsonWriter& natural(uint64_t value);
  void separate();

  std::string& out_;
  bool comma_ = false;  // a value precedes at this level
};

}  // namespace mesolith::wire
