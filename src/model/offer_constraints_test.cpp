// SPDX-License-Identifier: Apache-2.0
#include "model/offer_constraints.hpp"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace mesolith::model {
namespace {

mesos::v1::AgentInfo agent() {
  mesos::v1::AgentInfo info;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "hostname: 'h1' attributes { name: 'rack' type: TEXT text { value: 'r1' } } "
      "attributes { name: 'rack' type: TEXT text { value: 'r2' } } "
      "attributes { name: 'size' type: SCALAR scalar { value: 4 } } "
      "domain { fault_domain { region { name: 'north' } zone { name: 'z1' } } }",
      &info));
  return info;
}

Result<OfferConstraints> compile(const std::string& text) {
  OfferConstraints::Proto proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto)) << text;
  return OfferConstraints::compile(proto);
}
std::string constraint(const std::string& selector, const std::string& predicate) {
  return "attribute_constraints { selector { " + selector + " } predicate { " + predicate + " } } ";
}
std::string rack(const std::string& predicate) {
  return constraint("attribute_name: 'rack'", predicate);
}
bool admits(const std::string& groups) {
  const auto compiled = compile(groups);
  EXPECT_TRUE(compiled.has_value()) << groups;
  return compiled && compiled->admit(agent());
}
bool holds(const std::string& one) {
  return admits("groups { " + one + " }");
}

TEST(OfferConstraints, LookAtTheFirstAttributeOfAName) {
  EXPECT_TRUE(holds(rack("text_equals { value: 'r1' }")));
  EXPECT_FALSE(holds(rack("text_equals { value: 'r2' }")));
  EXPECT_FALSE(holds(rack("text_not_equals { value: 'r1' }")));
  EXPECT_TRUE(holds(rack("text_matches { regex: 'r[0-9]' }")));
  EXPECT_FALSE(holds(rack("text_not_matches { regex: 'r[0-9]' }")));
  EXPECT_TRUE(holds(rack("exists { }")));
  EXPECT_FALSE(holds(rack("not_exists { }")));
}

TEST(OfferConstraints, TextPredicatesAreTrueOfWhatIsNoText) {
  for (const char* predicate : {"text_equals { value: 'x' }", "text_not_equals { value: 'x' }",
                                "text_matches { regex: 'x' }", "text_not_matches { regex: 'x' }"}) {
    EXPECT_TRUE(holds(constraint("attribute_name: 'size'", predicate))) << predicate;
  }
}

TEST(OfferConstraints, OnlyNegatedPredicatesAreTrueOfWhatIsMissing) {
  const auto missing = [](const std::string& predicate) {
    return holds(constraint("attribute_name: 'none'", predicate));
  };
  EXPECT_FALSE(missing("exists { }"));
  EXPECT_TRUE(missing("not_exists { }"));
  EXPECT_FALSE(missing("text_equals { value: 'x' }"));
  EXPECT_TRUE(missing("text_not_equals { value: 'x' }"));
  EXPECT_FALSE(missing("text_matches { regex: '.*' }"));
  EXPECT_TRUE(missing("text_not_matches { regex: '.*' }"));
}

TEST(OfferConstraints, KnowHostAndDomain) {
  EXPECT_TRUE(holds(constraint("pseudoattribute_type: HOSTNAME", "text_equals { value: 'h1' }")));
  EXPECT_TRUE(holds(constraint("pseudoattribute_type: REGION", "text_equals { value: 'north' }")));
  EXPECT_TRUE(holds(constraint("pseudoattribute_type: ZONE", "text_matches { regex: 'z.' }")));
  mesos::v1::AgentInfo nowhere;
  nowhere.set_hostname("h2");
  const auto somewhere =
      compile("groups { " + constraint("pseudoattribute_type: ZONE", "exists { }") + " }");
  EXPECT_FALSE(somewhere->admit(nowhere));
}

TEST(OfferConstraints, AreAllOfAGroupAndAnyOfTheGroups) {
  const std::string yes = rack("exists { }"), no = rack("not_exists { }");
  EXPECT_FALSE(admits("groups { " + yes + no + " }"));
  EXPECT_TRUE(admits("groups { " + no + " } groups { " + yes + yes + " }"));
  EXPECT_FALSE(admits("groups { " + no + " } groups { " + yes + no + " }"));
}

TEST(OfferConstraints, WhatMakesNoSenseIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("groups { }"), "groups { " + rack("") + " }",
        "groups { " + constraint("", "exists { }") + " }",
        "groups { " + constraint("pseudoattribute_type: UNKNOWN", "exists { }") + " }",
        "groups { " + rack("text_matches { regex: '(' }") + " }",
        "groups { " + rack("text_matches { regex: 'a{100}' }") + " }"}) {
    EXPECT_FALSE(compile(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace mesolith::model
