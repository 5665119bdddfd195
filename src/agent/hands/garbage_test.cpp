// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/garbage.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace mesolith::agent {
namespace {

namespace fs = std::filesystem;

class Disk : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "garbage-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    work_dir = name;
  }
  void TearDown() override { fs::remove_all(work_dir); }

  std::string make_run(const std::string& agent, const std::string& framework,
                       const std::string& executor, const std::string& container, time_t modified) {
    const std::string runs = work_dir + "/slaves/" + agent + "/frameworks/" + framework +
                             "/executors/" + executor + "/runs";
    fs::create_directories(runs + "/" + container);
    std::ofstream(runs + "/" + container + "/stdout") << "said";
    fs::remove(runs + "/latest");
    fs::create_symlink(container, runs + "/latest");
    const timespec times[2] = {{modified, 0}, {modified, 0}};
    EXPECT_EQ(::utimensat(AT_FDCWD, (runs + "/" + container).c_str(), times, 0), 0);
    return runs + "/" + container;
  }

  std::string work_dir;
};

TEST_F(Disk, FindsTheOldest) {
  const std::string second = make_run("S0", "F", "E", "c2", 2000);
  const std::string first = make_run("S0", "F", "E", "c1", 1000);
  const std::string other = make_run("S1", "G", "X", "c3", 3000);
  const SandboxesOnDisk all = find_sandboxes(work_dir, 10);
  ASSERT_EQ(all.oldest.size(), 3u);
  EXPECT_TRUE(all.all);
  EXPECT_EQ(all.oldest[0].directory, first);
  EXPECT_EQ(all.oldest[0].modified, Time(std::chrono::seconds(1000)));
  EXPECT_EQ(all.oldest[2].directory, other);
  const SandboxesOnDisk some = find_sandboxes(work_dir, 2);
  EXPECT_FALSE(some.all);
  ASSERT_EQ(some.oldest.size(), 2u);
  EXPECT_EQ(some.oldest[1].directory, second);
  EXPECT_TRUE(find_sandboxes(work_dir + "/nowhere", 2).oldest.empty());
}

TEST_F(Disk, RemovesWhatHeldNothingElse) {
  const std::string first = make_run("S0", "F", "E", "c1", 1);
  const std::string second = make_run("S0", "F", "E", "c2", 2);
  const std::string own = work_dir + "/slaves/S0";
  EXPECT_EQ(remove_sandboxes({first}, own).succeeded, 1u);
  EXPECT_FALSE(fs::exists(first));
  EXPECT_TRUE(fs::exists(own + "/frameworks/F/executors/E/runs/latest/stdout"));
  EXPECT_EQ(remove_sandboxes({second, second}, own).succeeded, 2u);
  EXPECT_FALSE(fs::exists(own + "/frameworks/F"));
  EXPECT_TRUE(fs::exists(own));
  const std::string foreign = make_run("S9", "F", "E", "c1", 1);
  remove_sandboxes({foreign}, own);
  EXPECT_FALSE(fs::exists(work_dir + "/slaves/S9"));
}

TEST_F(Disk, LinksAreNotFollowed) {
  const std::string run = make_run("S0", "F", "E", "c1", 1);
  fs::create_directories(work_dir + "/precious");
  std::ofstream(work_dir + "/precious/file") << "kept";
  fs::create_directory_symlink(work_dir + "/precious", run + "/link");
  EXPECT_EQ(remove_sandboxes({run}, work_dir + "/slaves/S0").succeeded, 1u);
  EXPECT_TRUE(fs::exists(work_dir + "/precious/file"));
}

TEST_F(Disk, WhatIsNoSandboxStays) {
  make_run("S0", "F", "E", "c1", 1);
  for (const std::string& directory :
       {work_dir, work_dir + "/slaves/S0", work_dir + "/slaves/S0/frameworks/F/executors/E/runs",
        std::string("runs/x"), std::string("/")}) {
    EXPECT_EQ(remove_sandboxes({directory}, "").failed, 1u) << directory;
  }
  EXPECT_EQ(find_sandboxes(work_dir, 9).oldest.size(), 1u);
}

}  // namespace
}  // namespace mesolith::agent
