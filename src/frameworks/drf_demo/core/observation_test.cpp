// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/core/observation.hpp"

#include <gtest/gtest.h>

namespace mesolith::frameworks::drf_demo {
namespace {

constexpr std::string_view slaves = R"({"slaves":[
  {"id":"S0","active":true,"resources":{"cpus":4.0,"mem":4096.0,"disk":10000,"gpus":0,
   "ports":"[31000-32000]"},"used_resources":{"cpus":1.5}},
  {"id":"S1","active":false,"resources":{"cpus":64,"mem":1000}},
  {"id":"S2","resources":{"cpus":0.3,"mem":4}}],"recovered_slaves":[]})";
constexpr std::string_view frameworks = R"({"frameworks":[
  {"id":"f1","name":"A","role":"*","active":true,"used_resources":{"cpus":3,"mem":1500},
   "offered_resources":{"cpus":1},"tasks":[
     {"id":"t1","state":"TASK_RUNNING","resources":{"cpus":1.5,"mem":750,"ports":"[1-2]"}},
     {"id":"t2","state":"TASK_STAGING","resources":{"cpus":1.5,"mem":750}}]},
  {"id":"f2","name":"B","roles":["dev","ops"],"active":false,"used_resources":{},"tasks":[]}],
  "completed_frameworks":[{"id":"f0"}]})";

TEST(Observation, ReadsTheMastersJson) {
  const auto seen = parse_observation(slaves, frameworks);
  ASSERT_TRUE(seen.has_value()) << seen.error().message;
  EXPECT_EQ(seen->totals.get(model::cpus), 4300);
  EXPECT_EQ(seen->totals.get(model::mem), 4100000);
  EXPECT_EQ(seen->totals.get(model::ports), 0);
  ASSERT_EQ(seen->frameworks.size(), 2u);
  EXPECT_EQ(seen->frameworks[0].name, "A");
  EXPECT_EQ(seen->frameworks[0].role, "*");
  EXPECT_EQ(seen->frameworks[0].tasks, 2u);
  EXPECT_EQ(seen->frameworks[0].used.get(model::cpus), 3000);
  EXPECT_EQ(seen->frameworks[0].demand.get(model::cpus), 1500);
  EXPECT_EQ(seen->frameworks[1].role, "dev");
  EXPECT_FALSE(seen->frameworks[1].active);
  EXPECT_TRUE(seen->frameworks[1].demand.empty());
}

TEST(Observation, OneStateDocumentServesTwice) {
  const std::string state =
      R"({"slaves":[{"resources":{"cpus":2}}],
          "frameworks":[{"id":"f","used_resources":{"cpus":1}}]})";
  const auto seen = parse_observation(state, state);
  ASSERT_TRUE(seen.has_value());
  EXPECT_DOUBLE_EQ(dominant_share(seen->frameworks[0].used, seen->totals), 0.5);
}

TEST(Observation, WhatIsReservedForOthersDoesNotCount) {
  const auto total_cpus = [](const std::string& role) {
    const auto seen = parse_observation(
        R"({"slaves":[{"resources":{"cpus":32},"unreserved_resources":{"cpus":20},
            "reserved_resources":{"dev":{"cpus":8},"ops":{"cpus":4}}}]})",
        R"({"frameworks":[{"id":"f","role":")" + role + R"("}]})");
    return seen ? seen->totals.get(model::cpus) : -1;
  };
  EXPECT_EQ(total_cpus("*"), 20000);
  EXPECT_EQ(total_cpus("dev"), 28000);
  EXPECT_EQ(total_cpus("dev/team"), 28000);
  EXPECT_EQ(total_cpus("device"), 20000);
}

TEST(Observation, SaysWhatIsWrong) {
  EXPECT_EQ(parse_observation("", frameworks).error().code, Code::invalid);
  EXPECT_EQ(parse_observation("[]", frameworks).error().code, Code::invalid);
  EXPECT_EQ(parse_observation(R"({"slaves":3})", frameworks).error().code, Code::invalid);
  EXPECT_EQ(parse_observation(slaves, "{").error().code, Code::invalid);
  EXPECT_TRUE(parse_observation(R"({"slaves":[1,null]})", R"({"frameworks":[2,{}]})").has_value());
}

TEST(Observation, TheDominantShareIsTheLargest) {
  const model::Quantities totals{{model::cpus, 9000}, {model::mem, 18000}};
  EXPECT_DOUBLE_EQ(dominant_share({{model::cpus, 3000}, {model::mem, 12000}}, totals), 2.0 / 3);
  EXPECT_EQ(dominant_resource({{model::cpus, 3000}, {model::mem, 12000}}, totals), "mem");
  EXPECT_EQ(dominant_share({}, totals), 0);
  EXPECT_EQ(dominant_share({{model::gpus, 1000}}, totals), 0);  // there are none
}

}  // namespace
}  // namespace mesolith::frameworks::drf_demo
