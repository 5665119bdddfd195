// SPDX-License-Identifier: Apache-2.0
// What must hold for any values, whatever they are.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "model/attributes.hpp"
#include "model/resource_text.hpp"
#include "model/resources.hpp"

namespace mesolith::model {
namespace {

rc::Gen<Range> any_range() {
  return rc::gen::map(
      rc::gen::pair(rc::gen::inRange<uint64_t>(0, 60), rc::gen::inRange<uint64_t>(0, 6)),
      [](const auto& pair) { return Range{pair.first, pair.first + pair.second}; });
}

Ranges any_ranges() {
  Ranges ranges;
  for (const Range& range : *rc::gen::container<std::vector<Range>>(any_range())) ranges.add(range);
  return ranges;
}

std::string any_role() {
  return *rc::gen::element<std::string>("a", "a/b", "c");
}

Entry any_entry() {
  Entry entry;
  entry.name = *rc::gen::element<std::string>("cpus", "mem", "disk", "gpus", "bananas");
  entry.amount = *rc::gen::inRange<Millis>(1, 5000);
  switch (*rc::gen::inRange(0, 6)) {
    case 0: {
      entry.name = ports;
      entry.type = Entry::Type::ranges;
      entry.ranges = std::make_shared<const Ranges>(any_ranges());
      break;
    }
    case 1: {
      entry.name = "nics";
      entry.type = Entry::Type::set;
      entry.items = std::make_shared<const Items>(
          *rc::gen::container<Items>(rc::gen::element<std::string>("a", "b", "c", "d")));
      break;
    }
    default:
      break;
  }
  if (*rc::gen::inRange(0, 3) == 0) {
    Traits traits;
    traits.reservations.push_back({.dynamic = *rc::gen::arbitrary<bool>(), .role = any_role()});
    entry.traits = std::make_shared<const Traits>(traits);
  }
  if (*rc::gen::inRange(0, 3) == 0) entry.role = std::make_shared<const std::string>(any_role());
  return entry;
}

Resources any_resources() {
  Resources resources;
  const int count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) resources += Resources::of(any_entry());
  return resources;
}

// Ranges and sets that overlap do not come apart again, here as in Mesos; scalars always do.
bool overlap(const Resources& a, const Resources& b) {
  for (const Entry& x : a.entries()) {
    for (const Entry& y : b.entries()) {
      if (!x.same_key(y)) continue;
      if (x.type == Entry::Type::ranges && x.ranges->overlaps(*y.ranges)) return true;
      if (x.type == Entry::Type::set) {
        for (const auto& item : *x.items) {
          if (y.items->contains(item)) return true;
        }
      }
    }
  }
  return false;
}

bool holds(const std::string& what, auto&& property) {
  return rc::check(what, property);
}

TEST(Properties, RangesAreSetsOfNumbers) {
  EXPECT_TRUE(holds("ranges act as sets", [] {
    const Ranges a = any_ranges(), b = any_ranges();
    const Ranges sum = a + b, difference = a - b;
    bool inside = true, common = false;
    for (uint64_t n = 0; n < 80; ++n) {
      RC_ASSERT(sum.contains(n) == (a.contains(n) || b.contains(n)));
      RC_ASSERT(difference.contains(n) == (a.contains(n) && !b.contains(n)));
      inside = inside && (!b.contains(n) || a.contains(n));
      common = common || (a.contains(n) && b.contains(n));
    }
    RC_ASSERT(a.contains(b) == inside);
    RC_ASSERT(a.overlaps(b) == common);
    RC_ASSERT(*Ranges::parse(a.describe()) == a);
  }));
}

TEST(Properties, SumMinusPartIsTheOther) {
  EXPECT_TRUE(holds("(a + b) - b == a", [] {
    const Resources a = any_resources(), b = any_resources();
    RC_PRE(!overlap(a, b));
    const Resources sum = a + b;
    RC_ASSERT(sum == b + a);
    RC_ASSERT(sum - b == a);
    RC_ASSERT(sum - a == b);
    RC_ASSERT(sum.contains(a) && sum.contains(b));
    RC_ASSERT(sum.quantities() == a.quantities() + b.quantities());
  }));
}

TEST(Properties, ContainsIsConsistentWithSubtraction) {
  EXPECT_TRUE(holds("a contains b iff (a - b) + b == a", [] {
    const Resources a = any_resources(), b = any_resources();
    RC_ASSERT(a.contains(b) == ((a - b) + b == a));
    if (a.contains(b) && b.contains(a)) RC_ASSERT(a == b);
    RC_ASSERT(a.contains(a) && a.contains(Resources()));
    RC_ASSERT(a.contains(a - b));
    RC_ASSERT((a - a).empty());
  }));
}

TEST(Properties, MessagesAreReadBack) {
  EXPECT_TRUE(holds("parse(append_to(a)) == a", [] {
    const Resources a = any_resources();
    for (Format format : {Format::pre_reservation_refinement, Format::post_reservation_refinement,
                          Format::endpoint}) {
      RepeatedResource out;
      a.append_to(&out, format);
      const auto parsed = Resources::parse(out);
      RC_ASSERT(parsed.has_value());
      RC_ASSERT(*parsed == a);
    }
  }));
}

TEST(Properties, TextIsReadBack) {
  EXPECT_TRUE(holds("parse_resources(describe(a)) == a for plain resources", [] {
    const Resources a = any_resources().unreserved().unallocated();
    const auto parsed = parse_resources(a.empty() ? "" : a.describe());
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed == a);
    RC_ASSERT(*Quantities::parse(a.scalars().empty() ? "" : a.scalars().describe()) ==
              a.quantities());
  }));
}

TEST(Properties, FiltersPartition) {
  EXPECT_TRUE(holds("reserved and unreserved make the whole", [] {
    const Resources a = any_resources();
    RC_ASSERT(a.reserved() + a.unreserved() == a);
    RC_ASSERT(a.scalars() + a.non_scalars() == a);
    RC_ASSERT(a.contains(a.allocatable_to(any_role())));
    RC_ASSERT(a.allocated_to("x").quantities() == a.quantities());
  }));
}

TEST(Properties, ShrinkingKeepsWithinBounds) {
  EXPECT_TRUE(holds("shrunk_to never exceeds", [] {
    const Resources a = any_resources();
    const Quantities most{{cpus, *rc::gen::inRange<Millis>(0, 6000)},
                          {mem, *rc::gen::inRange<Millis>(0, 6000)}};
    const Resources small = a.shrunk_to(most);
    RC_ASSERT(most.contains(small.quantities()));
    RC_ASSERT(a.contains(small));
    RC_ASSERT(small.scalar(cpus) == std::min(a.scalar(cpus), most.get(cpus)));
  }));
}

TEST(Properties, GrammarsNeverCrash) {
  EXPECT_TRUE(holds("any text is an answer", [] {
    const auto text = *rc::gen::container<std::string>(rc::gen::element(
        'a', 'c', '1', '9', '.', '-', ',', ';', ':', '[', ']', '{', '}', '(', ')', ' ', '"'));
    if (const auto parsed = parse_resources(text)) {
      RC_ASSERT(parsed->contains(*parsed));
    }
    if (const auto ranges = Ranges::parse(text))
      RC_ASSERT(*Ranges::parse(ranges->describe()) == *ranges);
    (void)parse_attributes(text);
    (void)Quantities::parse(text);
  }));
}

}  // namespace
}  // namespace mesolith::model
