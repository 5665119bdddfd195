// SPDX-License-Identifier: Apache-2.0
// The fetcher with real processes: this program, started again as `program fetch`.
#include "agent/hands/fetcher/fetcher.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "agent/hands/fetcher/fetch_process.hpp"
#include "base/log.hpp"
#include "os/files.hpp"

namespace mesolith::agent::fetcher {
namespace {

namespace fs = std::filesystem;
using Kind = FetchOutcome::Kind;

constexpr std::chrono::seconds patience{60};

class FetcherTest : public testing::Test {
 protected:
  void SetUp() override {
    log::set_level(log::Level::off);
    std::string pattern = testing::TempDir() + "fetcher-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
    fs::permissions(root, fs::perms(0755));
    fs::create_directory(root + "/private");  // sandboxes may lie where only the agent gets to
    fs::permissions(root + "/private", fs::perms(0700));
    options.cache_directory = root + "/cache";
    options.cache_bytes_max = 1000;
  }
  void TearDown() override {
    fetcher.reset();
    fs::remove_all(root);
  }
  void start() {
    auto started = Fetcher::start(options, [this](const std::string& id, FetchOutcome outcome) {
      const std::lock_guard lock(mutex);
      EXPECT_FALSE(outcomes.contains(id));
      outcomes[id] = std::move(outcome);
      changed.notify_all();
    });
    ASSERT_TRUE(started) << started.error().message;
    fetcher = *std::move(started);
  }
  std::string sandbox(const std::string& id) {
    return root + "/private/executors/" + id + "/runs/" + id;
  }
  void fetch(const std::string& id, const std::vector<mesos::v1::CommandInfo::URI>& uris,
             const std::string& user = "") {
    if (!fetcher) start();
    fetcher->fetch({id, sandbox(id), user, uris});
  }
  FetchOutcome outcome(const std::string& id) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, patience, [&] { return outcomes.contains(id); })) << id;
    return outcomes[id];
  }
  std::string file(const std::string& name, const std::string& content) {
    std::ofstream(root + "/" + name) << content;
    return root + "/" + name;
  }
  static mesos::v1::CommandInfo::URI uri(const std::string& value, bool cache = false) {
    mesos::v1::CommandInfo::URI uri;
    uri.set_value(value);
    if (cache) uri.set_cache(true);
    return uri;
  }
  std::string read(const std::string& id, const std::string& name) {
    return os::read_file(sandbox(id) + "/" + name).value_or("(nothing)");
  }
  FetcherOptions options;
  std::string root;
  std::unique_ptr<Fetcher> fetcher;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, FetchOutcome> outcomes;
};

TEST_F(FetcherTest, FilesComeIntoTheSandbox) {
  const std::string path = file("data.txt", "content");
  auto tool = uri("file://" + file("tool", "#!/bin/sh\n"));
  tool.set_executable(true);
  auto renamed = uri(path);
  renamed.set_output_file("sub/b");
  fetch("c", {uri(path), tool, renamed});
  EXPECT_EQ(outcome("c").message, "");
  EXPECT_EQ(read("c", "data.txt"), "content");
  EXPECT_EQ(read("c", "sub/b"), "content");
  EXPECT_EQ(::access((sandbox("c") + "/tool").c_str(), X_OK), 0);
  EXPECT_NE(read("c", "stderr").find("Fetching"), std::string::npos);
}

TEST_F(FetcherTest, WhatCannotBeFetchedIsSaidAndTakenBack) {
  const std::string good = file("good", "content");
  const auto fails = [&](const std::string& id, const mesos::v1::CommandInfo::URI& bad,
                         const std::string& why) {
    fetch(id, {uri(good), bad});
    const FetchOutcome failed = outcome(id);
    EXPECT_EQ(failed.kind, Kind::failed);
    EXPECT_NE(failed.message.find(why), std::string::npos) << failed.message;
    EXPECT_NE(failed.message.find("Failed to fetch"), std::string::npos) << failed.message;
    EXPECT_NE(read(id, "stderr").find(why), std::string::npos) << read(id, "stderr");
    EXPECT_FALSE(fs::exists(sandbox(id) + "/good"));
  };
  fails("missing", uri("/no/such/file"), "No such file");
  fails("directory", uri(root), "no regular file");
  fails("scheme", uri("hdfs://host/file"), "hdfs");
  fails("relative", uri("file"), "frameworks_home");
  fails("broken", uri(file("a.tar.gz", "this is no archive")), "archive cannot be read");
  auto outside = uri(good);
  for (const char* name : {"/etc/x", "../x", "a/../../x", "."}) {
    outside.set_output_file(name);
    fails(std::string("outside") + std::to_string(outcomes.size()), outside, "output_file");
  }
  ASSERT_EQ(::mkfifo((root + "/fifo").c_str(), 0666), 0);
  fails("fifo", uri(root + "/fifo"), "no regular file");
  fails("refused", uri("http://127.0.0.1:1/x"), "http://127.0.0.1:1/x");
}

