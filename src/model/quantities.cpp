// SPDX-License-Identifier: Apache-2.0
#include "model/quantities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/value_text.hpp"

namespace mesolith::model {

Millis to_millis(double units) {
  constexpr double most = 9e18;
  if (std::isnan(units)) return 0;
  return std::llround(std::clamp(units * 1000.0, -most, most));
}

std::string format_millis(Millis millis) {
  const bool negative = millis < 0;
  const uint64_t size = negative ? -static_cast<uint64_t>(millis) : static_cast<uint64_t>(millis);
  std::string text = fmt::format("{}{}", negative ? "-" : "", size / 1000);
  if (size % 1000 == 0) return text;
  text += fmt::format(".{:03}", size % 1000);
  while (text.back() == '0') text.pop_back();
  return text;
}

Quantities::Quantities(std::initializer_list<std::pair<Name, Millis>> amounts) {
  for (const auto& [name, amount] : amounts) add(name, amount);
}

Result<Quantities> Quantities::parse(std::string_view text) {
  Quantities quantities;
  for (std::string_view part : value_text::parts(text)) {
    const size_t colon = part.find(':');
    if (colon == part.npos) {
      return failure(Code::invalid, fmt::format("'{}' is not of the form name:amount", part));
    }
    const std::string_view name = value_text::trim(part.substr(0, colon));
    const auto amount = value_text::number(part.substr(colon + 1));
    if (name.empty()) return failure(Code::invalid, fmt::format("'{}' has no name", part));
    if (!amount || *amount < 0) {
      return failure(Code::invalid,
                     fmt::format("the amount in '{}' is not a number that is at least 0", part));
    }
    quantities.add(name, to_millis(*amount));
  }
  return quantities;
}

Millis Quantities::get(const Name& name) const {
  if (name.known() != Name::other_id) return known_[name.known()];
  const auto at = std::ranges::lower_bound(others_, name, {}, &std::pair<Name, Millis>::first);
  return at != others_.end() && at->first == name ? at->second : 0;
}

void Quantities::set(const Name& name, Millis amount) {
  if (name.known() != Name::other_id) {
    known_[name.known()] = amount;
    return;
  }
  const auto at = std::ranges::lower_bound(others_, name, {}, &std::pair<Name, Millis>::first);
  const bool found = at != others_.end() && at->first == name;
  if (amount == 0) {
    if (found) others_.erase(at);
  } else if (found) {
    at->second = amount;
  } else {
    others_.insert(at, {name, amount});
  }
}

Quantities& Quantities::operator+=(const Quantities& other) {
  for (size_t i = 0; i < known_.size(); ++i) {
    known_[i] = saturating_sum(known_[i], other.known_[i]);
  }
  if (&other == this) {
    for (auto& [name, amount] : others_) amount = saturating_sum(amount, amount);
  } else {
    for (const auto& [name, amount] : other.others_) add(name, amount);
  }
  return *this;
}

Quantities& Quantities::operator-=(const Quantities& other) {
  for (size_t i = 0; i < known_.size(); ++i) {
    known_[i] = saturating_sum(known_[i], -other.known_[i]);
  }
  if (&other == this) {
    others_.clear();
  } else {
    for (const auto& [name, amount] : other.others_) add(name, -amount);
  }
  return *this;
}

bool Quantities::empty() const {
  return others_.empty() && std::ranges::all_of(known_, [](Millis amount) { return amount == 0; });
}

bool Quantities::contains(const Quantities& other) const {
  for (size_t i = 0; i < known_.size(); ++i) {
    if (other.known_[i] > known_[i]) return false;
  }
  return std::ranges::all_of(
             other.others_,
             [this](const auto& wanted) { return wanted.second <= get(wanted.first); }) &&
         std::ranges::all_of(
             others_, [&other](const auto& held) { return held.second >= other.get(held.first); });
}

Quantities Quantities::max(const Quantities& other) const {
  Quantities result = *this;
  for (size_t i = 0; i < known_.size(); ++i)
    result.known_[i] = std::max(known_[i], other.known_[i]);
  for (const auto& [name, amount] : others_) result.set(name, std::max(amount, other.get(name)));
  for (const auto& [name, amount] : other.others_) result.set(name, std::max(amount, get(name)));
  return result;
}

Quantities Quantities::min(const Quantities& other) const {
  Quantities result = *this;
  for (size_t i = 0; i < known_.size(); ++i)
    result.known_[i] = std::min(known_[i], other.known_[i]);
  for (const auto& [name, amount] : others_) result.set(name, std::min(amount, other.get(name)));
  for (const auto& [name, amount] : other.others_) result.set(name, std::min(amount, get(name)));
  return result;
}

Quantities Quantities::scale(double factor) const {
  Quantities result;
  for_each([&](const Name& name, Millis amount) {
    result.set(name, to_millis(to_units(amount) * factor));
  });
  return result;
}

Quantities Quantities::positive() const {
  Quantities result;
  for_each([&](const Name& name, Millis amount) { result.set(name, std::max<Millis>(amount, 0)); });
  return result;
}

std::vector<std::pair<Name, Millis>> Quantities::entries() const {
  std::vector<std::pair<Name, Millis>> all;
  for_each([&](const Name& name, Millis amount) { all.emplace_back(name, amount); });
  return all;
}

std::string Quantities::describe() const {
  std::string text;
  for_each([&](const Name& name, Millis amount) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{}:{}", name.text(), format_millis(amount));
  });
  return text.empty() ? "{}" : text;
}

}  // namespace mesolith::model
