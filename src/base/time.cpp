// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace mesolith {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};

constexpr std::array<Unit, 8> units = {{{"weeks", 7LL * 24 * 3600 * 1'000'000'000},
                                        {"days", 24LL * 3600 * 1'000'000'000},
                                        {"hrs", 3600LL * 1'000'000'000},
                                        {"mins", 60LL * 1'000'000'000},
                                        {"secs", 1'000'000'000},
                                        {"ms", 1'000'000},
                                        {"us", 1'000},
                                        {"ns", 1}}};

constexpr double century_seconds = 100.0 * 365 * 24 * 3600;

}  // namespace

Duration seconds_or(double seconds, Duration fallback) {
  if (std::isnan(seconds)) return fallback;
  seconds = std::fmin(std::fmax(seconds, -century_seconds), century_seconds);
  return Duration(static_cast<int64_t>(std::llround(seconds * 1e9)));
}

Time saturating_add(Time now, Duration wait) {
  int64_t sum = 0;
  if (__builtin_add_overflow(now.time_since_epoch().count(), wait.count(), &sum)) return never;
  return Time(Duration(sum));
}

Result<Duration> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) {
    return failure(Code::invalid, "'" + std::string(text) +
                                      "' is not a duration: it does not begin with a number");
  }
  const std::string_view name(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (name != unit.name) continue;
    const double total = number * static_cast<double>(unit.nanoseconds);
    if (!(std::fabs(total) < 9.2e18)) {
      return failure(Code::invalid, "'" + std::string(text) + "' is out of range for a duration");
    }
    return Duration(std::llround(total));
  }
  return failure(
      Code::invalid,
      "'" + std::string(text) +
          "' is not a duration: the unit must be ns, us, ms, secs, mins, hrs, days or weeks");
}

std::string format_duration(Duration duration) {
  const int64_t count = duration.count();
  if (count == 0) return "0ns";
  for (const Unit& unit : units) {
    if (count % unit.nanoseconds == 0)
      return std::to_string(count / unit.nanoseconds) + std::string(unit.name);
  }
  return std::to_string(count) + "ns";
}

Time clock_now() {
  using std::chrono::duration_cast;
  static const auto wall_start = std::chrono::system_clock::now().time_since_epoch();
  static const auto steady_start = std::chrono::steady_clock::now();
  return Time(duration_cast<Duration>(wall_start) +
              duration_cast<Duration>(std::chrono::steady_clock::now() - steady_start));
}

}  // namespace mesolith
