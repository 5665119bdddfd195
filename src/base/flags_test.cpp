// SPDX-License-Identifier: Apache-2.0
#include "base/flags.hpp"

#include <gtest/gtest.h>

namespace mesolith {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;
using Kind = FlagSpec::Kind;

constexpr FlagSpec specs[] = {
    {"work_dir", Kind::text, std::nullopt, true, "where"},
    {"port", Kind::number, "5050", true, "port"},
    {"hostname_lookup", Kind::boolean, "true", true, ""},
    {"agent_ping_timeout", Kind::duration, "15secs", true, ""},
    {"modules", Kind::text, std::nullopt, false, ""},
};

Result<Flags> parse(const Words& arguments, const Words& environment = {}) {
  return Flags::parse(specs, arguments, environment);
}

TEST(FlagsTest, TheCommandLineWinsOverTheEnvironmentOverTheDefault) {
  const auto flags = parse({"--port=1"}, {"MESOS_PORT=2", "MESOS_WORK_DIR=/w", "MESOS_UNKNOWN=x"});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ(flags->number("port"), 1);
  EXPECT_EQ(flags->text("work_dir"), "/w");
  EXPECT_EQ(flags->duration("agent_ping_timeout"), Duration(15s));
}

TEST(FlagsTest, BooleansCanBeNegated) {
  EXPECT_FALSE(parse({"--no-hostname_lookup"})->boolean("hostname_lookup"));
  EXPECT_FALSE(parse({"--hostname_lookup=false"})->boolean("hostname_lookup"));
  EXPECT_FALSE(parse({}, {"MESOS_NO_HOSTNAME_LOOKUP="})->boolean("hostname_lookup"));
  EXPECT_TRUE(parse({"--hostname_lookup"})->boolean("hostname_lookup"));
}

TEST(FlagsTest, AValueMayBeTheNextWordAndDashesMayStandForUnderscores) {
  EXPECT_EQ(parse({"--port", "7", "rest"})->number("port"), 7);
  EXPECT_EQ(parse({"--port", "7", "rest"})->rest(), Words{"rest"});
  EXPECT_EQ(parse({"--work-dir=/w"})->text("work_dir"), "/w");
  EXPECT_FALSE(parse({"--port", "--hostname_lookup"}));
}

TEST(FlagsTest, SlaveAndAgentNamesAreOneFlag) {
  EXPECT_EQ(parse({"--slave_ping_timeout=1secs"})->duration("agent_ping_timeout"), Duration(1s));
}

TEST(FlagsTest, SaysWhichFlagIsWrongAndWhy) {
  EXPECT_NE(parse({"--prot=1"}).error().message.find("prot"), std::string::npos);
  EXPECT_NE(parse({"--port=x"}).error().message.find("whole number"), std::string::npos);
  EXPECT_NE(parse({"--port"}).error().message.find("--port=VALUE"), std::string::npos);
  EXPECT_NE(parse({"--agent_ping_timeout=5"}).error().message.find("unit"), std::string::npos);
}

TEST(FlagsTest, StopsAtTheDoubleDashAndKeepsTheRest) {
  const auto flags = parse({"--port=1", "a", "--", "--port=2"});
  EXPECT_EQ(flags->rest(), (Words{"a", "--port=2"}));
  EXPECT_EQ(flags->number("port"), 1);
}

TEST(FlagsTest, RemembersWhatHasNoEffect) {
  EXPECT_EQ(parse({"--modules=x"})->without_effect(), Words{"modules"});
}

TEST(BytesTest, ReadsTheUnitsOfTheFlags) {
  EXPECT_EQ(parse_bytes("4KB"), 4096u);
  EXPECT_EQ(parse_bytes("2GB"), 2ull << 30);
  EXPECT_FALSE(parse_bytes("4"));
  EXPECT_FALSE(parse_bytes("99999999TB"));
}

}  // namespace
}  // namespace mesolith
