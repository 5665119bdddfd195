// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace mesolith::agent::fetcher {
namespace {

namespace fs = std::filesystem;

class CacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "cache-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
    std::ofstream(directory + "/left from before") << "x";
    auto opened = Cache::open(directory, 100);
    ASSERT_TRUE(opened);
    cache.emplace(*std::move(opened));
  }
  void TearDown() override { fs::remove_all(directory); }

  // Filled with so many bytes, kept, and pinned.
  Cache::Id add(const std::string& key, size_t bytes) {
    auto draft = cache->draft();
    EXPECT_TRUE(draft);
    const std::string content(bytes, key.back());
    EXPECT_EQ(::write(draft->file.get(), content.data(), bytes), static_cast<ssize_t>(bytes));
    return cache->keep(key, *std::move(draft)).value();
  }
  void add_unused(const std::string& key, size_t bytes) { cache->unpin(add(key, bytes)); }
  bool has(const std::string& key) {
    const auto id = cache->pin(key);
    if (id) cache->unpin(*id);
    return id.has_value();
  }
  // As large as before; a kernel may count time in steps of milliseconds.
  static void write_until_noticed(const fs::path& path) {
    struct stat before{}, after{};
    ASSERT_EQ(::stat(path.c_str(), &before), 0);
    do {
      std::fstream(path, std::ios::in | std::ios::out) << "b";
      ASSERT_EQ(::stat(path.c_str(), &after), 0);
    } while (before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
             before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
  }
  size_t files() {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
  }

  std::string directory;
  std::optional<Cache> cache;
};

TEST_F(CacheTest, StartsEmptyAndServesWhatIsKept) {
  EXPECT_EQ(files(), 0u);
  EXPECT_FALSE(cache->pin("a"));
  const Cache::Id id = add("a", 10);
  char bytes[20];
  for (int i = 0; i < 2; ++i) {  // each reader from the beginning
    const auto file = cache->read(id);
    ASSERT_TRUE(file);
    EXPECT_EQ(::read(file->get(), bytes, sizeof bytes), 10);
  }
  EXPECT_EQ(cache->bytes_used(), 10u);
}

TEST_F(CacheTest, TheLongestUnusedGoesFirst) {
  add_unused("a", 40);
  add_unused("b", 40);
  EXPECT_TRUE(has("a"));  // used last
  add_unused("c", 40);
  EXPECT_TRUE(has("a"));
  EXPECT_FALSE(has("b"));
  EXPECT_TRUE(has("c"));
  EXPECT_EQ(cache->bytes_used(), 80u);
  EXPECT_EQ(files(), 2u);
}

TEST_F(CacheTest, WhatIsInUseStays) {
  const Cache::Id a = add("a", 60);
  const Cache::Id b = add("b", 60);
  EXPECT_EQ(cache->bytes_used(), 120u);
  EXPECT_TRUE(cache->read(a));
  EXPECT_TRUE(cache->read(b));
  cache->unpin(a);  // and is then one too many
  EXPECT_FALSE(has("a"));
  EXPECT_TRUE(has("b"));
  cache->unpin(b);
  EXPECT_TRUE(has("b"));
  add_unused("larger than all", 200);
  EXPECT_FALSE(has("larger than all"));
  EXPECT_LE(cache->bytes_used(), 100u);
}

TEST_F(CacheTest, WhatWasChangedOrHasVanishedIsNoEntry) {
  const auto path_of = [&] { return fs::directory_iterator(directory)->path(); };
  Cache::Id id = add("a", 10);
  fs::remove(path_of());
  EXPECT_FALSE(cache->read(id));
  EXPECT_FALSE(has("a"));
  const Cache::Id again = add("a", 10);  // while the first is still pinned
  cache->unpin(id);
  EXPECT_TRUE(cache->read(again));
  write_until_noticed(path_of());
  EXPECT_FALSE(cache->read(again));
  EXPECT_FALSE(has("a"));
  cache->unpin(again);
  EXPECT_EQ(cache->bytes_used(), 0u);
  EXPECT_EQ(files(), 0u);
}

TEST_F(CacheTest, DraftsLeaveNothing) {
  auto draft = cache->draft();
  ASSERT_TRUE(draft);
  cache->discard(*draft);
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace mesolith::agent::fetcher
