// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace mesolith::bench {
namespace {

const char* verdict(const Claim& claim, double value) {
  const auto reaches = [&](double line) { return claim.at_least ? value >= line : value <= line; };
  return reaches(claim.goal) ? "goal" : reaches(claim.bar) ? "met" : "missed";
}

}  // namespace

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double quantile(std::vector<double> values, double fraction) {
  if (values.empty()) give_up("nothing was measured");
  std::ranges::sort(values);
  const double place = fraction * static_cast<double>(values.size() - 1);
  return values[static_cast<size_t>(place + 0.5)];
}

double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

void give_up(const std::string& why) {
  fmt::print(stderr, "bench: {}\n", why);
  std::exit(1);
}

std::vector<Pair> interleave(size_t rounds, const std::function<double()>& denominator,
                             const std::function<double()>& ours) {
  std::vector<Pair> pairs;
  for (size_t round = 0; round <= rounds; ++round) {
    Pair pair;
    pair.denominator = denominator();
    pair.ours = ours();
    if (round > 0) pairs.push_back(pair);
  }
  return pairs;
}

void report(const Claim& claim, const std::vector<Pair>& pairs) {
  std::vector<double> ours, denominators, ratios;
  for (const Pair& pair : pairs) {
    ours.push_back(pair.ours);
    denominators.push_back(pair.denominator);
    ratios.push_back(pair.ours / pair.denominator);
  }
  const auto [least, most] = std::ranges::minmax(ratios);
  fmt::print("{}: {} {:.4g} {}; {} {:.4g}; ratio {:.3g} ({:.3g} to {:.3g}), bar {}, goal {}: {}\n",
             claim.name, claim.what, median(ours), claim.unit, claim.denominator_what,
             median(denominators), median(ratios), least, most, claim.bar, claim.goal,
             verdict(claim, median(ratios)));
  fmt::print(
      "{{\"name\":\"{}\",\"what\":\"{}\",\"value\":{:.6g},\"unit\":\"{}\",\"denominator\":{:.6g},"
      "\"denominator_what\":\"{}\",\"ratio\":{:.6g},\"ratio_min\":{:.6g},\"ratio_max\":{:.6g},"
      "\"bar\":{},\"goal\":{},\"at_least\":{},\"verdict\":\"{}\",\"rounds\":{}}}\n",
      claim.name, claim.what, median(ours), claim.unit, median(denominators),
      claim.denominator_what, median(ratios), least, most, claim.bar, claim.goal, claim.at_least,
      verdict(claim, median(ratios)), pairs.size());
  std::fflush(stdout);
}

void report_plain(const Claim& claim, const std::vector<double>& values) {
  const auto [least, most] = std::ranges::minmax(values);
  fmt::print("{}: {} {:.4g} {} ({:.4g} to {:.4g}), bar {}, goal {}: {}\n", claim.name, claim.what,
             median(values), claim.unit, least, most, claim.bar, claim.goal,
             verdict(claim, median(values)));
  fmt::print(
      "{{\"name\":\"{}\",\"what\":\"{}\",\"value\":{:.6g},\"unit\":\"{}\",\"value_min\":{:.6g},"
      "\"value_max\":{:.6g},\"bar\":{},\"goal\":{},\"at_least\":{},\"verdict\":\"{}\","
      "\"rounds\":{}}}\n",
      claim.name, claim.what, median(values), claim.unit, least, most, claim.bar, claim.goal,
      claim.at_least, verdict(claim, median(values)), values.size());
  std::fflush(stdout);
}

}  // namespace mesolith::bench
