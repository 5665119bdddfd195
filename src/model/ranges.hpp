// SPDX-License-Identifier: Apache-2.0
// A set of unsigned numbers as closed intervals. Invariant: sorted, disjoint, never adjacent ([1-2,
// 3-4] is [1-4]). Cost: add, subtract and contains are linear in the number of intervals. Text:
// "[31000-32000, 33000-33010]".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mesos::v1 {
class Value_Ranges;
}

namespace mesolith::model {

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;  // inclusive, >= begin
  bool operator==(const Range&) const = default;
};

class Ranges {
 public:
  Ranges() = default;
  Ranges(
      std::initializer_list<Range> ranges);  // in any order, may overlap; begin <= end is CHECKed

  static Result<Ranges> parse(std::string_view text);
  // Fails on begin > end and on overlaps, with Mesos' messages.
  static Result<Ranges> from(const mesos::v1::Value_Ranges& ranges);
  void to(mesos::v1::Value_Ranges* ranges) const;  // appends

  void add(Range range);
  void subtract(Range range);
  Ranges& operator+=(const Ranges& other);
  Ranges& operator-=(const Ranges& other);
  friend Ranges operator+(Ranges a, const Ranges& b) { return a += b; }
  friend Ranges operator-(Ranges a, const Ranges& b) { return a -= b; }
  bool operator==(const Ranges&) const = default;

  bool empty() const { return intervals_.empty(); }
  bool contains(uint64_t value) const;
  bool contains(const Ranges& other) const;
  bool overlaps(const Ranges& other) const;
  uint64_t count() const;  // of numbers, saturating
  const std::vector<Range>& intervals() const { return intervals_; }
  std::string describe() const;

 private:
  void normalise();
  std::vector<Range> intervals_;
};

}  // namespace mesolith::model
