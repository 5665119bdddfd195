// SPDX-License-Identifier: Apache-2.0
#include "launcher/sandboxes.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace mesolith::launcher {
namespace {

namespace fs = std::filesystem;

class SandboxesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "sandboxes-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string root_;
  Sandboxes sandboxes_;
};

TEST_F(SandboxesTest, MakesTheDirectoryItsParentsAndTheFiles) {
  std::string directory = root_ + "/frameworks/f/executors/e/runs/c";
  auto outputs = sandboxes_.make(directory, std::nullopt);
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_EQ(os::file_status(directory)->mode & 07777, 0750u);
  EXPECT_EQ(os::file_status(root_ + "/frameworks/f/executors/e")->mode & 07777, 0755u);
  EXPECT_EQ(os::file_status(directory + "/stdout")->mode & 07777, 0644u);
  EXPECT_EQ(os::file_status(directory + "/stderr")->mode & 07777, 0644u);
  ASSERT_EQ(::write(outputs->standard_output.get(), "x", 1), 1);
  // Again: what is there is used and appended to.
  auto again = sandboxes_.make(directory, std::nullopt);
  ASSERT_TRUE(again);
  ASSERT_EQ(::write(again->standard_output.get(), "y", 1), 1);
  EXPECT_EQ(os::read_file(directory + "/stdout").value(), "xy");
}

TEST_F(SandboxesTest, SeesThatAHeldDirectoryIsGone) {
  ASSERT_TRUE(sandboxes_.make(root_ + "/a/b/c/d", std::nullopt));
  fs::remove_all(root_ + "/a");
  auto made = sandboxes_.make(root_ + "/a/b/c/e", std::nullopt);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(fs::exists(root_ + "/a/b/c/e/stdout"));
}

TEST_F(SandboxesTest, GivesItToItsOwner) {
  std::string directory = root_ + "/x/y/z";
  auto made = sandboxes_.make(directory, os::Identity{12345, 54321, {}});
  if (::geteuid() == 0) {
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(os::file_status(directory)->uid, 12345u);
    EXPECT_EQ(os::file_status(directory + "/stderr")->gid, 54321u);
    EXPECT_EQ(os::file_status(root_ + "/x/y")->uid, 0u);
  } else {
    EXPECT_EQ(made.error().code, Code::forbidden);
  }
}

TEST_F(SandboxesTest, RefusesPathsThatAreNone) {
  for (const char* wrong : {"", "relative", "/", "/a/../b", "/a//b", "/a/b/", "/a/./b"}) {
    auto made = sandboxes_.make(wrong, std::nullopt);
    ASSERT_FALSE(made) << wrong;
    EXPECT_EQ(made.error().code, Code::invalid);
  }
}

TEST_F(SandboxesTest, FollowsNoLinkForOutput) {
  ASSERT_TRUE(os::write_file_atomic(root_ + "/secret", "s"));
  fs::create_directories(root_ + "/a/b");
  fs::create_symlink(root_ + "/secret", root_ + "/a/b/stdout");
  EXPECT_FALSE(sandboxes_.make(root_ + "/a/b", std::nullopt));
  EXPECT_EQ(os::read_file(root_ + "/secret").value(), "s");
}

}  // namespace
}  // namespace mesolith::launcher
