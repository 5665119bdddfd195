// SPDX-License-Identifier: Apache-2.0
#include "model/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace mesolith::model {
namespace {

using Step = Pattern::Step;
using Kind = Step::Kind;
using Program = std::vector<Step>;
using Bytes = std::bitset<256>;

constexpr size_t depth_max = 100;  // of groups
constexpr size_t repeats_max = 1000;

// Programs are pieces: they start at 0 and end by running past their last step; targets are
// relative to the piece until it is appended.
void append(Program& program, const Program& piece) {
  const size_t offset = program.size();
  for (Step step : piece) {
    step.next += offset;
    step.another += offset;
    program.push_back(step);
  }
}

Step step(Kind kind, size_t next, size_t another = 0) {
  return Step{kind, {}, next, another};
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Program> parse() {
    TRY(Program program, alternatives(0));
    if (at_ < text_.size()) return wrong("unmatched ')'");
    return program;
  }

 private:
  std::unexpected<Error> wrong(std::string_view what) const {
    return failure(Code::invalid, fmt::format("Invalid regular expression '{}': {} at position {}",
                                              text_, what, at_));
  }
  bool more() const { return at_ < text_.size(); }
  char peek() const { return text_[at_]; }
  bool take(char wanted) {
    if (!more() || peek() != wanted) return false;
    ++at_;
    return true;
  }
  Result<void> small(const Program& program) const {
    if (program.size() < Pattern::program_size_max) return {};
    return failure(
        Code::invalid,
        fmt::format("Regular expression '{}' is too complex: it takes more than {} steps", text_,
                    Pattern::program_size_max));
  }

  Result<Program> alternatives(size_t depth) {
    if (depth > depth_max) return wrong("groups are nested too deep");
    TRY(Program left, sequence(depth));
    while (take('|')) {
      TRY(const Program right, sequence(depth));
      Program both{step(Kind::split, 1, left.size() + 2)};
      append(both, left);
      both.push_back(step(Kind::jump, both.size() + 1 + right.size()));
      append(both, right);
      left = std::move(both);
      TRY_VOID(small(left));
    }
    return left;
  }

  Result<Program> sequence(size_t depth) {
    Program program;
    while (more() && peek() != '|' && peek() != ')') {
      TRY(const Program piece, repeated(depth));
      append(program, piece);
      TRY_VOID(small(program));
    }
    return program;
  }

  static Program optional(const Program& piece) {
    Program out{step(Kind::split, 1, piece.size() + 1)};
    append(out, piece);
    return out;
  }
  static Program starred(const Program& piece) {
    Program out{step(Kind::split, 1, piece.size() + 2)};
    append(out, piece);
    out.push_back(step(Kind::jump, 0));
    return out;
  }

  Result<Program> repeated(size_t depth) {
    TRY(Program piece, atom(depth));
    while (more()) {
      if (take('*')) {
        piece = starred(piece);
      } else if (take('+')) {
        Program out = piece;
        append(out, starred(piece));
        piece = std::move(out);
      } else if (take('?')) {
        piece = optional(piece);
      } else if (peek() == '{') {
        TRY(piece, counted(piece));
      } else {
        break;
      }
      take('?');  // lazy or not, the whole text matches or does not
      TRY_VOID(small(piece));
    }
    return piece;
  }

  std::optional<size_t> number() {
    if (!more() || peek() < '0' || peek() > '9') return std::nullopt;
    size_t value = 0;
    while (more() && peek() >= '0' && peek() <= '9') {
      value = std::min<size_t>(value * 10 + static_cast<size_t>(peek() - '0'), repeats_max + 1);
      ++at_;
    }
    return value;
  }

  Result<Program> counted(const Program& piece) {
    take('{');
    const auto least = number();
    if (!least) return wrong("a number is missing in '{}'");
    const bool open = take(',');
    const auto most = open ? number() : least;
    if (!take('}')) return wrong("'}' is missing");
    if (*least > repeats_max || (most && (*most > repeats_max || *most < *least))) {
      return wrong("invalid repetition");
    }
    Program out;
    for (size_t i = 0; i < *least; ++i) {
      append(out, piece);
      TRY_VOID(small(out));
    }
    if (!most) append(out, starred(piece));
    for (size_t i = *least; most && i < *most; ++i) {
      append(out, optional(piece));
      TRY_VOID(small(out));
    }
    return out;
  }

  static Program one_of(const Bytes& bytes) {
    Step only = step(Kind::byte_of, 1);
    only.bytes = bytes;
    return {only};
  }

  Result<Program> atom(size_t depth) {
    if (take('(')) {
      if (take('?') && !take(':')) return wrong("only '(?:' is known after '(?'");
      TRY(Program inside, alternatives(depth + 1));
      if (!take(')')) return wrong("')' is missing");
      return inside;
    }
    if (take('[')) return character_class();
    if (take('.')) return one_of(Bytes().set().reset('\n'));
    if (take('^')) return Program{step(Kind::begin, 1)};
    if (take('$')) return Program{step(Kind::end, 1)};
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') {
      return wrong("nothing to repeat");
    }
    Bytes bytes;
    TRY_VOID(literal(bytes));
    return one_of(bytes);
  }

