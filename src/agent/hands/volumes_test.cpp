// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/volumes.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace mesolith::agent {
namespace {

namespace fs = std::filesystem;

class Volumes : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "mesolith-volumes-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string at(const std::string& name) const { return (root_ / name).native(); }
  void write(const std::string& name) const { std::ofstream(root_ / name) << "x"; }
  bool there(const std::string& name) const { return fs::exists(fs::symlink_status(root_ / name)); }
  Result<void> link(const std::string& where) const {
    return link_volumes(at("sandbox"), {{at("volume"), where}}, std::nullopt);
  }

  fs::path root_;
};

TEST_F(Volumes, AreMadeOnce) {
  ASSERT_TRUE(make_volume(at("volumes/roles/a b/v")).has_value());
  write("volumes/roles/a b/v/file");
  ASSERT_TRUE(make_volume(at("volumes/roles/a b/v")).has_value());
  EXPECT_TRUE(there("volumes/roles/a b/v/file"));
}

TEST_F(Volumes, AreMovedAsideOnce) {
  ASSERT_TRUE(make_volume(at("v")).has_value());
  write("v/old");
  ASSERT_TRUE(remove_volume(at("v"), at("removed/1")).has_value());
  EXPECT_FALSE(there("v"));
  EXPECT_TRUE(there("removed/1/old"));
  ASSERT_TRUE(make_volume(at("v")).has_value());
  write("v/new");
  ASSERT_TRUE(remove_volume(at("v"), at("removed/1")).has_value());  // said again after a restart
  EXPECT_TRUE(there("v/new"));
}

TEST_F(Volumes, ThatNeverWereLeaveTheMarkThatTheyAreGone) {
  ASSERT_TRUE(remove_volume(at("v"), at("removed/1")).has_value());
  ASSERT_TRUE(make_volume(at("v")).has_value());
  ASSERT_TRUE(remove_volume(at("v"), at("removed/1")).has_value());
  EXPECT_TRUE(there("v"));
}

TEST_F(Volumes, AreDiscardedButForThoseToKeep) {
  for (const char* name : {"1", "2"}) {
    ASSERT_TRUE(make_volume(at("v")).has_value());
    write("v/file");
    ASSERT_TRUE(remove_volume(at("v"), at(std::string("removed/") + name)).has_value());
  }
  const auto discarded = discarded_volumes({at("removed"), at("none")}, {at("removed/2")});
  ASSERT_TRUE(make_volume(at("v")).has_value());
  ASSERT_TRUE(remove_volume(at("v"), at("removed/3")).has_value());  // after the look
  discard_volumes(discarded);
  EXPECT_FALSE(there("removed/1"));
  EXPECT_TRUE(there("removed/2/file"));
  EXPECT_TRUE(there("removed/3"));
}

TEST_F(Volumes, AreLinkedIntoTheSandbox) {
  ASSERT_TRUE(make_volume(at("volume")).has_value());
  for (const char* where : {"data", "a/b/data", "./again", "slash/"}) {
    ASSERT_TRUE(link(where).has_value()) << where;
    ASSERT_TRUE(link(where).has_value()) << where;  // a second task of the same executor
    EXPECT_TRUE(fs::equivalent(root_ / "sandbox" / where, root_ / "volume"));
  }
}

TEST_F(Volumes, NeverLeaveTheSandbox) {
  ASSERT_TRUE(make_volume(at("volume")).has_value());
  ASSERT_TRUE(make_volume(at("outside")).has_value());
  ASSERT_TRUE(make_volume(at("sandbox")).has_value());
  fs::create_symlink(at("outside"), at("sandbox/door"));
  write("sandbox/file");
  for (const char* where :
       {"/etc/data", "../data", "a/../../data", "", "door/data", "file", "file/data"}) {
    EXPECT_FALSE(link(where).has_value()) << where;
  }
  EXPECT_TRUE(fs::is_empty(root_ / "outside"));
}

TEST_F(Volumes, ThatAreMissingAreNotLinked) {
  EXPECT_FALSE(link("data").has_value());
  EXPECT_FALSE(there("sandbox/data"));
}

}  // namespace
}  // namespace mesolith::agent
