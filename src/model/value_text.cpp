// SPDX-License-Identifier: Apache-2.0
#include "model/value_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace mesolith::model::value_text {

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const size_t first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> parts(std::string_view text) {
  std::vector<std::string_view> all;
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    if (const auto part = trim(text.substr(0, end)); !part.empty()) all.push_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

std::optional<double> number(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

Result<std::set<std::string>> set(std::string_view text) {
  const std::string_view whole = trim(text);
  if (whole.size() < 2 || whole.front() != '{' || whole.back() != '}') {
    return failure(Code::invalid, fmt::format("'{}' is not of the form {{a,b}}", whole));
  }
  std::set<std::string> items;
  std::string_view rest = trim(whole.substr(1, whole.size() - 2));
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view item = trim(rest.substr(0, comma));
    if (item.empty() || item.find_first_of("{}") != item.npos) {
      return failure(Code::invalid, fmt::format("'{}' has an empty item or a stray brace", whole));
    }
    if (!items.emplace(item).second) {
      return failure(Code::invalid, fmt::format("'{}' names '{}' twice", whole, item));
    }
    if (comma + 1 == rest.size()) {
      return failure(Code::invalid, fmt::format("'{}' ends with a comma", whole));
    }
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return items;
}

}  // namespace mesolith::model::value_text
