// SPDX-License-Identifier: Apache-2.0
#include "net/pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace mesolith::net {

struct Pool::Impl {
  explicit Impl(size_t queue_max) : queue_max(queue_max) {}

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stopping || !jobs.empty(); });
      if (stopping) return;
      std::function<void()> job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;  // what it holds goes before the lock is taken
      lock.lock();
    }
  }

  const size_t queue_max;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> jobs;
  bool stopping = false;
  std::vector<std::jthread> threads;
};

Pool::Pool(size_t threads, size_t queue_max) : impl_(std::make_unique<Impl>(queue_max)) {
  for (size_t i = 0; i < threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
  }
}

Pool::~Pool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->threads.clear();
}

Result<void> Pool::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->jobs.size() >= impl_->queue_max) {
      return failure(Code::unavailable, "The pool's queue is full");
    }
    impl_->jobs.push_back(std::move(job));
  }
  impl_->changed.notify_one();
  return {};
}

}  // namespace mesolith::net
