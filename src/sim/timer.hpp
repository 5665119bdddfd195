// SPDX-License-Identifier: Apache-2.0
// The one timer of a node's process: wakes it when its core's next deadline has come. Deadlines
// that moved later wake it once in vain. A core whose deadline stays in the past although it is
// ticked is a core that spins; that is reported as a failure.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/schedule.hpp"

namespace mesolith::sim {

class Timer {
 public:
  Timer(Schedule& schedule, std::function<void()> wake)
      : schedule_(schedule), wake_(std::move(wake)) {}

  void set(Time deadline) {
    if (deadline >= armed_) return;
    armed_ = std::max(deadline, schedule_.now());
    schedule_.at(armed_, [this, life = life_, when = armed_] {
      if (life != life_ || when != armed_) return;
      armed_ = never;
      spins_ = when == last_ ? spins_ + 1 : 0;
      last_ = when;
      wake_();
    });
  }
  void cancel() {
    ++life_;
    armed_ = never;
    spins_ = 0;
  }
  bool spinning() const { return spins_ > spins_max; }

 private:
  static constexpr uint32_t spins_max = 1000;

  Schedule& schedule_;
  std::function<void()> wake_;
  uint64_t life_ = 0;
  Time armed_ = never, last_{};
  uint32_t spins_ = 0;
};

}  // namespace mesolith::sim
