// SPDX-License-Identifier: Apache-2.0
// Each rule of operations on resources, and that no conversion loses or makes an amount.
#include "model/operations.hpp"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "model/validation.hpp"

namespace mesolith::model {
namespace {

using Operation = mesos::v1::Offer::Operation;
using validation::Asker;

Operation parse(const std::string& text) {
  Operation operation;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &operation)) << text;
  return operation;
}

std::string disk_of(double amount, const std::string& more) {
  return "{ name: 'disk' type: SCALAR scalar { value: " + std::to_string(amount) + " } " + more +
         " } ";
}
std::string cpus_of(double amount, const std::string& more) {
  return "{ name: 'cpus' type: SCALAR scalar { value: " + std::to_string(amount) + " } " + more +
         " } ";
}
const std::string allocated = "allocation_info { role: 'a' } ";
const std::string reserved = allocated + "reservations { type: DYNAMIC role: 'a' principal: 'p' } ";
std::string persistence(const std::string& volume = "mode: RW container_path: 'data'",
                        const std::string& more = "id: 'v' principal: 'p'") {
  return reserved + "disk { persistence { " + more + " } volume { " + volume + " } } ";
}
Operation reserve(const std::string& resource) {
  return parse("type: RESERVE reserve { resources " + resource + " }");
}
Operation unreserve(const std::string& resource) {
  return parse("type: UNRESERVE unreserve { resources " + resource + " }");
}
Operation create(const std::string& volume) {
  return parse("type: CREATE create { volumes " + volume + " }");
}
Operation destroy(const std::string& volume) {
  return parse("type: DESTROY destroy { volumes " + volume + " }");
}
Operation grow(const std::string& volume, const std::string& addition) {
  return parse("type: GROW_VOLUME grow_volume { volume " + volume + " addition " + addition + " }");
}
Operation shrink(const std::string& volume, double less) {
  return parse("type: SHRINK_VOLUME shrink_volume { volume " + volume +
               " subtract { value: " + std::to_string(less) + " } }");
}

const std::set<std::string> roles{"a"};
Asker framework(const std::string& principal = "p") {
  return {principal.empty() ? std::nullopt : std::optional(principal), &roles, false};
}
Resources volume_resources() {
  return conversion_of(create(disk_of(64, persistence())))->to;
}

std::string refusal(const Operation& operation, const Asker& asker = framework(),
                    const Resources& total = {}, const Resources& used = {}) {
  const auto valid = validation::operation(operation, asker, total, used);
  return valid ? "" : valid.error().message;
}
testing::AssertionResult says(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << text << "\" does not contain \"" << part << '"';
}

TEST(Reserve, IsForTheRoleOfTheOfferAndByItsPrincipal) {
  EXPECT_EQ(refusal(reserve(cpus_of(1, reserved))), "");
  EXPECT_EQ(refusal(reserve(cpus_of(1, reserved)), framework("")), "");
  EXPECT_TRUE(says(refusal(reserve(cpus_of(1, allocated))), "is not dynamically reserved"));
  EXPECT_TRUE(
      says(refusal(reserve(cpus_of(1, allocated + "role: 'a'"))), "is not dynamically reserved"));
  EXPECT_EQ(refusal(reserve(cpus_of(1, allocated + "reservations { type: DYNAMIC role: 'other' "
                                                   "principal: 'p' }"))),
            "A reserve operation was attempted for a resource with role 'other', but the resource "
            "was allocated to role 'a'");
  const Asker elsewhere{std::nullopt, nullptr, false};
  const std::set<std::string> others{"b"};
  EXPECT_TRUE(says(refusal(reserve(cpus_of(1, reserved)), {std::nullopt, &others, false}),
                   "but the framework only has roles 'b'"));
  EXPECT_TRUE(says(refusal(reserve(cpus_of(1, reserved)), framework("q")),
                   "attempted by principal 'q', but there is a reserved resource in the request "
                   "with principal 'p' set"));
  EXPECT_TRUE(
      says(refusal(reserve(cpus_of(1, allocated + "reservations { type: DYNAMIC role: 'a' }"))),
           "with no principal set"));
  EXPECT_TRUE(says(refusal(reserve(cpus_of(1, allocated + "role: '*' reservation { }"))),
                   "Invalid resources: "));
  EXPECT_TRUE(says(refusal(reserve(disk_of(64, persistence()))), "must already be reserved"));
  EXPECT_TRUE(says(refusal(reserve(cpus_of(1, reserved + "revocable { }"))), "Revocable"));
  EXPECT_TRUE(says(refusal(parse("type: RESERVE reserve { source " + cpus_of(1, allocated) +
                                 " resources " + cpus_of(1, reserved) + " }")),
                   "`source`"));
  EXPECT_EQ(refusal(reserve(cpus_of(1, "reservations { type: DYNAMIC role: 'z' }")), {}), "");
  EXPECT_TRUE(says(refusal(reserve(cpus_of(1, reserved)), {}), "operator API"));
}

