// SPDX-License-Identifier: Apache-2.0
// The messages are those of transcripts of a real master.
#include "model/framework_info.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace mesolith::model {
namespace {

using mesos::v1::FrameworkInfo;

FrameworkInfo framework(std::vector<std::string> roles, bool multi_role = true) {
  FrameworkInfo info;
  info.set_user("root");
  info.set_name("demo");
  for (auto& role : roles) info.add_roles(role);
  if (multi_role) info.add_capabilities()->set_type(FrameworkInfo::Capability::MULTI_ROLE);
  return info;
}

std::string message(const FrameworkInfo& info) {
  auto valid = validate_framework_info(info);
  return valid ? "accepted" : valid.error().message;
}

TEST(FrameworkInfo, Roles) {
  EXPECT_EQ(message(framework({"demo"})), "accepted");
  EXPECT_EQ(message(framework({})), "accepted");
  EXPECT_EQ(message(framework({}, false)), "accepted");
  FrameworkInfo both = framework({"demo"});
  both.set_role("x");
  EXPECT_EQ(message(both),
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable");
  EXPECT_EQ(message(framework({"demo"}, false)),
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable");
  EXPECT_EQ(
      message(framework({"a b"})),
      "'FrameworkInfo.roles' contains invalid role: Role component 'a b' is invalid because it "
      "contains backspace or whitespace");
  EXPECT_EQ(
      message(framework({"-a"})),
      "'FrameworkInfo.roles' contains invalid role: Role component '-a' is invalid because it "
      "starts with a dash");
  EXPECT_EQ(message(framework({"a", "a"})),
            "'FrameworkInfo.roles' contains duplicate items: { a }");
}

TEST(FrameworkInfo, IdAndTimeout) {
  FrameworkInfo info = framework({"demo"});
  info.mutable_id()->set_value("");
  EXPECT_EQ(message(info), "accepted");
  info.mutable_id()->set_value("a/b");
  EXPECT_EQ(message(info), "'a/b' contains invalid characters");
  info.clear_id();
  info.set_failover_timeout(1e300);
  EXPECT_EQ(message(info), "The framework failover_timeout (1e+300) is invalid");
  info.set_failover_timeout(std::numeric_limits<double>::quiet_NaN());
  EXPECT_NE(message(info), "accepted");
  info.set_failover_timeout(86400);
  EXPECT_EQ(message(info), "accepted");
  EXPECT_EQ(failover_timeout_of(info), std::chrono::hours(24));
  info.set_failover_timeout(-5);
  EXPECT_EQ(failover_timeout_of(info), Duration::zero());
}

TEST(FrameworkInfo, OfferFilters) {
  FrameworkInfo info = framework({"demo"});
  auto* filters = (*info.mutable_offer_filters())["demo"].mutable_min_allocatable_resources();
  auto* quantities = filters->add_quantities();
  EXPECT_NE(message(info), "accepted");
  (*quantities->mutable_quantities())["cpus"].set_value(1);
  EXPECT_EQ(message(info), "accepted");
  for (double wrong :
       {-1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    (*quantities->mutable_quantities())["cpus"].set_value(wrong);
    EXPECT_NE(message(info), "accepted");
  }
}

TEST(FrameworkInfo, SuppressedRolesAreSubscribed) {
  const FrameworkInfo info = framework({"demo", "b"});
  EXPECT_TRUE(validate_suppressed_roles(info, {"demo"}));
  EXPECT_EQ(validate_suppressed_roles(info, {"demo", "zzz"}).error().message,
            "Suppressed roles { zzz } are not contained in the set of roles");
}

TEST(FrameworkInfo, RolesOf) {
  EXPECT_EQ(roles_of(framework({"b", "a"})), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(roles_of(framework({}, false)), (std::set<std::string>{"*"}));
  FrameworkInfo old = framework({}, false);
  old.set_role("x");
  EXPECT_EQ(roles_of(old), (std::set<std::string>{"x"}));
  EXPECT_FALSE(has_capability(old, FrameworkInfo::Capability::PARTITION_AWARE));
}

}  // namespace
}  // namespace mesolith::model
