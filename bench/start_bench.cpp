// SPDX-License-Identifier: Apache-2.0
// From the start of `mesolith up` in an empty directory until `mesolith run -- true` has ended
// well, and what the idle stack (up and its launcher) keeps resident afterwards: the sum of their
// RSS, in which pages they share count twice.
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "measure.hpp"
#include "processes.hpp"

namespace mesolith::bench {
namespace {

constexpr size_t rounds = 5;
constexpr auto idle_before_measuring = std::chrono::seconds(1);

double resident_mib(const std::string& directory) {
  double kib = 0;
  for (const pid_t process : processes_below(directory)) {
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", process));
    std::string word;
    double value = 0;
    while (file >> word)
      if (word == "Rss:" && file >> value) kib += value;
  }
  if (kib == 0) give_up("no process to weigh");
  return kib / 1024;
}

void measure_once(size_t round, std::vector<double>& seconds, std::vector<double>& mib) {
  const WorkDirectory directory;
  const uint16_t port = free_port();
  const double start = seconds_now();
  const Program up({MESOLITH_PROGRAM, "up", fmt::format("--port={}", port),
                    "--data-dir=" + directory.path(), "--resources=cpus:2;mem:2048"},
                   directory.path() + "/up.log");
  wait_listening(port);
  Program run({MESOLITH_PROGRAM, "run", "-q", fmt::format("--master=127.0.0.1:{}", port), "--",
               "/bin/true"},
              directory.path() + "/run.log");
  if (run.wait() != 0) give_up("the first task failed");
  if (round > 0) seconds.push_back(seconds_now() - start);  // the first warms the page cache
  std::this_thread::sleep_for(idle_before_measuring);
  if (round > 0) mib.push_back(resident_mib(directory.path()));
}

void measure() {
  std::vector<double> seconds, mib;
  for (size_t round = 0; round <= rounds; ++round) measure_once(round, seconds, mib);
  report_plain({"start-up", "mesolith up to its first task finished", "s", "", 1, 0.3, false},
               seconds);
  report_plain({"idle-memory", "resident (RSS, shared pages counted twice) of the idle stack",
                "MiB", "", 95.4, 47.7, false},
               mib);
}

}  // namespace
}  // namespace mesolith::bench

int main() {
  mesolith::bench::measure();
}
