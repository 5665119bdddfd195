// SPDX-License-Identifier: Apache-2.0
// Threads for work that blocks: files, processes, compression. A job says how it went by posting to
// a Loop, which therefore outlives the Pool. Jobs start in the order of submission.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/result.hpp"

namespace mesolith::net {

class Pool {
 public:
  Pool(size_t threads, size_t queue_max);
  // Waits for the jobs that run; those that have not started are dropped.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // From any thread. Code::unavailable when queue_max jobs wait already; `job` is then dropped.
  Result<void> submit(std::function<void()> job);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesolith::net
