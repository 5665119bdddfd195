// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/fetcher.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <variant>

#include "agent/hands/fetcher/jobs.hpp"
#include "os/system.hpp"

namespace mesolith::agent::fetcher {
namespace {

// Of the disk, what a fetch leaves for the agent's own records and for what runs already.
constexpr uint64_t kept_bytes_max = 1ULL << 30;
constexpr uint64_t kept_part = 20;  // one of so many

struct Stop {
  std::string container_id;
};
using Order = std::variant<FetchWish, Stop>;

}  // namespace

struct Fetcher::Impl {
  Impl(FetcherOptions options, Cache cache, OnDone on_done)
      : jobs(std::move(options), std::move(cache), std::move(on_done)) {}
  ~Impl() {
    stopping = true;
    wake();
    if (thread.joinable()) thread.join();
  }

  void run();
  void take_orders();
  void wait();
  void give(Order order);
  void wake() {
    const uint64_t one = 1;
    (void)!::write(wakeup.get(), &one, sizeof one);
  }

  os::FileDescriptor wakeup{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::mutex mutex;
  std::deque<Order> orders;  // guarded by `mutex`; the core asks once for each container
  std::atomic<bool> stopping = false;
  std::atomic<uint64_t> cache_bytes_max = 0, cache_bytes_used = 0;
  Jobs jobs;  // of the thread
  std::thread thread;
};

void Fetcher::Impl::give(Order order) {
  {
    const std::lock_guard lock(mutex);
    orders.push_back(std::move(order));
  }
  wake();
}

void Fetcher::Impl::take_orders() {
  std::deque<Order> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(orders);
  }
  for (Order& order : taken) {
    if (auto* wish = std::get_if<FetchWish>(&order)) {
      jobs.begin(clock_now(), std::move(*wish));
    } else {
      jobs.stop(std::get<Stop>(order).container_id);
    }
  }
}

void Fetcher::Impl::wait() {
  const auto watched = jobs.watched();
  std::vector<pollfd> polled = {{wakeup.get(), POLLIN, 0}};
  for (const auto& [descriptor, number] : watched) polled.push_back({descriptor, POLLIN, 0});
  int milliseconds = -1;
  if (const Time next = jobs.deadline(); next != never) {
    constexpr int64_t most = 60'000;  // the clock may have been set meanwhile
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - clock_now()).count();
    milliseconds = static_cast<int>(std::clamp<int64_t>(left, 0, most));
  }
  if (::poll(polled.data(), polled.size(), milliseconds) < 0) return;
  uint64_t ignored = 0;
  if (polled[0].revents) (void)!::read(wakeup.get(), &ignored, sizeof ignored);
  for (size_t i = 0; i < watched.size(); ++i) {
    if (polled[i + 1].revents) jobs.ended(watched[i].second);
  }
}

void Fetcher::Impl::run() {
  while (!stopping) {
    take_orders();
    jobs.expire(clock_now());
    const CacheFigures figures = jobs.figures();
    cache_bytes_max = figures.bytes_max;
    cache_bytes_used = figures.bytes_used;
    wait();
  }
  jobs.kill_all();
}

Fetcher::Fetcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Fetcher::~Fetcher() = default;

Result<std::unique_ptr<Fetcher>> Fetcher::start(FetcherOptions options, OnDone on_done) {
  TRY(Cache cache, Cache::open(options.cache_directory, options.cache_bytes_max));
  if (options.limits.disk_bytes_free_min == 0) {
    TRY(const os::Space space, os::disk(options.cache_directory));
    options.limits.disk_bytes_free_min = std::min(kept_bytes_max, space.bytes_total / kept_part);
  }
  auto impl = std::make_unique<Impl>(std::move(options), std::move(cache), std::move(on_done));
  Impl* raw = impl.get();
  raw->thread = std::thread([raw] { raw->run(); });
  return std::unique_ptr<Fetcher>(new Fetcher(std::move(impl)));
}

void Fetcher::fetch(FetchWish wish) {
  impl_->give(std::move(wish));
}
void Fetcher::stop(const std::string& container_id) {
  impl_->give(Stop{container_id});
}
CacheFigures Fetcher::cache() const {
  return {impl_->cache_bytes_max, impl_->cache_bytes_used};
}

}  // namespace mesolith::agent::fetcher
