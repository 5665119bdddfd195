// SPDX-License-Identifier: Apache-2.0
// T1, T3 and T4: real tasks through a real master, agent and launcher on loopback, launched by a
// framework in this process. The bare loop forks this process, so it runs between the framework's
// runs, when its loop stands still.
#include <csignal>

#include "bare.hpp"
#include "load.hpp"
#include "measure.hpp"
#include "processes.hpp"

namespace mesolith::bench {
namespace {

constexpr size_t rounds = 7;
constexpr size_t rate_tasks = 1000;
constexpr size_t latency_tasks = 100;

double rate(Load& load) {
  return static_cast<double>(rate_tasks) / load.run(rate_tasks);
}

void measure_rate(const WorkDirectory& directory) {
  const RealCluster cluster(directory.path() + "/t1", {MESOLITH_PROGRAM, {"agent"}});
  Load load({.master = cluster.master(), .program = BENCH_TRUE});
  report({"T1", "tasks launched, ACCEPT to FINISHED acknowledged", "/s",
          "bare directory + files + vfork + exec + reap on both cores, /s", 0.30, 0.60},
         interleave(
             rounds,
             [&] { return bare_launches_per_second(directory.path(), BENCH_TRUE, rate_tasks); },
             [&] { return rate(load); }));
}

void measure_latency(const WorkDirectory& directory) {
  const RealCluster cluster(directory.path() + "/t3", {MESOLITH_PROGRAM, {"agent"}});
  Load load({.master = cluster.master(), .program = BENCH_TRUE, .in_flight = 1, .per_accept = 1});
  const auto pairs = interleave(
      rounds,
      [&] {
        return 1e6 * (bare_spawn_seconds(BENCH_TRUE, latency_tasks) +
                      2 * loopback_round_trip_seconds(1000));
      },
      [&] {
        load.run(latency_tasks);
        return 1e6 * median(load.running_latencies());
      });
  report({"T3", "ACCEPT to RUNNING, p50", "us", "bare spawn + 2 loopback round trips, us", 5, 3,
          false},
         pairs);
}

void measure_ballast(const WorkDirectory& directory) {
  const RealCluster small(directory.path() + "/t4-small", {BENCH_AGENT, {"0"}});
  const RealCluster big(directory.path() + "/t4-big", {BENCH_AGENT, {"1024"}});
  Load small_load({.master = small.master(), .program = BENCH_TRUE});
  Load big_load({.master = big.master(), .program = BENCH_TRUE});
  report({"T4", "launch rate with 1 GiB resident in the agent", "/s",
          "the same with little resident, /s", 0.85, 0.95},
         interleave(rounds, [&] { return rate(small_load); }, [&] { return rate(big_load); }));
}

}  // namespace
}  // namespace mesolith::bench

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const mesolith::bench::WorkDirectory directory;
  mesolith::bench::measure_rate(directory);
  mesolith::bench::measure_latency(directory);
  mesolith::bench::measure_ballast(directory);
}
