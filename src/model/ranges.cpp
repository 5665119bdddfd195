// SPDX-License-Identifier: Apache-2.0
#include "model/ranges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.hpp"
#include "mesos/v1/mesos.pb.h"
#include "model/value_text.hpp"

namespace mesolith::model {

namespace {

constexpr uint64_t most = std::numeric_limits<uint64_t>::max();

bool parse_number(std::string_view text, uint64_t* value) {
  text = value_text::trim(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Ranges::Ranges(std::initializer_list<Range> ranges) : intervals_(ranges) {
  normalise();
}

Result<Ranges> Ranges::parse(std::string_view text) {
  const std::string_view whole = value_text::trim(text);
  if (whole.size() < 2 || whole.front() != '[' || whole.back() != ']') {
    return failure(Code::invalid, fmt::format("'{}' is not of the form [1-2, 5-8]", whole));
  }
  Ranges ranges;
  std::string_view rest = value_text::trim(whole.substr(1, whole.size() - 2));
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    const size_t dash = part.find('-');
    Range range;
    if (dash == part.npos || !parse_number(part.substr(0, dash), &range.begin) ||
        !parse_number(part.substr(dash + 1), &range.end) || comma + 1 == rest.size()) {
      return failure(Code::invalid, fmt::format("'{}' is not of the form [1-2, 5-8]", whole));
    }
    if (range.begin > range.end) {
      return failure(Code::invalid,
                     fmt::format("'{}' has a range that ends before it begins", whole));
    }
    ranges.intervals_.push_back(range);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  ranges.normalise();
  return ranges;
}

Result<Ranges> Ranges::from(const mesos::v1::Value_Ranges& proto) {
  Ranges ranges;
  for (const auto& range : proto.range()) {
    if (range.begin() > range.end()) {
      return failure(Code::invalid, "Invalid ranges resource: begin > end");
    }
    ranges.intervals_.push_back({range.begin(), range.end()});
  }
  std::ranges::sort(ranges.intervals_, {}, &Range::begin);
  for (size_t i = 1; i < ranges.intervals_.size(); ++i) {
    if (ranges.intervals_[i].begin <= ranges.intervals_[i - 1].end) {
      return failure(Code::invalid, "Invalid ranges resource: overlapping ranges");
    }
  }
  ranges.normalise();
  return ranges;
}

void Ranges::to(mesos::v1::Value_Ranges* proto) const {
  for (const Range& interval : intervals_) {
    auto* range = proto->add_range();
    range->set_begin(interval.begin);
    range->set_end(interval.end);
  }
}

void Ranges::normalise() {
  std::ranges::sort(intervals_, {}, &Range::begin);
  size_t kept = 0;
  for (size_t i = 0; i < intervals_.size(); ++i) {
    const Range range = intervals_[i];
    CHECK(range.begin <= range.end);
    if (kept > 0 &&
        (intervals_[kept - 1].end == most || range.begin <= intervals_[kept - 1].end + 1)) {
      intervals_[kept - 1].end = std::max(intervals_[kept - 1].end, range.end);
    } else {
      intervals_[kept++] = range;
    }
  }
  intervals_.resize(kept);
}

void Ranges::add(Range range) {
  intervals_.push_back(range);
  normalise();
}

void Ranges::subtract(Range range) {
  Ranges other;
  other.intervals_.push_back(range);
  *this -= other;
}

Ranges& Ranges::operator+=(const Ranges& other) {
  if (&other == this) return *this;
  intervals_.insert(intervals_.end(), other.intervals_.begin(), other.intervals_.end());
  normalise();
  return *this;
}

Ranges& Ranges::operator-=(const Ranges& other) {
  std::vector<Range> left;
  size_t j = 0;
  for (Range range : intervals_) {
    while (j < other.intervals_.size() && other.intervals_[j].end < range.begin) ++j;
    bool used_up = false;
    for (size_t k = j; k < other.intervals_.size() && other.intervals_[k].begin <= range.end; ++k) {
      const Range& gone = other.intervals_[k];
      if (gone.begin > range.begin) left.push_back({range.begin, gone.begin - 1});
      if (gone.end >= range.end) {
        used_up = true;
        break;
      }
      range.begin = gone.end + 1;
    }
    if (!used_up) left.push_back(range);
  }
  intervals_ = std::move(left);
  return *this;
}

bool Ranges::contains(uint64_t value) const {
  auto after = std::ranges::upper_bound(intervals_, value, {}, &Range::begin);
  return after != intervals_.begin() && value <= std::prev(after)->end;
}

bool Ranges::contains(const Ranges& other) const {
  size_t i = 0;
  for (const Range& wanted : other.intervals_) {
    while (i < intervals_.size() && intervals_[i].end < wanted.begin) ++i;
    if (i == intervals_.size() || intervals_[i].begin > wanted.begin ||
        intervals_[i].end < wanted.end) {
      return false;
    }
  }
  return true;
}

bool Ranges::overlaps(const Ranges& other) const {
  size_t i = 0;
  for (const Range& wanted : other.intervals_) {
    while (i < intervals_.size() && intervals_[i].end < wanted.begin) ++i;
    if (i < intervals_.size() && intervals_[i].begin <= wanted.end) return true;
  }
  return false;
}

uint64_t Ranges::count() const {
  uint64_t count = 0;
  for (const Range& range : intervals_) {
    const uint64_t size = range.end - range.begin;
    if (size >= most - count) return most;
    count += size + 1;
  }
  return count;
}

std::string Ranges::describe() const {
  std::string text = "[";
  for (const Range& range : intervals_) {
    if (text.size() > 1) text += ", ";
    text += fmt::format("{}-{}", range.begin, range.end);
  }
  return text + "]";
}

}  // namespace mesolith::model
