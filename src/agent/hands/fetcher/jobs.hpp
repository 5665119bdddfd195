// SPDX-License-Identifier: Apache-2.0
// The fetches of one fetcher and the processes that work on them. One thread; everything here is
// called on it and returns quickly, but for the making of a sandbox.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/hands/fetcher/cache.hpp"
#include "agent/hands/fetcher/fetch_process.hpp"
#include "agent/hands/fetcher/fetcher.hpp"
#include "launcher/sandboxes.hpp"

namespace mesolith::agent::fetcher {

class Jobs {
 public:
  Jobs(FetcherOptions options, Cache cache, Fetcher::OnDone on_done)
      : options_(std::move(options)), cache_(std::move(cache)), on_done_(std::move(on_done)) {}

  void begin(Time now, FetchWish wish);
  void stop(const std::string& container_id);

  // pidfds to be polled, and what to do when one is readable.
  std::vector<std::pair<int, uint64_t>> watched() const;
  void ended(uint64_t process);
  // When expire() is due.
  Time deadline() const;
  void expire(Time now);
  // And nothing else after this.
  void kill_all();
  CacheFigures figures() const { return {cache_.bytes_max(), cache_.bytes_used()}; }

 private:
  struct Part {                       // one URI
    Item item;                        // without its source when that is in the cache
    Item source;                      // path or url
    std::string key;                  // of the cache; empty: not for it
    std::optional<Cache::Id> cached;  // pinned
    int losses = 0;                   // how often its entry was damaged
  };
  struct Job {
    FetchWish wish;
    std::optional<os::Identity> identity;
    os::FileDescriptor standard_error;
    std::vector<Part> parts;
    size_t loads = 0;  // that it waits for
    Time deadline = never;
    std::optional<uint64_t> process;
    std::optional<FetchOutcome> forced;  // it was killed for this
  };
  struct Load {  // into the cache
    std::string key;
    Cache::Draft draft;
    std::set<std::string> waiters;  // container ids
    std::optional<uint64_t> process;
  };
  struct Process {
    Running running;
    std::string container_id;  // of a job, or
    std::string key;           // of a load; neither: nobody waits for it
    bool killed = false;
  };

  Result<void> plan(Job& job);
  Result<Part> part_of(const Job& job, const mesos::v1::CommandInfo::URI& uri) const;
  void want(Job& job, Part& part);
  void start_waiting();
  void start_load(const std::string& key);
  void start_job(const std::string& container_id);
  void fail(const std::string& container_id, const Error& error, os::SpawnStage stage);
  void load_ended(const std::string& key, const Result<void>& answer);
  static std::string failed(const Job& job, const std::string& why);
  void kill(uint64_t process);
  void finish(const std::string& container_id, FetchOutcome outcome);
  void release(Job& job);

  FetcherOptions options_;
  Cache cache_;
  Fetcher::OnDone on_done_;
  launcher::Sandboxes sandboxes_;
  std::map<std::string, Job> jobs_;
  std::map<std::string, Load> loads_;
  std::set<std::pair<Time, std::string>> deadlines_;  // of jobs
  std::map<uint64_t, Process> processes_;
  uint64_t next_process_ = 1;
  struct Waiting {
    std::string container_id, key;  // one of them
  };
  std::deque<Waiting> waiting_;  // for a process; what is no longer wanted is passed over
};

}  // namespace mesolith::agent::fetcher
