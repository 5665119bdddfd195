// SPDX-License-Identifier: Apache-2.0
// T5: a full allocation cycle over 10,000 agents and 1,000 frameworks, every agent free and every
// framework willing, with the offers built; beside a bare heap loop that takes the least of 1,000
// shares, raises it and puts it back, once for each offer. Both in one run, interleaved, in
// processor time; the median of their ratios. One line for people and one of JSON for each shape of
// the role tree.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <numeric>

#include "master/core/allocator/allocator.hpp"

namespace mesolith {
namespace {

using master::allocator::Allocator;
using master::allocator::FrameworkTraits;
using master::allocator::Grant;

constexpr size_t agents = 10'000;
constexpr size_t frameworks = 1'000;
constexpr size_t rounds = 11;
constexpr double bar = 100;
constexpr double goal = 20;

// Of this process, so that a busy neighbour does not count.
double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// A binary heap of entries, each of which knows its place.
class BareHeap {
 public:
  explicit BareHeap(size_t size) : shares_(size, 0.0), heap_(size), place_(size) {
    std::iota(heap_.begin(), heap_.end(), 0);
    std::iota(place_.begin(), place_.end(), 0);
  }
  size_t pop() {
    const uint32_t least = heap_.front();
    const uint32_t last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(0, last);
    return least;
  }
  void push(size_t entry, double share) {
    shares_[entry] = share;
    heap_.push_back(static_cast<uint32_t>(entry));
    sift_up(heap_.size() - 1, static_cast<uint32_t>(entry));
  }
  double share(size_t entry) const { return shares_[entry]; }

 private:
  void put(size_t place, uint32_t entry) {
    heap_[place] = entry;
    place_[entry] = static_cast<uint32_t>(place);
  }
  void sift_up(size_t place, uint32_t entry) {
    for (; place > 0 && shares_[entry] < shares_[heap_[(place - 1) / 2]]; place = (place - 1) / 2)
      put(place, heap_[(place - 1) / 2]);
    put(place, entry);
  }
  void sift_down(size_t place, uint32_t entry) {
    for (size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
      if (child + 1 < heap_.size() && shares_[heap_[child + 1]] < shares_[heap_[child]]) ++child;
      if (shares_[heap_[child]] >= shares_[entry]) break;
      put(place, heap_[child]);
      place = child;
    }
    put(place, entry);
  }

  std::vector<double> shares_;
  std::vector<uint32_t> heap_;
  std::vector<uint32_t> place_;
};

double time_bare_heap() {
  BareHeap heap(frameworks);
  const double start = cpu_seconds();
  for (size_t offer = 0; offer < agents; ++offer) {
    const size_t least = heap.pop();
    heap.push(least, heap.share(least) + 1.0 / agents);
  }
  const double took = cpu_seconds() - start;
  if (heap.share(0) <= 0) std::abort();  // also keeps the loop
  return took;
}

struct Cluster {
  explicit Cluster(size_t roles) : allocator(options()) {
    for (size_t i = 0; i < frameworks; ++i) {
      const std::string role = roles == 1 ? "*" : fmt::format("team{}/service", i % roles);
      allocator.add_framework(FrameworkId(fmt::format("{}-{:04}", prefix, i)), {role},
                              FrameworkTraits{.multi_role = true}, {});
    }
    const model::Resources total =
        model::Resources::of({{model::cpus, 24'000}, {model::mem, 98'304'000}}) +
        model::Resources::of({{model::disk, 1'000'000'000}}) +
        model::Resources::of(model::ports, {{31000, 32000}});
    for (size_t i = 0; i < agents; ++i) {
      allocator.add_agent(AgentId(fmt::format("{}-S{}", prefix, i)), total, true, {});
    }
  }
  static master::allocator::Options options() {
    master::allocator::Options options;
    options.min_allocatable = {model::Quantities{{model::cpus, 10}},
                               model::Quantities{{model::mem, 32'000}}};
    return options;
  }
  double time_cycle() {
    now += std::chrono::seconds(1);
    const double start = cpu_seconds();
    const std::vector<Grant> grants = allocator.allocate(now, rng);
    const double took = cpu_seconds() - start;
    if (grants.size() != agents) std::abort();
    for (const Grant& grant : grants)
      allocator.recover(now, grant.framework_id, grant.agent_id, grant.resources, {});
    return took;
  }

  static constexpr const char* prefix = "3f2a6c1e-5b7d-4e0a-9c55-0d9b6f1c2a77";
  Allocator allocator;
  Rng rng{1};
  Time now{std::chrono::seconds(1'000)};
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void measure(const char* name, size_t roles) {
  Cluster cluster(roles);
  cluster.time_cycle();  // warm
  std::vector<double> cycles, bares, ratios;
  for (size_t round = 0; round < rounds; ++round) {
    bares.push_back(time_bare_heap());
    cycles.push_back(cluster.time_cycle());
    ratios.push_back(cycles.back() / bares.back());
  }
  const auto [least, most] = std::ranges::minmax(ratios);
  fmt::print(
      "{}: a cycle of {} agents x {} frameworks in {} role(s): {:.2f} ms; bare heap {:.3f} ms; "
      "ratio {:.1f} ({:.1f} to {:.1f}), bar {:.0f}, goal {:.0f}\n",
      name, agents, frameworks, roles, median(cycles) * 1e3, median(bares) * 1e3, median(ratios),
      least, most, bar, goal);
  fmt::print(
      "{{\"name\":\"{}\",\"ratio\":{:.3f},\"ratio_min\":{:.3f},\"ratio_max\":{:.3f},\"bar\":{},"
      "\"goal\":{},\"cycle_seconds\":{:.6f},\"bare_heap_seconds\":{:.6f},\"rounds\":{}}}\n",
      name, median(ratios), least, most, bar, goal, median(cycles), median(bares), rounds);
}

}  // namespace
}  // namespace mesolith

int main() {
  mesolith::measure("T5", 1);
  mesolith::measure("T5-roles", 100);
}
