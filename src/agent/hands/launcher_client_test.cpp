// SPDX-License-Identifier: Apache-2.0
// With a real launcher, which is this program started again: see main().
#include "agent/hands/launcher_client.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "launcher/launcher.hpp"
#include "os/files.hpp"
#include "os/process.hpp"

namespace mesolith::agent {
namespace {

namespace fs = std::filesystem;

constexpr auto patience = std::chrono::seconds(60);

class LauncherClientTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "launcher-client-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    launcher::Listing held;
    auto started = LauncherClient::start(
        {root_, "/proc/self/exe", ""}, [this](launcher::Event event) { add(std::move(event)); },
        held);
    ASSERT_TRUE(started) << started.error().message;
    client_ = *std::move(started);
    EXPECT_EQ(held.containers_size(), 0);
  }
  void TearDown() override {
    const pid_t pid = launcher_pid();
    client_.reset();
    if (pid != ::getpid()) ::kill(pid, SIGKILL);
    fs::remove_all(root_);
  }

  void add(launcher::Event event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  // Waits for as many events of the kind as wanted since the test began.
  std::vector<launcher::Event> wait(launcher::Event::EventCase kind, size_t wanted) {
    std::vector<launcher::Event> found;
    std::unique_lock lock(mutex_);
    const bool enough = changed_.wait_for(lock, patience, [&] {
      found.clear();
      for (const launcher::Event& event : events_)
        if (event.event_case() == kind) found.push_back(event);
      return found.size() >= wanted;
    });
    EXPECT_TRUE(enough) << found.size() << " of " << wanted;
    return found;
  }
  // The process that was started with our socket.
  pid_t launcher_pid() const {
    const auto table = os::process_table().value();
    for (const auto& [pid, status] : table) {
      std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
      const std::string line(std::istreambuf_iterator<char>(file), {});
      if (line.find("--socket=" + root_ + "/") != std::string::npos && status.state != 'Z')
        return pid;
    }
    ADD_FAILURE() << "no launcher";
    return ::getpid();
  }
  launcher::Request launch(const std::string& id, const std::string& script) {
    launcher::Request request;
    launcher::Launch& launch = *request.mutable_launch();
    launch.set_container_id(id);
    launch.set_directory(root_ + "/sandboxes/" + id);
    launch.set_program("sh");
    for (const std::string& argument : {std::string("sh"), std::string("-c"), script})
      launch.add_arguments(argument);
    launch.add_environment("PATH=/usr/bin:/bin");
    return request;
  }
  static launcher::Request statistics(const std::string& id) {
    launcher::Request request;
    request.mutable_statistics()->set_container_id(id);
    return request;
  }
  static launcher::Request destroy(const std::string& id) {
    launcher::Request request;
    request.mutable_destroy()->set_container_id(id);
    return request;
  }

  std::string root_;
  std::unique_ptr<LauncherClient> client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<launcher::Event> events_;  // guarded by `mutex_`
};

TEST_F(LauncherClientTest, WhatALauncherDidNotCarryOutIsAskedOfTheNext) {
  const pid_t first = launcher_pid();
  ::kill(first, SIGSTOP);
  ASSERT_TRUE(client_->send(launch("once", "echo here >> ran; sleep 1000")));
  // It has left our queue, or is about to: either way the stopped launcher never reads it.
  ::kill(first, SIGKILL);
  const auto launched = wait(launcher::Event::kLaunched, 1);
  EXPECT_EQ(launched.at(0).launched().container_id(), "once");
  const pid_t second = launcher_pid();
  EXPECT_NE(second, first);
  ::kill(second, SIGSTOP);
  ASSERT_TRUE(client_->send(destroy("once")));
  ::kill(second, SIGKILL);
  const auto exited = wait(launcher::Event::kExited, 1);
  EXPECT_EQ(exited.at(0).exited().container_id(), "once");
  EXPECT_FALSE(os::is_running(static_cast<pid_t>(launched.at(0).launched().pid()),
                              launched.at(0).launched().start_time_ticks()));
  EXPECT_EQ(os::read_file(root_ + "/sandboxes/once/ran").value(), "here\n");
}

TEST_F(LauncherClientTest, ALauncherThatDoesNotReadFillsNoMemory) {
  ASSERT_TRUE(client_->send(launch("c1", "sleep 1000")));
  wait(launcher::Event::kLaunched, 1);
  const pid_t launcher = launcher_pid();
  ::kill(launcher, SIGSTOP);
  size_t taken = 0;
  while (taken < 10 * LauncherClient::requests_max && client_->send(statistics("c1"))) ++taken;
  EXPECT_GE(taken, LauncherClient::requests_max);
  EXPECT_LT(taken, 10 * LauncherClient::requests_max);
  EXPECT_FALSE(client_->send(launch("c2", "true")));
  EXPECT_TRUE(client_->send(destroy("c1")));
  ::kill(launcher, SIGCONT);
  EXPECT_EQ(wait(launcher::Event::kExited, 1).at(0).exited().container_id(), "c1");
  EXPECT_EQ(wait(launcher::Event::kStatistics, taken).size(), taken);
}

}  // namespace
}  // namespace mesolith::agent

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "launcher") {
    const std::vector<std::string> arguments(argv + 2, argv + argc);
    return mesolith::launcher::launcher_main(arguments);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
