// SPDX-License-Identifier: Apache-2.0
// What every benchmark shares: the clock, the median of interleaved pairs, and how a result is
// said: a line for people and a line of JSON, which run.py gathers. Prints to stdout. A benchmark
// that cannot measure says why and ends its process; it never guesses.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace mesolith::bench {

double seconds_now();  // monotonic
double median(std::vector<double> values);
double quantile(std::vector<double> values, double fraction);  // 0 to 1
[[noreturn]] void give_up(const std::string& why);

// Ours and its denominator, measured one after the other.
struct Pair {
  double ours = 0;
  double denominator = 0;
};
// `denominator` first in each round. What one warm round finds is dropped.
std::vector<Pair> interleave(size_t rounds, const std::function<double()>& denominator,
                             const std::function<double()>& ours);

struct Claim {
  std::string name;              // "T1"
  std::string what;              // of one pair member, in words
  std::string unit;              // of `ours`
  std::string denominator_what;  // in words, with its unit
  double bar = 0, goal = 0;      // of the ratio
  bool at_least = true;          // else: at most
};
void report(const Claim& claim, const std::vector<Pair>& pairs);
// A figure without a denominator: `values` of several runs, bar and goal in `unit`, at most.
void report_plain(const Claim& claim, const std::vector<double>& values);

}  // namespace mesolith::bench