  static Bytes range(char first, char last) {
    Bytes bytes;
    for (int byte = static_cast<uint8_t>(first); byte <= static_cast<uint8_t>(last); ++byte) {
      bytes.set(static_cast<size_t>(byte));
    }
    return bytes;
  }

  // One byte, or the class that an escape stands for; the byte itself if it is one.
  Result<std::optional<char>> literal(Bytes& bytes) {
    const char first = text_[at_++];
    if (first != '\\') {
      bytes.set(static_cast<uint8_t>(first));
      return first;
    }
    if (!more()) return wrong("'\\' at the end");
    const char escaped = text_[at_++];
    const Bytes digits = range('0', '9');
    const Bytes words = digits | range('a', 'z') | range('A', 'Z') | range('_', '_');
    Bytes spaces;
    for (const char space : {' ', '\t', '\n', '\r', '\f'}) spaces.set(static_cast<uint8_t>(space));
    switch (escaped) {
      case 'd':
      case 'D':
        bytes |= escaped == 'd' ? digits : ~digits;
        return std::nullopt;
      case 'w':
      case 'W':
        bytes |= escaped == 'w' ? words : ~words;
        return std::nullopt;
      case 's':
      case 'S':
        bytes |= escaped == 's' ? spaces : ~spaces;
        return std::nullopt;
      default:
        break;
    }
    char meant = escaped;
    if (escaped == 't') meant = '\t';
    if (escaped == 'n') meant = '\n';
    if (escaped == 'r') meant = '\r';
    if (meant == escaped && words[static_cast<uint8_t>(escaped)]) {
      return wrong(fmt::format("unknown escape '\\{}'", escaped));
    }
    bytes.set(static_cast<uint8_t>(meant));
    return meant;
  }

  Result<Program> character_class() {
    const bool negated = take('^');
    Bytes bytes;
    bool first = true;
    while (more() && (peek() != ']' || first)) {
      first = false;
      if (peek() == '[' && text_.substr(at_).starts_with("[:")) {
        return wrong("named classes are not known");
      }
      Bytes some;
      TRY(const std::optional<char> from, literal(some));
      const bool ranged =
          from && more() && peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
      if (ranged) {
        ++at_;
        Bytes unused;
        TRY(const std::optional<char> to, literal(unused));
        if (!to || static_cast<uint8_t>(*to) < static_cast<uint8_t>(*from)) {
          return wrong("invalid range of a class");
        }
        some = range(*from, *to);
      }
      bytes |= some;
    }
    if (!take(']')) return wrong("']' is missing");
    return one_of(negated ? ~bytes : bytes);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Pattern> Pattern::compile(std::string_view text) {
  Pattern pattern;
  TRY(pattern.program_, Parser(text).parse());
  pattern.program_.push_back(Step{});
  return pattern;
}

bool Pattern::matches(std::string_view text) const {
  std::vector<size_t> waiting, follow;
  std::vector<bool> seen;
  const auto add = [&](size_t from, size_t position) {
    follow.push_back(from);
    while (!follow.empty()) {
      const size_t at = follow.back();
      follow.pop_back();
      if (seen[at]) continue;
      seen[at] = true;
      const Step& step = program_[at];
      if (step.kind == Kind::split) follow.push_back(step.another);
      const bool passes = step.kind == Kind::split || step.kind == Kind::jump ||
                          (step.kind == Kind::begin && position == 0) ||
                          (step.kind == Kind::end && position == text.size());
      if (passes) follow.push_back(step.next);
      if (step.kind == Kind::byte_of || step.kind == Kind::match) waiting.push_back(at);
    }
  };
  seen.assign(program_.size(), false);
  add(0, 0);
  for (size_t position = 0; position < text.size(); ++position) {
    const std::vector<size_t> current = std::exchange(waiting, {});
    seen.assign(program_.size(), false);
    for (const size_t at : current) {
      const Step& step = program_[at];
      if (step.kind == Kind::byte_of && step.bytes[static_cast<uint8_t>(text[position])]) {
        add(step.next, position + 1);
      }
    }
  }
  return std::ranges::any_of(waiting, [&](size_t at) { return program_[at].kind == Kind::match; });
}

}  // namespace mesolith::model
