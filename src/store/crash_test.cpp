// SPDX-License-Identifier: Apache-2.0
// Kills and full disks. The program starts itself as a child that commits and reports each
// acknowledgement on a pipe; the parent kills it and looks at what is left.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>

#include "base/rng.hpp"
#include "store/sqlite.hpp"

namespace mesolith::store {
namespace {

namespace fs = std::filesystem;
constexpr int slots = 256;

std::string slot_key(std::uint64_t number) {
  return fmt::format("slot/{}", number % slots);
}

std::uint64_t number_in(Store& store, const std::string& key) {
  auto found = store.get(key).value();
  return found ? std::stoull(found->value) : 0;
}

// Commits number after number, each into the counter and into its slot in one batch.
int run_writer(const fs::path& file) {
  auto store = open_sqlite_store(file).value();
  auto counter = store->get("counter").value();
  std::uint64_t number = counter ? std::stoull(counter->value) : 0;
  Version version = counter ? counter->version : absent;
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  while (true) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return waiting < 64; });
      ++waiting;
    }
    ++number;
    const std::string text = fmt::format("{}", number);
    store->commit({{"counter", version++, text}, {slot_key(number), any_version, text}},
                  [&, number](Result<void> result) {
                    if (!result) ::_exit(3);
                    if (::write(STDOUT_FILENO, &number, sizeof number) != sizeof number) ::_exit(4);
                    std::lock_guard lock(mutex);
                    --waiting;
                    changed.notify_one();
                  });
  }
}

struct Child {
  pid_t id = -1;
  int acknowledgements = -1;
};

Child start_writer(const fs::path& file) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t id = ::fork();
  if (id == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl("/proc/self/exe", "store_crash_test", "--writer", file.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  return {id, ends[0]};
}

// Reads acknowledgements; kills the child once `count` came. Returns the last one.
std::uint64_t kill_after(const Child& child, int count) {
  std::uint64_t number = 0;
  std::uint64_t last = 0;
  int seen = 0;
  while (::read(child.acknowledgements, &number, sizeof number) == sizeof number) {
    last = number;
    if (++seen == count) ::kill(child.id, SIGKILL);
  }
  ::close(child.acknowledgements);
  int status = 0;
  EXPECT_EQ(::waitpid(child.id, &status, 0), child.id);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself: " << status;
  return last;
}

class CrashTest : public testing::Test {
 protected:
  CrashTest() {
    std::string name = (fs::temp_directory_path() / "crash_test.XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~CrashTest() override { fs::remove_all(directory_); }
  fs::path directory_;
};

TEST_F(CrashTest, NothingAcknowledgedIsLostOverAHundredKills) {
  const fs::path file = directory_ / "store";
  Rng rng(20'251'125);
  for (int round = 0; round < 100; ++round) {
    const int count = 1 + static_cast<int>(rng.below(300));
    const std::uint64_t acknowledged = kill_after(start_writer(file), count);
    auto store = open_sqlite_store(file);
    ASSERT_TRUE(store) << store.error().message;
    const std::uint64_t counter = number_in(**store, "counter");
    ASSERT_GE(counter, acknowledged) << "round " << round;
    std::uint64_t highest = 0;
    for (int slot = 0; slot < slots; ++slot) {
      const std::uint64_t number = number_in(**store, fmt::format("slot/{}", slot));
      highest = std::max(highest, number);
      // Every slot holds the last number that belongs there: no write in between is missing.
      if (counter >= slots) {
        ASSERT_GT(number, counter - slots) << "slot " << slot;
      }
    }
    ASSERT_EQ(highest, counter) << "a batch was torn in round " << round;
  }
}

Result<void> commit(Store& store, Batch batch) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  store.commit(std::move(batch),
               [&](Result<void> result) { promise.set_value(std::move(result)); });
  return future.get();
}

// A disk with a small limit, which can be lifted: a tmpfs where this process may mount one, a limit
// on file sizes elsewhere.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& directory) : directory_(directory) {
    mounted_ = ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1m") == 0;
    if (mounted_) return;
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 512 << 10;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallDisk() {
    lift();
    if (mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  void lift() {
    if (mounted_) {
      ::mount("tmpfs", directory_.c_str(), "tmpfs", MS_REMOUNT, "size=64m");
      return;
    }
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

 private:
  fs::path directory_;
  bool mounted_ = false;
};

TEST_F(CrashTest, AFullDiskIsAnErrorAndLosesNothing) {
  SmallDisk disk(directory_);
  const fs::path file = directory_ / "store";
  auto store = open_sqlite_store(file).value();
  std::uint64_t acknowledged = 0;
  Result<void> result;
  while (acknowledged < 1'000) {
    result = commit(*store, {{fmt::format("key/{}", acknowledged), absent,
                              std::string(20'000, static_cast<char>('a' + acknowledged % 26))}});
    if (!result) break;
    ++acknowledged;
  }
  ASSERT_FALSE(result) << "the disk never filled";
  EXPECT_EQ(result.error().code, Code::system);
  EXPECT_NE(result.error().message.find(file.string()), std::string::npos);
  ASSERT_GT(acknowledged, 3u);
  EXPECT_EQ(store->list("key/").value().size(), acknowledged);

  disk.lift();
  Result<void> later = commit(*store, {{"later", absent, "x"}});
  EXPECT_TRUE(later) << later.error().message;
  store.reset();
  auto again = open_sqlite_store(file);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->list("key/").value().size(), acknowledged);
  for (std::uint64_t number = 0; number < acknowledged; ++number)
    EXPECT_EQ((*again)->get(fmt::format("key/{}", number)).value()->value,
              std::string(20'000, static_cast<char>('a' + number % 26)));
  again->reset();
}

}  // namespace
}  // namespace mesolith::store

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--writer")
    return mesolith::store::run_writer(argv[2]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
