// SPDX-License-Identifier: Apache-2.0
// One event loop on one thread, and what it can wait for by itself: a time, a signal. Everything in
// this room runs on the thread that is inside run(), except Loop::post and Loop::stop. A Loop
// outlives whatever was made with it. Functions that were posted and not yet run when the Loop goes
// are dropped.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/time.hpp"

namespace boost::asio {
class io_context;
}

namespace mesolith::net {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Serves until stop(), also when there is nothing to wait for. It may be called again afterwards.
  void run();
  // From any thread. The function that is running finishes; others stay queued for the next run().
  void stop();
  // From any thread: `work` runs on the loop later, never inside this call, in the order of
  // posting.
  void post(std::function<void()> work);
  // Whether the caller is on the thread that is inside run().
  bool in_loop() const;

  boost::asio::io_context& context();  // for this room only

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One shot, armed again at will; late by what the loop is busy with. It never fires after cancel()
// or its destruction, and may be destroyed by its own function.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> fire);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Replaces an earlier deadline. A past one fires at once (from the loop); `never` cancels.
  void set(Time deadline);
  void cancel();
  bool armed() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Calls `fire` with the number of each signal received. Signals of one number may merge, as always.
class Signals {
 public:
  Signals(Loop& loop, const std::vector<int>& numbers, std::function<void(int)> fire);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mesolith::net
