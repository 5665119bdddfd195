// SPDX-License-Identifier: Apache-2.0
// The one clock of a simulated world and the one queue of what is to happen, ordered by (time,
// order of arrival). Time moves only by running the next action. An action must outlive nothing:
// whoever it belongs to guards it, since there is no cancelling.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.hpp"

namespace mesolith::sim {

class Schedule {
 public:
  using Action = std::move_only_function<void()>;

  explicit Schedule(Time start) : now_(start) {}

  Time now() const { return now_; }
  // `when` in the past means now.
  void at(Time when, Action action);
  void after(Duration wait, Action action) { at(saturating_add(now_, wait), std::move(action)); }
  // Runs the next action that is due by `limit`. False, with the clock at `limit`, when none is.
  bool run_next(Time limit);
  size_t pending() const { return heap_.size(); }

 private:
  struct Entry {
    Time when;
    uint64_t number;
    Action action;
  };
  // Whether `a` comes after `b`.
  static bool later(const Entry& a, const Entry& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }

  Time now_;
  uint64_t next_number_ = 0;
  std::vector<Entry> heap_;
};

}  // namespace mesolith::sim
