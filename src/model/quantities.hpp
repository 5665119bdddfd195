// SPDX-License-Identifier: Apache-2.0
// Amounts of scalar resources by name, without roles or any other detail: what fair sharing, quota
// and the smallest offer are reckoned in. Invariant: a name that is absent has the amount 0, so
// zeros are never stored; amounts may be negative after -=. The known names cost no allocation.
// Sums saturate.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/names.hpp"

namespace mesolith::model {

using Millis = int64_t;  // thousandths of a unit: Mesos keeps three decimals (mesos-api.md 1.8)

Millis to_millis(double units);  // llround(units * 1000), clamped to +-9e18; NaN is 0
// Sums stay at the end of the range: one client's absurd amounts must not wrap the total of a
// cluster.
inline Millis saturating_sum(Millis a, Millis b) {
  Millis sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? INT64_MIN + 1 : INT64_MAX;
}
inline double to_units(Millis millis) {
  return static_cast<double>(millis) / 1000.0;
}
std::string format_millis(Millis millis);  // "4", "0.1", "-1.25"

class Quantities {
 public:
  Quantities() = default;
  Quantities(std::initializer_list<std::pair<Name, Millis>> amounts);

  // "cpus:0.01;mem:32"; whitespace around the parts is ignored. Fails on a number that is not
  // finite or negative.
  static Result<Quantities> parse(std::string_view text);

  Millis get(const Name& name) const;
  Millis get(Name::Known name) const { return known_[name]; }
  void set(const Name& name, Millis amount);
  void add(const Name& name, Millis amount) { set(name, saturating_sum(get(name), amount)); }

  Quantities& operator+=(const Quantities& other);
  Quantities& operator-=(const Quantities& other);
  friend Quantities operator+(Quantities a, const Quantities& b) { return a += b; }
  friend Quantities operator-(Quantities a, const Quantities& b) { return a -= b; }
  bool operator==(const Quantities&) const = default;

  bool empty() const;
  bool contains(const Quantities& other) const;   // no name of other exceeds ours
  Quantities max(const Quantities& other) const;  // name by name
  Quantities min(const Quantities& other) const;
  Quantities scale(double factor) const;  // rounded to thousandths
  Quantities positive() const;            // without the negative amounts

  // Calls each(const Name&, Millis) for every amount that is not 0, ordered by name.
  template <class Each>
  void for_each(Each&& each) const;
  std::vector<std::pair<Name, Millis>> entries() const;

  std::string describe() const;  // "cpus:4; mem:1024", "{}" when empty

 private:
  std::array<Millis, Name::known_count> known_{};
  std::vector<std::pair<Name, Millis>> others_;  // sorted by name
};

// Most that may be had of each name; a name that is absent has no limit.
using Limits = std::map<Name, Millis>;

template <class Each>
void Quantities::for_each(Each&& each) const {
  static const std::array<Name, Name::known_count> names{
      Name::cpus_id, Name::disk_id, Name::gpus_id, Name::mem_id, Name::ports_id};
  auto other = others_.begin();
  for (size_t i = 0; i < known_.size(); ++i) {
    if (known_[i] == 0) continue;
    for (; other != others_.end() && other->first < names[i]; ++other)
      each(other->first, other->second);
    each(names[i], known_[i]);
  }
  for (; other != others_.end(); ++other) each(other->first, other->second);
}

}  // namespace mesolith::model