TEST(Unreserve, IsOfDynamicReservationsWithoutAVolume) {
  EXPECT_EQ(refusal(unreserve(cpus_of(1, reserved))), "");
  EXPECT_TRUE(says(refusal(unreserve(cpus_of(1, allocated))), "is not dynamically reserved"));
  EXPECT_TRUE(
      says(refusal(unreserve(cpus_of(1, allocated + "role: 'a'"))), "is not dynamically reserved"));
  EXPECT_TRUE(
      says(refusal(unreserve(disk_of(64, persistence()))), "destroy the persistent volume"));
}

TEST(Create, MakesWritableVolumesOfReservedDisk) {
  const auto created = [](const std::string& more) { return refusal(create(disk_of(64, more))); };
  EXPECT_EQ(created(persistence()), "");
  EXPECT_TRUE(says(created(reserved), "is not a persistent volume"));
  EXPECT_TRUE(says(created(persistence("mode: RO container_path: 'data'")), "Read-only"));
  EXPECT_TRUE(says(created(persistence("mode: RW host_path: '/x' container_path: 'data'")),
                   "'host_path' to be unset"));
  EXPECT_TRUE(
      says(created(persistence("mode: RW container_path: '../data'")), "leaves the sandbox"));
  EXPECT_TRUE(says(created(persistence("mode: RW container_path: 'a/../../b'")), "leaves"));
  EXPECT_TRUE(says(created(persistence("mode: RW container_path: ''")), "'container_path'"));
  EXPECT_TRUE(says(created(persistence("mode: RW container_path: 'd'", "id: 'a/b' principal: 'p'")),
                   "Invalid resources: "));
  EXPECT_TRUE(says(created(persistence("mode: RW container_path: 'd'", "id: 'v'")),
                   "no principal set in `DiskInfo.Persistence`"));
  EXPECT_TRUE(says(created(persistence("mode: RW container_path: 'd'", "id: 'v' principal: 'q'")),
                   "with principal 'q'"));
  EXPECT_TRUE(says(created(allocated + "disk { persistence { id: 'v' principal: 'p' } volume { "
                                       "mode: RW container_path: 'data' } }"),
                   "unreserved"));
  EXPECT_TRUE(says(created(persistence() + "shared { }"), "SHARED_RESOURCES"));
  EXPECT_EQ(refusal(create(disk_of(64, persistence() + "shared { }")), {"p", &roles, true}), "");
  EXPECT_TRUE(says(
      refusal(create(disk_of(64, persistence())), framework(), volume_resources().unallocated()),
      "Persistence ID 'v' is not unique"));
  for (const std::string shared : {"", "shared { }"}) {
    const std::string one = "volumes " + disk_of(64, persistence() + shared);
    EXPECT_TRUE(
        says(refusal(parse("type: CREATE create { " + one + one + " }"), {"p", &roles, true}),
             "Persistence ID 'v' is not unique"));
  }
}

TEST(Destroy, IsOfVolumesThatAreThereAndUnused) {
  const Resources total = volume_resources().unallocated();
  EXPECT_EQ(refusal(destroy(disk_of(64, persistence())), framework(), total), "");
  EXPECT_EQ(refusal(destroy(disk_of(64, persistence())), framework(), {}),
            "Persistent volumes not found");
  EXPECT_EQ(refusal(destroy(disk_of(65, persistence())), framework(), total),
            "Persistent volumes not found");
  EXPECT_EQ(refusal(destroy(disk_of(64, persistence())), framework(), total, total),
            "Persistent volumes in use");
  EXPECT_TRUE(says(refusal(destroy(disk_of(64, reserved))), "is not a persistent volume"));
}

