// SPDX-License-Identifier: Apache-2.0
// T8: durable commits through the store, always 64 waiting: each one that is done asks for the
// next, so that a group is the 64 that waited while the group before was synced.
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "bare.hpp"
#include "measure.hpp"
#include "processes.hpp"
#include "store/sqlite.hpp"

namespace mesolith::bench {
namespace {

constexpr size_t waiting = 64;
constexpr size_t rounds = 7;
constexpr double round_seconds = 1;

class Writers {
 public:
  explicit Writers(store::Store& store) : store_(store) {}

  double commits_per_second() {
    const double start = seconds_now();
    deadline_ = start + round_seconds;
    done_ = 0;
    open_ = waiting;
    for (size_t key = 0; key < waiting; ++key) commit(key);
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return open_ == 0; });
    return static_cast<double>(done_) / (seconds_now() - start);
  }

 private:
  void commit(size_t key) {
    store::Batch batch;
    batch.push_back({"agents/" + std::to_string(key), store::any_version, value_});
    store_.commit(std::move(batch), [this, key](const Result<void>& result) {
      if (!result) give_up(result.error().message);
      ++done_;
      if (seconds_now() < deadline_) return commit(key);
      const std::lock_guard lock(mutex_);
      if (--open_ == 0) ended_.notify_all();
    });
  }

  store::Store& store_;
  const std::string value_ = std::string(600, 'v');  // about an agent's entry in the registry
  double deadline_ = 0;
  std::atomic<size_t> done_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  size_t open_ = 0;
};

void measure() {
  const WorkDirectory directory;
  auto store = store::open_sqlite_store(directory.path() + "/registry.db");
  if (!store) give_up(store.error().message);
  Writers writers(**store);
  report({"T8", "durable commits, 64 waiting", "/s", "fdatasync/s x 64", 0.50, 0.80},
         interleave(
             rounds,
             [&] {
               return static_cast<double>(waiting) *
                      syncs_per_second(directory.path(), round_seconds);
             },
             [&] { return writers.commits_per_second(); }));
}

}  // namespace
}  // namespace mesolith::bench

int main() {
  mesolith::bench::measure();
}
