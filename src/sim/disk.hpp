// SPDX-License-Identifier: Apache-2.0
// The durable store of one node. A write becomes durable some time after it was asked for, in
// order, all or nothing; its completion comes later still, so a crash can fall between the two. A
// crash forgets what was not durable, though a few of those writes may have reached the disk.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.hpp"
#include "sim/schedule.hpp"

namespace mesolith::sim {

struct Change {
  std::vector<std::pair<std::string, std::string>> puts;
  std::vector<std::string> deletes;
};

class Disk {
 public:
  using Records = std::map<std::string, std::string>;

  Disk(Schedule& schedule, Rng& rng) : schedule_(schedule), rng_(rng) {}

  // `done` is not called when a crash comes first.
  void write(Change change, Schedule::Action done);
  void crash();
  // The process ends in order: all that was asked for becomes durable, no `done` comes any more.
  void close();
  const Records& durable() const { return durable_; }
  bool idle() const { return pending_.empty(); }
  // Writes take this many times as long.
  void set_slowness(uint32_t factor) { slowness_ = factor; }

 private:
  void apply_first();

  Schedule& schedule_;
  Rng& rng_;
  Records durable_;
  std::deque<Change> pending_;
  uint64_t life_ = 0;  // grows with each crash
  uint32_t slowness_ = 1;
  Time last_durable_{}, last_done_{};
};

}  // namespace mesolith::sim
