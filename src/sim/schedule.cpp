// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule.hpp"

#include <algorithm>

namespace mesolith::sim {

void Schedule::at(Time when, Action action) {
  if (when == never) return;
  heap_.push_back({std::max(when, now_), next_number_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool Schedule::run_next(Time limit) {
  if (heap_.empty() || heap_.front().when > limit) {
    now_ = std::max(now_, limit);
    return false;
  }
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Entry entry = std::move(heap_.back());
  heap_.pop_back();
  now_ = entry.when;
  entry.action();
  return true;
}

}  // namespace mesolith::sim