TEST_F(FetcherTest, LimitsAreNamed) {
  options.limits.bytes_fetched_max = 10;
  fetch("large", {uri(file("large", "more than ten bytes"))});
  EXPECT_NE(outcome("large").message.find("more than 10 bytes to fetch"), std::string::npos);
  fetcher.reset();
  options.limits = {};
  options.limits.disk_bytes_free_min = UINT64_MAX;
  fetch("full", {uri(file("small", "x"))});
  EXPECT_NE(outcome("full").message.find("disk is nearly full"), std::string::npos);
}

TEST_F(FetcherTest, UnknownUser) {
  fetch("c", {uri(file("f", "x"))}, "nobody-of-that-name");
  EXPECT_EQ(outcome("c").kind, Kind::user_unknown);
}

TEST_F(FetcherTest, RunsAsTheUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "this has to run as root";
  const std::string secret = file("secret", "of root");
  ASSERT_EQ(::chmod(secret.c_str(), 0600), 0);
  fetch("open", {uri(file("f", "x"))}, "nobody");
  EXPECT_EQ(outcome("open").message, "");
  EXPECT_NE(os::file_status(sandbox("open") + "/f").value().uid, 0u);
  for (const bool cache : {false, true}) {
    const std::string id = cache ? "cached" : "secret";
    fetch(id, {uri(secret, cache)}, "nobody");
    EXPECT_NE(outcome(id).message.find("Permission denied"), std::string::npos);
  }
}

TEST_F(FetcherTest, CacheServesWhatWasFetchedOnce) {
  const std::string path = file("data", "first");
  fetch("a", {uri(path, true)});
  EXPECT_EQ(outcome("a").message, "");
  EXPECT_EQ(read("a", "data"), "first");
  file("data", "second");
  fetch("b", {uri(path, true), uri(path)});
  EXPECT_EQ(outcome("b").message, "");
  fetch("c", {uri(path, true)});
  EXPECT_EQ(outcome("c").message, "");
  EXPECT_EQ(read("c", "data"), "first");
  EXPECT_EQ(fetcher->cache().bytes_max, 1000u);
}

TEST_F(FetcherTest, DamagedEntriesAreFetchedAgain) {
  const std::string path = file("data", "first");
  fetch("a", {uri(path, true)});
  EXPECT_EQ(outcome("a").message, "");
  for (const auto& entry : fs::directory_iterator(options.cache_directory)) {
    std::ofstream(entry.path()) << "something else";
  }
  fetch("b", {uri(path, true)});
  EXPECT_EQ(outcome("b").message, "");
  EXPECT_EQ(read("b", "data"), "first");
  for (const auto& entry : fs::directory_iterator(options.cache_directory)) {
    fs::remove(entry.path());
  }
  fetch("c", {uri(path, true)});
  EXPECT_EQ(outcome("c").message, "");
  EXPECT_EQ(read("c", "data"), "first");
}

TEST_F(FetcherTest, WhatDoesNotFitTheCacheComesWithoutIt) {
  const std::string path = file("large", std::string(5000, 'x'));
  fetch("a", {uri(path, true)});
  EXPECT_EQ(outcome("a").message, "");
  EXPECT_EQ(read("a", "large").size(), 5000u);
  EXPECT_TRUE(fs::is_empty(options.cache_directory));
}

TEST_F(FetcherTest, ManyAtATimeAllComeOut) {
  options.processes_max = 3;
  const std::string path = file("data", "content");
  constexpr int count = 40;
  for (int i = 0; i < count; ++i) {
    fetch("c" + std::to_string(i), {uri(path, i % 2 == 0), uri(i % 5 == 0 ? "/none" : path)});
  }
  for (int i = 0; i < count; ++i) {
    const Kind kind = outcome("c" + std::to_string(i)).kind;
    EXPECT_EQ(kind, i % 5 == 0 ? Kind::failed : Kind::fetched) << i;
  }
}

TEST_F(FetcherTest, ProcessThatHangsOrIsStoppedHasAnOutcome) {
  options.program = file("hangs", "#!/bin/sh\nexec sleep 1000\n");
  ASSERT_EQ(::chmod(options.program.c_str(), 0755), 0);
  options.time_max = std::chrono::seconds(2);
  const std::string path = file("data", "x");
  fetch("stopped", {uri(path)});
  fetch("load", {uri(path, true)});
  fetch("late", {uri(path)});
  fetcher->stop("stopped");
  fetcher->stop("load");
  EXPECT_EQ(outcome("stopped").kind, Kind::stopped);
  EXPECT_EQ(outcome("load").kind, Kind::stopped);
  const FetchOutcome late = outcome("late");
  EXPECT_EQ(late.kind, Kind::failed);
  EXPECT_NE(late.message.find("longer than 2secs"), std::string::npos) << late.message;
  fetch("goes with the fetcher", {uri(path)});
  fetcher.reset();
}

TEST_F(FetcherTest, ProcessThatCrashesHasAnOutcome) {
  options.program = file("crashes", "#!/bin/sh\nkill -SEGV $$\n");
  ASSERT_EQ(::chmod(options.program.c_str(), 0755), 0);
  fetch("c", {uri(file("data", "x"))});
  EXPECT_NE(outcome("c").message.find("Segmentation fault"), std::string::npos);
  EXPECT_NE(outcome("c").message.find("Failed to fetch"), std::string::npos);
}

}  // namespace
}  // namespace mesolith::agent::fetcher

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "fetch") {
    return mesolith::agent::fetcher::run_fetch_process({});
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
