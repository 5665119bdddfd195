// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <mutex>

#include "store/connection.hpp"

namespace mesolith::store {
namespace {

namespace fs = std::filesystem;

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    std::string name = (fs::temp_directory_path() / "sqlite_test.XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    file_ = directory_ / "registry";
  }
  ~SqliteTest() override { fs::remove_all(directory_); }

  static Result<void> commit(Store& store, Batch batch) {
    std::promise<Result<void>> promise;
    auto future = promise.get_future();
    store.commit(std::move(batch),
                 [&](Result<void> result) { promise.set_value(std::move(result)); });
    return future.get();
  }
  void fill(int count) {
    auto store = open_sqlite_store(file_).value();
    for (int index = 0; index < count; ++index)
      ASSERT_TRUE(commit(*store, {{fmt::format("key{}", index), absent, std::string(500, 'x')}}));
  }

  fs::path directory_;
  fs::path file_;
};

TEST_F(SqliteTest, ComesBackWithWhatWasCommitted) {
  fill(10);
  auto store = open_sqlite_store(file_).value();
  EXPECT_EQ(store->list("key").value().size(), 10u);
  EXPECT_EQ(store->get("key3").value(), (Versioned{std::string(500, 'x'), 1}));
}

TEST_F(SqliteTest, GarbageIsNamedAndLeftAlone) {
  std::ofstream(file_) << std::string(10'000, 'g');
  auto store = open_sqlite_store(file_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::corrupt);
  EXPECT_NE(store.error().message.find(file_.string()), std::string::npos);
  EXPECT_NE(store.error().message.find("Move it aside"), std::string::npos);
  EXPECT_EQ(fs::file_size(file_), 10'000u);
}

TEST_F(SqliteTest, DamageInTheMiddleIsFoundAtOpen) {
  fill(500);
  ASSERT_GT(fs::file_size(file_), 20'000u);
  std::fstream stream(file_, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(4096 * 3);
  stream << std::string(4096, '\x5a');
  stream.close();
  auto store = open_sqlite_store(file_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::corrupt);
}

TEST_F(SqliteTest, AnotherProgramsDatabaseIsRefused) {
  auto other = Connection::open(file_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).value();
  ASSERT_TRUE(other.run("CREATE TABLE theirs (x)"));
  EXPECT_EQ(open_sqlite_store(file_).error().code, Code::corrupt);
}

TEST_F(SqliteTest, ANewerSchemaIsRefused) {
  fill(1);
  {
    auto connection = Connection::open(file_, SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(connection.run("PRAGMA user_version = 2"));
  }
  EXPECT_EQ(open_sqlite_store(file_).error().code, Code::unsupported);
}

TEST_F(SqliteTest, OnlyOneOwner) {
  auto store = open_sqlite_store(file_).value();
  auto second = open_sqlite_store(file_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  store.reset();
  EXPECT_TRUE(open_sqlite_store(file_));
}

TEST_F(SqliteTest, AReadOnlyDirectoryIsAnError) {
  // Root may write anywhere, so the child that tries gives up its rights first.
  ASSERT_EQ(::chmod(directory_.c_str(), 0555), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) ::_exit(2);
    auto store = open_sqlite_store(file_);
    const bool right = !store && store.error().code == Code::system &&
                       store.error().message.find("Permission denied") != std::string::npos;
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
}

TEST_F(SqliteTest, AnswersInTheOrderOfTheCommits) {
  auto store = open_sqlite_store(file_).value();
  std::vector<int> order;  // written by the store's thread until it is gone
  int conflicts = 0;
  Version version = absent;
  for (int index = 0; index < 2'000; ++index) {
    const bool wrong = index % 10 == 9;  // a conflict must not disturb its neighbours
    store->commit({{"counter", wrong ? 999'999 : version, fmt::format("{}", index)}},
                  [&order, &conflicts, index](Result<void> result) {
                    order.push_back(index);
                    if (!result) ++conflicts;
                  });
    if (!wrong) ++version;
  }
  store.reset();  // commits what still waits
  ASSERT_EQ(order.size(), 2'000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(conflicts, 200);
  auto again = open_sqlite_store(file_).value();
  EXPECT_EQ(again->get("counter").value(), (Versioned{"1998", 1'800}));
}

TEST_F(SqliteTest, TheQueueIsBounded) {
  auto store = open_sqlite_store(file_).value();
  std::promise<void> entered;
  std::promise<void> release;
  store->commit({{"first", absent, ""}}, [&](Result<void>) {
    entered.set_value();
    release.get_future().wait();  // the writer stands still meanwhile
  });
  entered.get_future().wait();
  std::size_t done = 0;
  for (std::size_t index = 0; index < queued_batches_max; ++index)
    store->commit({}, [&](Result<void> result) { done += result ? 1 : 0; });
  Result<void> refused;
  store->commit({{"a", absent, ""}}, [&](Result<void> result) { refused = std::move(result); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  release.set_value();
  store.reset();
  EXPECT_EQ(done, queued_batches_max);
}

TEST_F(SqliteTest, ABackupOfAStoreInUseOpens) {
  fill(20);
  auto store = open_sqlite_store(file_).value();
  const fs::path copy = directory_ / "copy";
  ASSERT_TRUE(backup_sqlite_store(file_, copy));
  ASSERT_TRUE(commit(*store, {{"later", absent, "x"}}));
  EXPECT_FALSE(fs::exists(directory_ / "copy-wal"));
  auto restored = open_sqlite_store(copy).value();
  EXPECT_EQ(restored->list("").value().size(), 20u);
}

TEST_F(SqliteTest, AFailedBackupLeavesTheOldOne) {
  const fs::path copy = directory_ / "copy";
  std::ofstream(copy) << "old";
  EXPECT_FALSE(backup_sqlite_store(directory_ / "missing", copy));
  EXPECT_EQ(fs::file_size(copy), 3u);
  EXPECT_FALSE(fs::exists(directory_ / "copy.partial"));
}

}  // namespace
}  // namespace mesolith::store
