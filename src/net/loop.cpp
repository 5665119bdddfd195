// SPDX-License-Identifier: Apache-2.0
#include "net/loop.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <thread>

#include "base/check.hpp"

namespace mesolith::net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

struct Loop::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::atomic<std::thread::id> thread{};
  std::atomic<bool> stopping = false;
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::run() {
  CHECK(impl_->thread.load() == std::thread::id());
  impl_->thread = std::this_thread::get_id();
  impl_->context.run();
  impl_->thread = std::thread::id();
  impl_->context.restart();
  impl_->stopping = false;
}

// The stop is itself queued, so that one sent before run() is not lost.
void Loop::stop() {
  if (impl_->stopping.exchange(true)) return;
  asio::post(impl_->context, [impl = impl_.get()] { impl->context.stop(); });
}

void Loop::post(std::function<void()> work) {
  asio::post(impl_->context, std::move(work));
}

bool Loop::in_loop() const {
  return impl_->thread.load() == std::this_thread::get_id();
}

asio::io_context& Loop::context() {
  return impl_->context;
}

// A deadline that moves away leaves the kernel's timer alone, for setting that is dear, and owners
// that move theirs at every turn are many: when it fires early, it is set to what is left.
struct Timer::Impl : std::enable_shared_from_this<Timer::Impl> {
  Impl(Loop& loop, std::function<void()> fire) : timer(loop.context()), fire(std::move(fire)) {}

  void wait() {
    waiting_until = deadline;
    const uint64_t mine = ++generation;
    // A deadline years away would overflow the clock's own type.
    const Duration wait =
        std::clamp<Duration>(deadline - clock_now(), Duration(0), std::chrono::hours(24 * 365));
    timer.expires_after(wait);
    timer.async_wait([self = shared_from_this(), mine](ErrorCode) { self->woken(mine); });
  }

  void woken(uint64_t of) {
    if (generation != of) return;
    waiting_until = never;
    if (deadline == never) return;
    if (deadline > clock_now()) return wait();
    deadline = never;
    fire();
  }

  asio::steady_timer timer;
  std::function<void()> fire;
  Time deadline = never;       // never: not armed
  Time waiting_until = never;  // what the kernel was told; never: nothing
  uint64_t generation = 0;     // tells a wait whose completion is queued already from its successor
};

Timer::Timer(Loop& loop, std::function<void()> fire)
    : impl_(std::make_shared<Impl>(loop, std::move(fire))) {}

Timer::~Timer() {
  cancel();
  ++impl_->generation;
  impl_->timer.cancel();
}

void Timer::set(Time deadline) {
  impl_->deadline = deadline;
  if (deadline < impl_->waiting_until) impl_->wait();
}

void Timer::cancel() {
  impl_->deadline = never;
}

bool Timer::armed() const {
  return impl_->deadline != never;
}

struct Signals::Impl : std::enable_shared_from_this<Signals::Impl> {
  Impl(Loop& loop, std::function<void(int)> fire) : set(loop.context()), fire(std::move(fire)) {}

  void wait() {
    set.async_wait([self = shared_from_this()](ErrorCode error, int number) {
      if (error || self->closed) return;
      self->fire(number);
      if (!self->closed) self->wait();
    });
  }

  asio::signal_set set;
  std::function<void(int)> fire;
  bool closed = false;
};

Signals::Signals(Loop& loop, const std::vector<int>& numbers, std::function<void(int)> fire)
    : impl_(std::make_shared<Impl>(loop, std::move(fire))) {
  for (const int number : numbers) impl_->set.add(number);
  impl_->wait();
}

Signals::~Signals() {
  impl_->closed = true;
  ErrorCode ignored;
  impl_->set.cancel(ignored);
}

}  // namespace mesolith::net
