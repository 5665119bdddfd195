// SPDX-License-Identifier: Apache-2.0
#include "wire/json_reader.hpp"

#include <algorithm>
#include <cstdint>

namespace mesolith::wire {
namespace {

bool space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool digit(char c) {
  return c >= '0' && c <= '9';
}

// The value of four hexadecimal digits, or -1.
int32_t code_unit(std::string_view text) {
  if (text.size() < 4) return -1;
  int32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    const char l = static_cast<char>(c | 0x20);
    if (!digit(c) && (l < 'a' || l > 'f')) return -1;
    value = value << 4 | (digit(c) ? c - '0' : l - 'a' + 10);
  }
  return value;
}

void append_utf8(uint32_t point, std::string& out) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 63));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 63));
    put(0x80 | (point & 63));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 63));
    put(0x80 | (point >> 6 & 63));
    put(0x80 | (point & 63));
  }
}

// Judges a text by descending through it; `at_` is where it stopped.
class Checker {
 public:
  Checker(std::string_view text, int depth_max) : text_(text), depth_max_(depth_max) {}

  Result<void> check() {
    skip_space();
    if (!value(0)) {
      if (too_deep_) {
        return failure(Code::invalid, "nesting deeper than " + std::to_string(depth_max_));
      }
      return syntax_error();
    }
    skip_space();
    if (at_ < text_.size()) return syntax_error();
    return {};
  }

 private:
  Result<void> syntax_error() const {
    const std::string_view rest = text_.substr(at_);
    const auto line = 1 + std::ranges::count(text_.substr(0, at_), '\n');
    const size_t shown = std::min({rest.find('\n'), rest.size(), size_t{80}});
    return failure(Code::invalid, "syntax error at line " + std::to_string(line) +
                                      " near: " + std::string(rest.substr(0, shown)));
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() && space(text_[at_])) ++at_;
  }
  bool literal(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool digits() {
    if (!digit(peek())) return false;
    while (digit(peek())) ++at_;
    return true;
  }

  bool value(int depth) {
    switch (peek()) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return string();
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      default:
        return number();
    }
  }

  bool deeper(int depth) {
    too_deep_ = depth > depth_max_;
    return !too_deep_;
  }

  bool object(int depth) {
    if (!deeper(depth)) return false;
    ++at_;
    skip_space();
    if (take('}')) return true;
    while (true) {
      skip_space();
      if (!string()) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!value(depth)) return false;
      skip_space();
      if (take('}')) return true;
      if (!take(',')) return false;
    }
  }

  bool array(int depth) {
    if (!deeper(depth)) return false;
    ++at_;
    skip_space();
    if (take(']')) return true;
    while (true) {
      skip_space();
      if (!value(depth)) return false;
      skip_space();
      if (take(']')) return true;
      if (!take(',')) return false;
    }
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }

  bool string() {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      ++at_;
      if (c == '"') return true;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }

  bool escape() {
    const char c = peek();
    if (c != 'u') {
      if (at_ >= text_.size() || !std::string_view("\"\\/bfnrt").contains(c)) return false;
      ++at_;
      return true;
    }
    const int32_t first = code_unit(text_.substr(at_ + 1));
    if (first < 0 || (first >= 0xdc00 && first < 0xe000)) return false;
    at_ += 5;
    if (first < 0xd800 || first >= 0xdc00) return true;
    if (!text_.substr(at_).starts_with("\\u")) return false;
    const int32_t second = code_unit(text_.substr(at_ + 2));
    if (second < 0xdc00 || second >= 0xe000) return false;
    at_ += 6;
    return true;
  }

  std::string_view text_;
  int depth_max_;
  size_t at_ = 0;
  bool too_deep_ = false;
};

}  // namespace

Result<void> check_json_syntax(std::string_view text, int depth_max) {
  return Checker(text, depth_max).check();
}

void JsonCursor::skip_space() {
  size_t n = 0;
  while (n < text_.size() && space(text_[n])) ++n;
  text_.remove_prefix(n);
}

JsonKind JsonCursor::kind() const {
  switch (text_.front()) {
    case '{':
      return JsonKind::object;
    case '[':
      return JsonKind::array;
    case '"':
      return JsonKind::string;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case 'n':
      return JsonKind::null;
    default:
      return JsonKind::number;
  }
}

void JsonCursor::begin() {
  text_.remove_prefix(1);
  skip_space();
}

// After an element comes a comma or the end; a comma is taken here, so each element is found the
// same way.
bool JsonCursor::more(char close) {
  skip_space();
  if (text_.front() == close) {
    text_.remove_prefix(1);
    skip_space();
    return false;
  }
  if (text_.front() == ',') {
    text_.remove_prefix(1);
    skip_space();
  }
  return true;
}

bool JsonCursor::next_key(std::string& name) {
  if (!more('}')) return false;
  read_string(name);
  text_.remove_prefix(1);
  skip_space();
  return true;
}

bool JsonCursor::next_element() {
  return more(']');
}

void JsonCursor::read_string(std::string& out) {
  out.clear();
  text_.remove_prefix(1);
  while (true) {
    const size_t plain = text_.find_first_of("\"\\");
    out.append(text_.substr(0, plain));
    const bool end = text_[plain] == '"';
    text_.remove_prefix(plain + 1);
    if (end) break;
    const char c = text_.front();
    text_.remove_prefix(1);
    switch (c) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        auto point = static_cast<uint32_t>(code_unit(text_));
        text_.remove_prefix(4);
        if (point >= 0xd800 && point < 0xdc00) {
          const auto second = static_cast<uint32_t>(code_unit(text_.substr(2)));
          point = 0x10000 + ((point - 0xd800) << 10) + (second - 0xdc00);
          text_.remove_prefix(6);
        }
        append_utf8(point, out);
        break;
      }
      default:
        out += c;
    }
  }
  skip_space();
}

std::string_view JsonCursor::read_number() {
  const size_t end = std::min(text_.find_first_not_of("+-.0123456789eE"), text_.size());
  const std::string_view number = text_.substr(0, end);
  text_.remove_prefix(end);
  skip_space();
  return number;
}

bool JsonCursor::read_boolean() {
  const bool value = text_.front() == 't';
  text_.remove_prefix(value ? 4 : 5);
  skip_space();
  return value;
}

void JsonCursor::skip() {
  std::string ignored;
  switch (kind()) {
    case JsonKind::object:
      begin();
      while (next_key(ignored)) skip();
      return;
    case JsonKind::array:
      begin();
      while (next_element()) skip();
      return;
    case JsonKind::string:
      read_string(ignored);
      return;
    case JsonKind::number:
      read_number();
      return;
    case JsonKind::boolean:
      read_boolean();
      return;
    case JsonKind::null:
      text_.remove_prefix(4);
      skip_space();
  }
}

}  // namespace mesolith::wire
