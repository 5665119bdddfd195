// SPDX-License-Identifier: Apache-2.0
#include "model/resources.hpp"

#include <gtest/gtest.h>

namespace mesolith::model {
namespace {

Entry entry(const char* name, double units, Traits traits) {
  return Entry{
      .name = name, .amount = to_millis(units), .traits = std::make_shared<const Traits>(traits)};
}

Traits reserved_for(std::vector<std::string> roles) {
  Traits traits;
  for (auto& role : roles) {
    traits.reservations.push_back({.dynamic = true, .role = role, .principal = {}, .labels = {}});
  }
  return traits;
}

Resources volume(const std::string& id, double units, bool shared = false) {
  Traits traits = reserved_for({"a"});
  traits.disk.emplace().mutable_persistence()->set_id(id);
  traits.shared = shared;
  return Resources::of(entry("disk", units, traits));
}

const Resources machine = Resources::of(ports, {{31000, 32000}}) +
                          Resources::of({{cpus, 8000}, {mem, 8192'000}, {disk, 20'000'000}});

TEST(Resources, DescribeIsMesosText) {
  EXPECT_EQ(machine.describe(), "ports:[31000-32000]; cpus:8; mem:8192; disk:20000");
  EXPECT_EQ(
      machine.allocated_to("demo").describe(),
      "ports(allocated: demo):[31000-32000]; cpus(allocated: demo):8; mem(allocated: demo):8192; "
      "disk(allocated: demo):20000");
  EXPECT_EQ(Resources().describe(), "{}");
}

TEST(Resources, AddAndSubtractKeepOneEntryPerKey) {
  Resources left = machine - Resources::of({{cpus, 500}}) - Resources::of(ports, {{31000, 31009}});
  EXPECT_EQ(left.entries().size(), 4u);
  EXPECT_EQ(left.scalar(cpus), 7500);
  EXPECT_EQ(left.ranges(ports), (Ranges{{31010, 32000}}));
  EXPECT_TRUE(machine.contains(left));
  EXPECT_FALSE(left.contains(machine));
  left += Resources::of({{cpus, 500}});
  left += Resources::of(ports, {{31000, 31009}});
  EXPECT_EQ(left, machine);
  left -= left;
  EXPECT_TRUE(left.empty());
}

TEST(Resources, EqualityIgnoresOrder) {
  EXPECT_EQ(Resources::of({{cpus, 1}, {mem, 2}}), Resources::of({{mem, 2}, {cpus, 1}}));
  EXPECT_FALSE(Resources::of({{cpus, 1}}) == Resources::of({{cpus, 2}}));
  EXPECT_FALSE(Resources::of({{cpus, 1}}) == Resources::of({{cpus, 1}}).allocated_to("a"));
}

TEST(Resources, NeverGoBelowZero) {
  EXPECT_TRUE((Resources::of({{cpus, 1}}) - Resources::of({{cpus, 5}})).empty());
  EXPECT_EQ(Resources::of({{cpus, 1}}) - Resources::of({{mem, 5}}), Resources::of({{cpus, 1}}));
}

TEST(Resources, CopiesShareRangesButNotChanges) {
  Resources copy = machine;
  EXPECT_EQ(copy.entries()[0].ranges, machine.entries()[0].ranges);
  copy -= Resources::of(ports, {{31000, 31000}});
  EXPECT_TRUE(machine.ranges(ports).contains(31000));
}

TEST(Resources, AllocationRoles) {
  const Resources a = machine.allocated_to("a");
  EXPECT_EQ(a.allocation_role(), "a");
  EXPECT_EQ(a.unallocated(), machine);
  const Resources both =
      a + Resources::of({{cpus, 1}}).allocated_to("b") + Resources::of({{mem, 7}});
  EXPECT_EQ(both.allocation_roles(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(both.allocated_part("a"), a);
  EXPECT_EQ(both.unallocated().scalar(cpus), 8001);
  EXPECT_EQ(both.unallocated().named(cpus).entries().size(), 1u);
  EXPECT_EQ(Resources().allocation_role(), "");
}

TEST(Resources, ReservationsDecideWhoMayHaveThem) {
  const Resources plain = Resources::of({{cpus, 1000}});
  const Resources top = Resources::of(entry("cpus", 2, reserved_for({"a"})));
  const Resources refined = Resources::of(entry("cpus", 4, reserved_for({"a", "a/b"})));
  const Resources all = plain + top + refined;
  EXPECT_EQ(all.entries().size(), 3u);
  EXPECT_EQ(all.unreserved(), plain);
  EXPECT_EQ(all.reserved(), top + refined);
  EXPECT_EQ(all.reserved_to("a"), top);
  EXPECT_EQ(all.reserved_to("a/b"), refined);
  EXPECT_EQ(all.allocatable_to("a"), plain + top);
  EXPECT_EQ(all.allocatable_to("a/b"), all);
  EXPECT_EQ(all.allocatable_to("c"), plain);
  EXPECT_EQ(all.scalar(cpus), 7000);
  EXPECT_EQ(refined.describe(), "cpus(reservations: [(DYNAMIC,a),(DYNAMIC,a/b)]):4");
}

TEST(Resources, PushAndPopReservation) {
  const Reservation a{.dynamic = true, .role = "a", .principal = "ops", .labels = {}};
  const Resources reserved = Resources::of({{cpus, 1000}}).with_reservation(a);
  EXPECT_EQ(reserved.describe(), "cpus(reservations: [(DYNAMIC,a,ops)]):1");
  EXPECT_EQ(reserved.without_reservation(), Resources::of({{cpus, 1000}}));
  Reservation other = a;
  other.principal = "dev";
  EXPECT_FALSE(reserved.contains(Resources::of({{cpus, 1000}}).with_reservation(other)));
  EXPECT_EQ(reserved.with_reservation({.dynamic = true, .role = "a/b"}).to_unreserved(),
            Resources::of({{cpus, 1000}}));
}

TEST(Resources, VolumesAreIndivisible) {
  const Resources v1 = volume("v1", 64), v2 = volume("v2", 64);
  const Resources both = v1 + v2;
  EXPECT_EQ(both.entries().size(), 2u);
  EXPECT_TRUE(both.contains(v1));
  EXPECT_FALSE(both.contains(volume("v1", 32)));
  EXPECT_FALSE(v1.contains(v1 + v1));
  EXPECT_EQ(both - v1, v2);
  EXPECT_EQ(both - volume("v1", 32), both);
  EXPECT_EQ(v1.without_persistence(), Resources::of(entry("disk", 64, reserved_for({"a"}))));
  EXPECT_EQ(both.persistent_volumes(), both);
}

TEST(Resources, MountPointOfAVolumeDoesNotMatter) {
  Entry mounted = volume("v1", 64).entries()[0];
  Traits traits = *mounted.traits;
  traits.disk->mutable_volume()->set_container_path("data");
  mounted.traits = std::make_shared<const Traits>(traits);
  EXPECT_EQ(Resources::of(mounted), volume("v1", 64));
}

TEST(Resources, SharedVolumesAreCounted) {
  const Resources one = volume("v1", 64, true);
  const Resources two = one + one;
  EXPECT_EQ(two.entries().size(), 1u);
  EXPECT_EQ(two.quantities().get(disk), 64'000);
  EXPECT_TRUE(two.contains(one));
  EXPECT_TRUE(two.contains(two));
  EXPECT_FALSE(one.contains(two));
  EXPECT_EQ(two - one, one);
  EXPECT_TRUE((two - two).empty());
  EXPECT_TRUE(two.non_shared().empty());
}

TEST(Resources, RevocableIsAnotherKind) {
  Traits traits;
  traits.revocable = true;
  const Resources spare = Resources::of(entry("cpus", 1, traits));
  const Resources all = spare + Resources::of({{cpus, 1000}});
  EXPECT_EQ(all.revocable(), spare);
  EXPECT_EQ(all.non_revocable(), Resources::of({{cpus, 1000}}));
  EXPECT_EQ(spare.describe(), "cpus{REV}:1");
}

TEST(Resources, Quantities) {
  EXPECT_EQ(machine.quantities(), (Quantities{{cpus, 8000}, {mem, 8192'000}, {disk, 20'000'000}}));
  EXPECT_EQ(Resources::of(machine.quantities()), machine.scalars());
  EXPECT_EQ(machine.scalars() + machine.non_scalars(), machine);
  EXPECT_TRUE(machine.has_scalar_of({{cpus, 10}, {mem, 32'000}}));
  EXPECT_FALSE(machine.has_scalar_of({{gpus, 1}}));
}

TEST(Resources, ShrunkToQuantities) {
  const Resources small = machine.shrunk_to(Quantities{{cpus, 500}, {mem, 1'000'000'000}});
  EXPECT_EQ(small,
            Resources::of(ports, {{31000, 32000}}) + Resources::of({{cpus, 500}, {mem, 8192'000}}));
  const Resources limited = machine.shrunk_to(Limits{{cpus, 500}});
  EXPECT_EQ(limited.scalar(cpus), 500);
  EXPECT_EQ(limited.scalar(disk), 20'000'000);
  EXPECT_TRUE(volume("v1", 64).shrunk_to(Limits{{disk, 63'000}}).empty());
  const Resources split =
      Resources::of({{cpus, 1000}}) + Resources::of(entry("cpus", 2, reserved_for({"a"})));
  EXPECT_EQ(split.shrunk_to(Limits{{cpus, 1500}}).scalar(cpus), 1500);
}

TEST(Resources, Sets) {
  const auto set = [](Items items) {
    return Resources::of(Entry{.name = "nics",
                               .type = Entry::Type::set,
                               .items = std::make_shared<const Items>(std::move(items))});
  };
  EXPECT_EQ(set({"a"}) + set({"b"}), set({"a", "b"}));
  EXPECT_EQ(set({"a", "b"}) - set({"b"}), set({"a"}));
  EXPECT_TRUE((set({"a"}) - set({"a"})).empty());
  EXPECT_FALSE(set({"a"}).contains(set({"b"})));
  EXPECT_EQ(set({"a", "b"}).describe(), "nics:{a, b}");
}

TEST(Resources, TenThousandTenthsAreAThousand) {
  Resources sum;
  const Resources tenth = Resources::of({{cpus, to_millis(0.1)}});
  for (int i = 0; i < 10'000; ++i) sum += tenth;
  EXPECT_EQ(sum, Resources::of({{cpus, to_millis(1000)}}));
  for (int i = 0; i < 10'000; ++i) sum -= tenth;
  EXPECT_TRUE(sum.empty());
}

}  // namespace
}  // namespace mesolith::model
