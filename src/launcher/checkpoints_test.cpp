// SPDX-License-Identifier: Apache-2.0
#include "launcher/checkpoints.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "os/process.hpp"
#include "os/unix_socket.hpp"

namespace mesolith::launcher {
namespace {

namespace fs = std::filesystem;

class CheckpointsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "checkpoints-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  static void launch(Checkpoints& checkpoints, const std::string& id, int64_t pid) {
    Record::Launching launching;
    launching.set_container_id(id);
    launching.set_directory("/sandbox/" + id);
    checkpoints.launching(launching);
    Record::Running running;
    running.set_container_id(id);
    running.set_pid(pid);
    running.set_start_time_ticks(7);
    checkpoints.running(running);
  }
  std::string root_;
};

TEST_F(CheckpointsTest, RemembersWhatWasNotForgotten) {
  {
    auto checkpoints = Checkpoints::open(root_);
    ASSERT_TRUE(checkpoints);
    EXPECT_TRUE(checkpoints->memory().empty());
    for (int i = 1; i <= 3; ++i) launch(*checkpoints, "c" + std::to_string(i), i);
    Exited exited;
    exited.set_container_id("c2");
    exited.set_wait_status(256);
    checkpoints->exited(exited);
    checkpoints->forget("c3");
    checkpoints->flush();
    launch(*checkpoints, "never flushed", 9);
  }
  auto checkpoints = Checkpoints::open(root_);
  ASSERT_TRUE(checkpoints);
  const Memory& memory = checkpoints->memory();
  ASSERT_EQ(memory.size(), 2u);
  EXPECT_EQ(memory.at("c1").running->pid(), 1);
  EXPECT_EQ(memory.at("c1").launching.directory(), "/sandbox/c1");
  EXPECT_FALSE(memory.at("c1").exited);
  EXPECT_EQ(memory.at("c2").exited->wait_status(), 256);
}

TEST_F(CheckpointsTest, TheFileStaysSmallHoweverManyHavePassed) {
  auto checkpoints = Checkpoints::open(root_);
  ASSERT_TRUE(checkpoints);
  launch(*checkpoints, "stays", 1);
  for (int i = 0; i < 50'000; ++i) {
    std::string id = "c" + std::to_string(i);
    launch(*checkpoints, id, i);
    checkpoints->forget(id);
    checkpoints->flush();
  }
  EXPECT_LT(fs::file_size(root_ + "/containers"), 1u << 20);
  EXPECT_TRUE(Checkpoints::open(root_)->memory().contains("stays"));
}

TEST_F(CheckpointsTest, ATornEndIsIgnored) {
  {
    auto checkpoints = Checkpoints::open(root_);
    launch(*checkpoints, "one", 1);
    launch(*checkpoints, "two", 2);
    checkpoints->flush();
  }
  std::string content = os::read_file(root_ + "/containers").value();
  std::string boot = os::boot_id().value();
  size_t whole = 0;
  for (size_t size = 0; size <= content.size(); ++size) {
    Parsed parsed = parse_records(std::string_view(content).substr(0, size), boot);
    EXPECT_FALSE(parsed.damaged_at);
    EXPECT_GE(parsed.memory.size(), whole);  // more bytes never say less
    whole = parsed.memory.size();
  }
  EXPECT_EQ(whole, 2u);
  EXPECT_TRUE(parse_records(content, "another boot").memory.empty());
}

TEST_F(CheckpointsTest, GarbageIsToldAndKept) {
  {
    auto checkpoints = Checkpoints::open(root_);
    launch(*checkpoints, "one", 1);
    checkpoints->flush();
  }
  std::string content = os::read_file(root_ + "/containers").value();
  std::string boot = os::boot_id().value();
  EXPECT_EQ(parse_records("no records at all, but some text", boot).damaged_at, 0u);
  EXPECT_EQ(parse_records(content + "garbage", boot).damaged_at, content.size());
  EXPECT_EQ(parse_records(content + "garbage", boot).memory.size(), 1u);
  std::string headless;
  os::append_frame(headless, Record().SerializeAsString());
  EXPECT_EQ(parse_records(headless + content, boot).damaged_at, 0u);

  std::ofstream(root_ + "/containers") << content << "garbage";
  auto checkpoints = Checkpoints::open(root_);
  ASSERT_TRUE(checkpoints);
  EXPECT_TRUE(checkpoints->memory().contains("one"));
  EXPECT_EQ(os::read_file(root_ + "/containers.damaged").value(), content + "garbage");
}

}  // namespace
}  // namespace mesolith::launcher
