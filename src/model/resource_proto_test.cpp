// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <limits>

#include "model/resources.hpp"

namespace mesolith::model {
namespace {

using Proto = mesos::v1::Resource;

Proto proto(const std::string& text) {
  Proto resource;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &resource)) << text;
  return resource;
}

Proto cpus_proto(double value, const std::string& more = "") {
  Proto resource = proto("name: 'cpus' type: SCALAR scalar { value: 0 } " + more);
  resource.mutable_scalar()->set_value(value);
  return resource;
}

std::string message(const Proto& resource) {
  auto parsed = Resources::parse(resource);
  return parsed ? "accepted" : parsed.error().message;
}

std::string shown(const Resources& resources, Format format,
                  Allocation allocation = Allocation::keep) {
  RepeatedResource out;
  resources.append_to(&out, format, allocation);
  std::string text;
  for (const auto& resource : out) text += resource.ShortDebugString() + ";";
  return text;
}

TEST(ResourceProto, ScalarsAreFiniteAndNotNegative) {
  EXPECT_EQ(message(cpus_proto(-1, "allocation_info { role: 'demo' }")),
            "Resource 'cpus(allocated: demo):-1' is invalid: Invalid scalar resource: value <= 0");
  EXPECT_EQ(message(cpus_proto(0.0004)),
            "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0");
  EXPECT_TRUE(Resources::parse(cpus_proto(0))->empty());
  EXPECT_FALSE(Resources::parse(cpus_proto(std::numeric_limits<double>::infinity())));
  EXPECT_FALSE(Resources::parse(cpus_proto(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(Resources::parse(cpus_proto(1e12)));
  EXPECT_FALSE(Resources::parse(cpus_proto(1.1e12)));
  EXPECT_FALSE(Resources::parse(cpus_proto(1e300)));
  EXPECT_EQ(Resources::parse(cpus_proto(0.1))->scalar(cpus), 100);
}

TEST(ResourceProto, ValueMustMatchItsType) {
  EXPECT_EQ(message(proto("name: '' type: SCALAR scalar { value: 1 }")),
            "Resource ':1' is invalid: Empty resource name");
  EXPECT_EQ(message(proto("name: 'x' type: SCALAR")),
            "Resource 'x:0' is invalid: Invalid scalar resource");
  EXPECT_EQ(message(proto("name: 'x' type: RANGES scalar { value: 1 }")),
            "Resource 'x:[]' is invalid: Invalid ranges resource");
  EXPECT_EQ(message(proto("name: 'x' type: SET set { item: 'a' item: 'a' }")),
            "Resource 'x:{a, a}' is invalid: Invalid set resource: duplicated elements");
  EXPECT_EQ(message(proto("name: 'x' type: TEXT")),
            "Resource 'x:?' is invalid: Unsupported resource type");
  EXPECT_EQ(message(proto("name: 'p' type: RANGES ranges { range { begin: 2 end: 1 } }")),
            "Resource 'p:[2-1]' is invalid: Invalid ranges resource: begin > end");
}

TEST(ResourceProto, DiskRules) {
  EXPECT_EQ(message(cpus_proto(1, "disk { }")),
            "Resource 'cpus[]:1' is invalid: DiskInfo should not be set for cpus resource");
  EXPECT_FALSE(Resources::parse(proto("name: 'disk' type: SCALAR scalar { value: 1 } shared { }")));
  EXPECT_FALSE(Resources::parse(
      proto("name: 'disk' type: SCALAR scalar { value: 1 } disk { persistence { id: 'a/b' } }")));
}

TEST(ResourceProto, OldAndNewFormatsAreTheSame) {
  const auto old_form =
      Resources::parse(cpus_proto(1, "role: 'a' reservation { principal: 'ops' }"));
  const auto new_form =
      Resources::parse(cpus_proto(1, "reservations { type: DYNAMIC role: 'a' principal: 'ops' }"));
  EXPECT_EQ(*old_form, *new_form);
  const auto old_static = Resources::parse(cpus_proto(1, "role: 'a'"));
  EXPECT_EQ(*old_static,
            *Resources::parse(cpus_proto(1, "reservations { type: STATIC role: 'a' }")));
  EXPECT_EQ(*Resources::parse(cpus_proto(1, "role: '*'")), Resources::of({{cpus, 1000}}));
}

TEST(ResourceProto, FormatsAsRecorded) {
  const Resources reserved =
      *Resources::parse(cpus_proto(0.5,
                                   "reservations { type: DYNAMIC role: 'a' principal: 'ops' } "
                                   "allocation_info { role: 'a' }"));
  EXPECT_EQ(shown(reserved, Format::post_reservation_refinement),
            "name: \"cpus\" type: SCALAR scalar { value: 0.5 } allocation_info { role: \"a\" } "
            "reservations { principal: \"ops\" role: \"a\" type: DYNAMIC };");
  EXPECT_EQ(shown(reserved, Format::pre_reservation_refinement, Allocation::strip),
            "name: \"cpus\" type: SCALAR scalar { value: 0.5 } role: \"a\" "
            "reservation { principal: \"ops\" };");
  EXPECT_EQ(shown(reserved, Format::endpoint, Allocation::strip),
            "name: \"cpus\" type: SCALAR scalar { value: 0.5 } role: \"a\" "
            "reservation { principal: \"ops\" } "
            "reservations { principal: \"ops\" role: \"a\" type: DYNAMIC };");
  const Resources plain = Resources::of({{cpus, 1000}});
  EXPECT_EQ(shown(plain, Format::post_reservation_refinement),
            "name: \"cpus\" type: SCALAR scalar { value: 1 };");
  EXPECT_EQ(shown(plain, Format::endpoint),
            "name: \"cpus\" type: SCALAR scalar { value: 1 } role: \"*\";");
}

TEST(ResourceProto, EveryFormatIsReadBack) {
  for (const char* more :
       {"", "role: 'a'", "reservations { type: DYNAMIC role: 'a' labels { labels { key: 'k' } } }",
        "allocation_info { role: 'x' } revocable { }", "provider_id { value: 'p' }"}) {
    const Resources resources = *Resources::parse(cpus_proto(1.5, more));
    for (Format format : {Format::pre_reservation_refinement, Format::post_reservation_refinement,
                          Format::endpoint}) {
      RepeatedResource out;
      resources.append_to(&out, format);
      EXPECT_EQ(*Resources::parse(out), resources) << more;
    }
  }
}

TEST(ResourceProto, ReservationRules) {
  const auto refused = [](const char* more) { return !Resources::parse(cpus_proto(1, more)); };
  EXPECT_TRUE(refused("role: '*' reservation { principal: 'x' }"));
  EXPECT_TRUE(refused("role: 'a b'"));
  EXPECT_TRUE(refused("reservations { role: 'a' }"));
  EXPECT_TRUE(refused("reservations { type: DYNAMIC }"));
  EXPECT_TRUE(refused("reservations { type: DYNAMIC role: '*' }"));
  EXPECT_TRUE(
      refused("reservations { type: DYNAMIC role: 'a' } reservations { type: DYNAMIC role: 'b' }"));
  EXPECT_TRUE(refused(
      "reservations { type: DYNAMIC role: 'a' } reservations { type: STATIC role: 'a/b' }"));
  EXPECT_FALSE(refused(
      "reservations { type: STATIC role: 'a' } reservations { type: DYNAMIC role: 'a/b' }"));
}

TEST(ResourceProto, PersistentVolumeText) {
  const Proto volume = proto(
      "name: 'disk' type: SCALAR scalar { value: 64 } "
      "reservations { type: DYNAMIC role: 'demo' principal: 'ops' } disk { persistence { id: 'v1' "
      "} "
      "volume { mode: RW container_path: 'data' } }");
  EXPECT_EQ(Resources::parse(volume)->describe(),
            "disk(reservations: [(DYNAMIC,demo,ops)])[v1:data]:64");
}

TEST(ResourceProto, OneWrongResourceIsNamed) {
  RepeatedResource resources;
  *resources.Add() = cpus_proto(1);
  *resources.Add() = cpus_proto(-2);
  EXPECT_EQ(Resources::parse(resources).error().message,
            "Resource 'cpus:-2' is invalid: Invalid scalar resource: value <= 0");
}

}  // namespace
}  // namespace mesolith::model