TEST(GrowAndShrink, ArePositiveAndOfOneKind) {
  const std::string volume = disk_of(64, persistence());
  EXPECT_EQ(refusal(grow(volume, disk_of(8, reserved))), "");
  EXPECT_TRUE(says(refusal(grow(volume, disk_of(0, reserved))), "greater than zero"));
  EXPECT_TRUE(says(refusal(grow(volume, disk_of(8, allocated))), "Incompatible resources"));
  EXPECT_TRUE(says(refusal(grow(disk_of(64, reserved), disk_of(8, reserved))), "not a persistent"));
  EXPECT_TRUE(says(refusal(grow(disk_of(64, persistence() + "shared { }"), disk_of(8, reserved))),
                   "Growing a shared"));
  EXPECT_EQ(refusal(shrink(volume, 8)), "");
  EXPECT_TRUE(says(refusal(shrink(volume, 0)), "greater than zero"));
  EXPECT_TRUE(says(refusal(shrink(volume, 64)), "smaller than that of the volume"));
  EXPECT_TRUE(says(refusal(shrink(disk_of(64, persistence() + "shared { }"), 8)), "shared"));
  const std::string mounted =
      reserved +
      "disk { persistence { id: 'v' } volume { mode: RW container_path: 'd' } source { "
      "type: MOUNT mount { root: '/m' } } } ";
  EXPECT_TRUE(says(refusal(shrink(disk_of(64, mounted), 8)), "MOUNT"));
}

TEST(Operations, OthersAreRefused) {
  EXPECT_FALSE(converts(parse("type: CREATE_DISK")));
  EXPECT_FALSE(converts(parse("type: RESERVE")));
  EXPECT_TRUE(says(refusal(parse("type: CREATE_DISK")), "CREATE_DISK"));
  EXPECT_FALSE(conversion_of(parse("type: LAUNCH")).has_value());
}

TEST(Conversions, KeepEveryAmount) {
  const std::string volume = disk_of(64, persistence());
  const std::string refined =
      allocated +
      "reservations { type: DYNAMIC role: 'a' } reservations { type: DYNAMIC role: "
      "'a/b' } ";
  for (const Operation& operation :
       {reserve(cpus_of(0.1, reserved)), reserve(cpus_of(2, refined)),
        unreserve(cpus_of(0.3, reserved)), create(volume), destroy(volume),
        grow(volume, disk_of(8.001, reserved)), shrink(volume, 0.001)}) {
    const auto conversion = conversion_of(operation);
    ASSERT_TRUE(conversion.has_value()) << operation.ShortDebugString();
    EXPECT_EQ(conversion->from.quantities(), conversion->to.quantities());
    EXPECT_FALSE(conversion->from == conversion->to);
  }
}

TEST(Conversions, UndoEachOther) {
  const std::string volume = disk_of(64, persistence());
  const auto made = conversion_of(create(volume)), gone = conversion_of(destroy(volume));
  EXPECT_EQ(made->from, gone->to);
  EXPECT_EQ(made->to, gone->from);
  const auto grown = conversion_of(grow(volume, disk_of(8, reserved)));
  const auto back = conversion_of(shrink(disk_of(72, persistence()), 8));
  EXPECT_EQ(grown->to, back->from);
  EXPECT_EQ(grown->from, back->to);
}

TEST(Conversions, TakeOffTheLatestReservation) {
  const auto refined = conversion_of(
      reserve(cpus_of(2,
                      "reservations { type: STATIC role: 'a' } reservations { type: DYNAMIC "
                      "role: 'a/b' }")));
  EXPECT_EQ(refined->from.describe(), "cpus(reservations: [(STATIC,a)]):2");
}

TEST(AgentTotal, ComesBackFromItsFlagsAndWhatWasKept) {
  const Resources flags = Resources::of({{cpus, 4000}, {disk, 1'000'000}});
  Resources total = flags;
  for (const Operation& operation : {reserve(cpus_of(1, reserved)), reserve(disk_of(100, reserved)),
                                     create(disk_of(64, persistence()))}) {
    const auto conversion = conversion_of(operation);
    ASSERT_TRUE(total.contains(conversion->from.unallocated()));
    total -= conversion->from.unallocated();
    total += conversion->to.unallocated();
  }
  const Resources kept = converted(total);
  EXPECT_EQ(as_configured(total), flags);
  EXPECT_EQ(*restored(flags, kept), total);
  const auto less = restored(Resources::of({{cpus, 4000}, {disk, 99'000}}), kept);
  ASSERT_FALSE(less.has_value());
  EXPECT_TRUE(says(less.error().message, "does not contain"));
}

TEST(VolumePaths, SpellNestedRolesWithoutSlashes) {
  const auto made = conversion_of(
      create(disk_of(64,
                     "reservations { type: DYNAMIC role: 'a/b' } disk { persistence { id: 'v' } "
                     "volume { mode: RW container_path: 'd' } }")));
  EXPECT_EQ(volume_path(made->to.entries().front()), "volumes/roles/a b/v");
}

}  // namespace
}  // namespace mesolith::model
