// SPDX-License-Identifier: Apache-2.0
// A cursor over JSON text (RFC 8259) that builds nothing. check_json_syntax judges a whole text; a
// JsonCursor walks one that passed it and cannot fail. The text must outlive the cursor.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::wire {

enum class JsonKind { object, array, string, number, boolean, null };

// Code::invalid with the line, or the depth if arrays and objects nest deeper than `depth_max`.
Result<void> check_json_syntax(std::string_view text, int depth_max);

class JsonCursor {
 public:
  // `text` has passed check_json_syntax.
  explicit JsonCursor(std::string_view text) : text_(text) { skip_space(); }

  // Of the value that comes next.
  JsonKind kind() const;

  // begin(); while (next_key(name)) { one value }   for an object
  // begin(); while (next_element()) { one value }    for an array
  void begin();
  bool next_key(std::string& name);
  bool next_element();

  // One value each; the kind must be that one.
  void read_string(std::string& out);
  std::string_view read_number();
  bool read_boolean();
  void skip();

 private:
  void skip_space();
  bool more(char close);

  std::string_view text_;  // what is left
};

}  // namespace mesolith::wire
