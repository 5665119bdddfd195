// SPDX-License-Identifier: Apache-2.0
#include "os/beneath.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

namespace mesolith::os {
namespace {

namespace fs = std::filesystem;

class BeneathTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "beneath-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    top = pattern;
    fs::create_directories(top + "/in");
    fs::create_directories(top + "/out");
    auto opened = Beneath::open(top + "/in");
    ASSERT_TRUE(opened);
    beneath.emplace(*std::move(opened));
  }
  void TearDown() override { fs::remove_all(top); }
  bool outside_is_empty() { return fs::is_empty(top + "/out"); }

  std::string top;
  std::optional<Beneath> beneath;
};

TEST_F(BeneathTest, MakesWhatIsAskedFor) {
  ASSERT_TRUE(beneath->make_directory("d", 0700));
  const auto file = beneath->make_file("d/e/f");
  ASSERT_TRUE(file);
  EXPECT_EQ(::write(file->get(), "x", 1), 1);
  EXPECT_TRUE(beneath->make_hard_link("again", "d/e/f"));
  EXPECT_TRUE(beneath->make_hard_link("again", "d/e/f"));
  EXPECT_TRUE(beneath->make_symbolic_link("d/link", "e/f"));
  EXPECT_EQ(fs::file_size(top + "/in/d/link"), 1u);
  EXPECT_EQ(fs::hard_link_count(top + "/in/again"), 2u);
  EXPECT_EQ(beneath->directories_made(), 2u);
  // A file takes the place of a file or a link, not of a directory.
  EXPECT_TRUE(beneath->make_file("d/link"));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(top + "/in/d/link")));
  EXPECT_EQ(fs::file_size(top + "/in/again"), 1u);
  EXPECT_FALSE(beneath->make_file("d/e"));
  EXPECT_FALSE(beneath->make_hard_link("x", "d"));
  EXPECT_FALSE(beneath->make_hard_link("x", "nothing"));
}

TEST_F(BeneathTest, NothingIsMadeThroughALink) {
  fs::create_directory_symlink(top + "/out", top + "/in/absolute");
  fs::create_directory_symlink("../out", top + "/in/relative");
  fs::create_directory(top + "/in/real");
  fs::create_directory_symlink("real", top + "/in/within");
  for (const std::string link : {"absolute", "relative", "within"}) {
    EXPECT_EQ(beneath->make_file(link + "/x").error().code, Code::forbidden);
    EXPECT_EQ(beneath->make_file(link + "/x/y").error().code, Code::forbidden);
    EXPECT_FALSE(beneath->make_directory(link, 0700));
    EXPECT_FALSE(beneath->make_directory(link + "/d", 0700));
    EXPECT_FALSE(beneath->make_symbolic_link(link + "/l", "x"));
    EXPECT_FALSE(beneath->make_hard_link("h", link));
  }
  EXPECT_TRUE(outside_is_empty());
  for (const std::string path : {"..", "../x", "a/../../x", ".", "", "/tmp/x", "a/.."}) {
    EXPECT_FALSE(beneath->make_file(path)) << path;
  }
  EXPECT_TRUE(outside_is_empty());
}

// A directory that becomes a link to the outside and back again, while files are made below it.
TEST_F(BeneathTest, ARaceLeadsNowhereElse) {
  fs::create_directory(top + "/in/d");
  fs::create_directory_symlink(top + "/out", top + "/in/link");
  std::atomic<bool> done = false;
  std::thread swapper([&] {
    const std::string a = top + "/in/d", b = top + "/in/link";
    while (!done) ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
  });
  int made = 0, refused = 0;
  for (int i = 0; i < 20'000 || ((made == 0 || refused == 0) && i < 2'000'000); ++i) {
    (beneath->make_file("d/file") ? made : refused)++;
  }
  done = true;
  swapper.join();
  EXPECT_GT(made, 0);
  EXPECT_GT(refused, 0);
  EXPECT_TRUE(outside_is_empty());
}

}  // namespace
}  // namespace mesolith::os
