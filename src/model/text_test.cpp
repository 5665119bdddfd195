// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model/attributes.hpp"
#include "model/resource_text.hpp"
#include "model/value_text.hpp"

namespace mesolith::model {
namespace {

TEST(ResourceText, Simple) {
  const auto parsed =
      parse_resources("cpus:4;mem:1024; ports:[31000-32000] ;disk(role):100;set:{a,b}");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(
      parsed->describe(),
      "cpus:4; mem:1024; ports:[31000-32000]; disk(reservations: [(STATIC,role)]):100; set:{a, b}");
}

TEST(ResourceText, DefaultRoleAndSums) {
  EXPECT_EQ(parse_resources("cpus:4;cpus:0.5", "*")->scalar(cpus), 4500);
  EXPECT_EQ(parse_resources("cpus:4;mem(*):1", "dev")->describe(),
            "cpus(reservations: [(STATIC,dev)]):4; mem:1");
  EXPECT_TRUE(parse_resources("")->empty());
}

TEST(ResourceText, Json) {
  const auto parsed = parse_resources(R"([
    {"name":"cpus","type":"SCALAR","scalar":{"value":2.5}},
    {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":9}]}},
    {"name":"disk","type":"SCALAR","scalar":{"value":64},
     "disk":{"source":{"type":"MOUNT","mount":{"root":"/mnt/a"}}}}])");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->describe(), "cpus:2.5; ports:[1-9]; disk[MOUNT:/mnt/a]:64");
  EXPECT_EQ(parse_resources(R"([{"name":"cpus","type":"SCALAR","scalar":{"value":1}}])", "dev")
                ->describe(),
            "cpus(reservations: [(STATIC,dev)]):1");
  EXPECT_FALSE(parse_resources(R"([{"name":"cpus"}])"));
  EXPECT_FALSE(parse_resources(R"([{"name":)"));
  EXPECT_FALSE(parse_resources(R"([{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}])"));
}

TEST(ResourceText, ErrorsSayWhatAndWhere) {
  EXPECT_EQ(parse_resources("cpus:4;mem").error().message,
            "Bad value for resources: missing or extra ':' in 'mem'");
  EXPECT_EQ(parse_resources("disk(a:4").error().message,
            "Bad value for resources: mismatched parentheses in 'disk(a:4'");
  EXPECT_EQ(
      parse_resources("cpus:four").error().message,
      "Bad value for resources: the value in 'cpus:four' is none of a number, [1-2] and {a,b}");
  for (const char* wrong :
       {"cpus:-1", "cpus:", ":1", "cpus:1:2", "cpus:inf", "ports:[2-1]", "s:{a,a}", "s:{a,}", "s:{",
        "x(a)b:1", "x(a)(b):1", "x():1", "x(a b):1"}) {
    EXPECT_FALSE(parse_resources(wrong)) << wrong;
  }
}

TEST(Attributes, Kinds) {
  const auto parsed = parse_attributes("rack:2;zone:a;r:[1-3];tags:{x,y};url:http://h:80;size:4.5");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 6);
  EXPECT_EQ(parsed->Get(0).type(), mesos::v1::Value::SCALAR);
  EXPECT_EQ(parsed->Get(0).scalar().value(), 2.0);
  EXPECT_EQ(parsed->Get(1).type(), mesos::v1::Value::TEXT);
  EXPECT_EQ(parsed->Get(2).type(), mesos::v1::Value::RANGES);
  EXPECT_EQ(parsed->Get(3).type(), mesos::v1::Value::SET);
  EXPECT_EQ(parsed->Get(4).text().value(), "http://h:80");
  EXPECT_EQ(describe(*parsed), "rack:2; zone:a; r:[1-3]; tags:{x, y}; url:http://h:80; size:4.5");
  EXPECT_EQ(describe(*parse_attributes(describe(*parsed))), describe(*parsed));
}

TEST(Attributes, Errors) {
  EXPECT_TRUE(parse_attributes("")->empty());
  EXPECT_EQ(parse_attributes("a:b;rack").error().message,
            "Invalid attribute 'rack': it is not of the form key:value");
  for (const char* wrong : {"rack:", ":2", "r:[3-1]", "s:{a,a}"})
    EXPECT_FALSE(parse_attributes(wrong)) << wrong;
  EXPECT_EQ(parse_attributes("a:nan")->Get(0).type(), mesos::v1::Value::TEXT);
}

TEST(ValueText, Numbers) {
  EXPECT_EQ(value_text::number(" 1.5 "), 1.5);
  EXPECT_EQ(value_text::number("1e3"), 1000);
  for (const char* wrong : {"", "x", "1x", "inf", "nan", "1e999", "1 2"}) {
    EXPECT_FALSE(value_text::number(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace mesolith::model
