// SPDX-License-Identifier: Apache-2.0
// Time and Duration, in nanoseconds. Time counts from the Unix epoch and never goes backwards
// within a process: a shell reads the wall clock once and adds the steady clock to it; a core is
// only ever handed a Time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith {

using Duration = std::chrono::nanoseconds;

struct EpochClock {  // names the zero of Time; it has no now() on purpose
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<EpochClock>;
  static constexpr bool is_steady = true;
};
using Time = EpochClock::time_point;

inline constexpr Time never = Time::max();

inline double to_seconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e9;
}
inline double to_seconds(Time time) {
  return to_seconds(time.time_since_epoch());
}

// Seconds as given by a client. NaN is the fallback; anything beyond +-100 years is clamped to
// that.
Duration seconds_or(double seconds, Duration fallback);

// `now + wait` without overflow: `never` when the sum cannot be represented.
Time saturating_add(Time now, Duration wait);

// "15secs", "1.5mins", "10ms": a number and one of ns us ms secs mins hrs days weeks
// (mesos-api.md 2.2, 6.4).
Result<Duration> parse_duration(std::string_view text);

// The largest unit that gives a whole number: 90 s is "90secs", 120 s is "2mins".
std::string format_duration(Duration duration);

// The process's clock, for shells only: wall time at start plus steady time since (see above).
Time clock_now();

}  // namespace mesolith
