// SPDX-License-Identifier: Apache-2.0
// What every Store promises, asked of each implementation.
#include "store/store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>

#include "store/memory.hpp"
#include "store/sqlite.hpp"

namespace mesolith::store {
namespace {

struct Subject {
  Subject() {
    std::string name = (std::filesystem::temp_directory_path() / "store_test.XXXXXX").string();
    directory = ::mkdtemp(name.data());
  }
  ~Subject() {
    store.reset();
    std::filesystem::remove_all(directory);
  }
  std::filesystem::path directory;
  std::unique_ptr<Store> store;
};

class StoreTest : public testing::TestWithParam<bool> {
 protected:
  StoreTest() {
    if (GetParam())
      subject_.store = open_sqlite_store(subject_.directory / "store").value();
    else
      subject_.store = make_memory_store();
  }

  Result<void> commit(Batch batch) {
    std::promise<Result<void>> promise;
    auto future = promise.get_future();
    subject_.store->commit(std::move(batch),
                           [&](Result<void> result) { promise.set_value(std::move(result)); });
    return future.get();
  }
  Store& store() { return *subject_.store; }

  Subject subject_;
};

TEST_P(StoreTest, CountsVersionsFromOne) {
  EXPECT_EQ(store().get("a").value(), std::nullopt);
  ASSERT_TRUE(commit({{"a", absent, "x"}}));
  EXPECT_EQ(store().get("a").value(), (Versioned{"x", 1}));
  ASSERT_TRUE(commit({{"a", 1, "y"}}));
  EXPECT_EQ(store().get("a").value(), (Versioned{"y", 2}));
  ASSERT_TRUE(commit({{"a", 2, std::nullopt}}));
  EXPECT_EQ(store().get("a").value(), std::nullopt);
  ASSERT_TRUE(commit({{"a", absent, "z"}}));
  EXPECT_EQ(store().get("a").value(), (Versioned{"z", 1}));
}

TEST_P(StoreTest, AConflictChangesNothing) {
  ASSERT_TRUE(commit({{"a", absent, "x"}, {"b", absent, "x"}}));
  for (const Version expected : {Version{0}, Version{2}}) {
    auto result = commit({{"b", 1, "y"}, {"c", absent, "y"}, {"a", expected, "y"}});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::conflict);
    EXPECT_NE(result.error().message.find("'a' has version 1"), std::string::npos);
  }
  EXPECT_EQ(commit({{"nothing", 1, std::nullopt}}).error().code, Code::conflict);
  EXPECT_EQ(store().get("b").value(), (Versioned{"x", 1}));
  EXPECT_EQ(store().get("c").value(), std::nullopt);
}

TEST_P(StoreTest, AnyVersionAlwaysWrites) {
  ASSERT_TRUE(commit({{"a", any_version, "x"}}));
  ASSERT_TRUE(commit({{"a", any_version, "y"}}));
  EXPECT_EQ(store().get("a").value(), (Versioned{"y", 2}));
  ASSERT_TRUE(commit({{"a", any_version, std::nullopt}}));
  ASSERT_TRUE(commit({{"a", any_version, std::nullopt}}));
  EXPECT_EQ(store().get("a").value(), std::nullopt);
}

TEST_P(StoreTest, ListsByPrefixInByteOrder) {
  ASSERT_TRUE(commit({{"p/b", absent, "2"},
                      {"p/a", absent, "1"},
                      {"p/\xff", absent, ""},
                      {"p", absent, "-"},
                      {"q", absent, "-"}}));
  const Entries expected = {{"p/a", {"1", 1}}, {"p/b", {"2", 1}}, {"p/\xff", {"", 1}}};
  EXPECT_EQ(store().list("p/").value(), expected);
  EXPECT_EQ(store().list("").value().size(), 5u);
  EXPECT_TRUE(store().list("r").value().empty());
}

TEST_P(StoreTest, KeepsEveryByte) {
  std::string bytes;
  for (int value = 0; value < 256; ++value) bytes.push_back(static_cast<char>(value));
  ASSERT_TRUE(commit({{bytes, absent, bytes}, {"empty", absent, ""}}));
  EXPECT_EQ(store().get(bytes).value(), (Versioned{bytes, 1}));
  EXPECT_EQ(store().get("empty").value(), (Versioned{"", 1}));
}

TEST_P(StoreTest, RefusesWhatBreaksALimit) {
  EXPECT_EQ(commit({{"", absent, "x"}}).error().code, Code::invalid);
  EXPECT_EQ(commit({{"a", absent, "x"}, {"a", 1, "y"}}).error().code, Code::invalid);
  EXPECT_EQ(commit({{std::string(key_bytes_max + 1, 'k'), absent, "x"}}).error().code,
            Code::too_large);
  EXPECT_EQ(commit({{"a", absent, std::string(value_bytes_max + 1, 'v')}}).error().code,
            Code::too_large);
  EXPECT_EQ(commit(Batch(batch_writes_max + 1)).error().code, Code::too_large);
  EXPECT_TRUE(commit({{std::string(key_bytes_max, 'k'), absent, "x"}}));
  EXPECT_TRUE(commit({}));
}

INSTANTIATE_TEST_SUITE_P(Implementations, StoreTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "sqlite" : "memory"; });

}  // namespace
}  // namespace mesolith::store
