// SPDX-License-Identifier: Apache-2.0
#include "coordination/master_address.hpp"

#include <gtest/gtest.h>

namespace mesolith::coordination {
namespace {

std::string error_of(std::string_view text) {
  auto result = parse_master_address(text);
  return result ? "none" : result.error().message;
}

TEST(MasterAddressTest, ReadsZooKeeper) {
  EXPECT_EQ(parse_master_address("zk://h1:2181,h2:2181/mesos").value(),
            MasterAddress(ZooKeeperAddress{"", "h1:2181,h2:2181", "/mesos"}));
  EXPECT_EQ(parse_master_address(" zk://host:1/a/b/\n").value(),
            MasterAddress(ZooKeeperAddress{"", "host:1", "/a/b/"}));
}

TEST(MasterAddressTest, CredentialsEndAtTheLastAtSignBeforeThePath) {
  EXPECT_EQ(parse_master_address("zk://user:p@ss@h1:1,h2:2/mesos@home").value(),
            MasterAddress(ZooKeeperAddress{"user:p@ss", "h1:1,h2:2", "/mesos@home"}));
}

TEST(MasterAddressTest, APathIsNeeded) {
  const std::string expected = "Expecting a (chroot) path for ZooKeeper ('/' is not supported)";
  EXPECT_EQ(error_of("zk://h1:2181"), expected);
  EXPECT_EQ(error_of("zk://h1:2181/"), expected);
  EXPECT_EQ(error_of("zk://"), expected);
}

TEST(MasterAddressTest, ReadsStandaloneFileAndLocal) {
  EXPECT_EQ(parse_master_address("example.org:5050").value(),
            MasterAddress(StandaloneAddress{"example.org", 5050}));
  EXPECT_EQ(parse_master_address("master@10.0.0.1:5050").value(),
            MasterAddress(StandaloneAddress{"10.0.0.1", 5050}));
  EXPECT_EQ(parse_master_address("[::1]:5050").value(),
            MasterAddress(StandaloneAddress{"::1", 5050}));
  EXPECT_EQ(parse_master_address("file:///etc/mesos/zk").value(),
            MasterAddress(FileAddress{"/etc/mesos/zk"}));
  EXPECT_EQ(parse_master_address("local").value(), MasterAddress(LocalAddress{}));
}

TEST(MasterAddressTest, SaysWhatIsWrong) {
  EXPECT_NE(error_of("").find("empty"), std::string::npos);
  EXPECT_NE(error_of(" \n").find("empty"), std::string::npos);
  EXPECT_NE(error_of("host").find("Failed to parse 'host'"), std::string::npos);
  for (const char* text : {"host:", "host:0", "host:65536", "host:-1", "host:80x", "host: 80"})
    EXPECT_NE(error_of(text).find("port must be 1 to 65535"), std::string::npos) << text;
  EXPECT_NE(error_of(":80").find("not a host"), std::string::npos);
  EXPECT_NE(error_of("http://host:80").find("schemes"), std::string::npos);
  EXPECT_NE(error_of("slave(1)@host:80").find("not a host"), std::string::npos);
  EXPECT_NE(error_of("::1:80").find("brackets"), std::string::npos);
  EXPECT_NE(error_of("file://relative").find("absolute"), std::string::npos);
  EXPECT_NE(error_of("zk://user@h:1/m").find("user:password"), std::string::npos);
  EXPECT_NE(error_of("zk://u:p@/m").find("at least one"), std::string::npos);
  EXPECT_NE(error_of("zk://a:1,,b:2/m").find("host:port,host:port"), std::string::npos);
  EXPECT_NE(error_of(std::string("a\0b:1", 5)).find("(code 0) at position 1"), std::string::npos);
  EXPECT_NE(error_of("master@\f\x01:55").find("(code 12) at position 7"), std::string::npos);
  EXPECT_EQ(parse_master_address(std::string(address_bytes_max + 1, 'x')).error().code,
            Code::too_large);
}

TEST(MasterAddressTest, DescribesWithoutPasswords) {
  for (const char* text : {"h:1", "[::1]:5050", "local", "file:///a/b", "zk://h1:1,h2:2/mesos"})
    EXPECT_EQ(describe(parse_master_address(text).value()), text);
  EXPECT_EQ(describe(parse_master_address("zk://u:secret@h:1/m").value()), "zk://u:***@h:1/m");
  EXPECT_EQ(error_of("zk://u:secret@/m").find("secret"), std::string::npos);
}

}  // namespace
}  // namespace mesolith::coordination
