// SPDX-License-Identifier: Apache-2.0
// Fetches the URIs of containers into their sandboxes before they are launched, each container's in
// a process of its own (fetch_process.hpp). URIs with `cache` are fetched once for all tasks of a
// user that want them at a time or later (cache.hpp). One thread looks after all of it.
//
// Every fetch() has exactly one outcome, also when its process crashes, hangs or is stopped. With
// the Fetcher, or when the agent is killed, all its processes end, without outcomes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/hands/fetcher/budget.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "mesos/v1/mesos.pb.h"

namespace mesolith::agent::fetcher {

struct FetcherOptions {
  std::string cache_directory;  // of this agent alone
  uint64_t cache_bytes_max = 2ULL << 30;
  std::string frameworks_home;  // where relative paths lie; empty: nowhere
  Duration stall_timeout = std::chrono::minutes(1);
  // For a container's URIs; one that waits for the cache has it for that as well.
  Duration time_max = std::chrono::hours(1);
  size_t processes_max = 32;               // at a time; other fetches wait
  size_t fetches_max = 20'000;             // with those that wait; others fail
  std::string program = "/proc/self/exe";  // run as `program fetch`
  Budget::Limits limits;                   // disk_bytes_free_min is set by start()
};

struct FetchWish {
  std::string container_id;
  std::string sandbox;  // absolute; made when it isn't there
  std::string user;     // empty: the agent's own
  std::vector<mesos::v1::CommandInfo::URI> uris;
};

struct FetchOutcome {
  enum class Kind { fetched, failed, user_unknown, stopped };
  Kind kind = Kind::fetched;
  std::string message;  // unless fetched
};

struct CacheFigures {
  uint64_t bytes_max = 0, bytes_used = 0;
};

class Fetcher {
 public:
  // On the fetcher's thread; must be quick.
  using OnDone = std::function<void(const std::string& container_id, FetchOutcome outcome)>;

  static Result<std::unique_ptr<Fetcher>> start(FetcherOptions options, OnDone on_done);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  // From any thread, as those below.
  void fetch(FetchWish wish);
  // Its outcome is `stopped` unless it was on its way. One that is not known is no error.
  void stop(const std::string& container_id);
  CacheFigures cache() const;

 private:
  struct Impl;
  explicit Fetcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesolith::agent::fetcher
