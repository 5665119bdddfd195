// SPDX-License-Identifier: Apache-2.0
// A framework that launches many equal tasks as fast as it is offered resources, over the public
// scheduler API through the driver. Offers that are not needed yet are kept. It ends the process
// when a task does not finish or nothing happens for a minute.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "frameworks/driver/shell/driver.hpp"
#include "net/loop.hpp"

namespace mesolith::bench {

struct LoadShape {
  std::string master;       // "ip:port"
  std::string program;      // run without arguments and without a shell
  size_t in_flight = 1000;  // tasks launched and not finished
  size_t per_accept = 500;  // tasks in one ACCEPT
  size_t offers_min = 1;    // offers to wait for before the first run
};

class Load {
 public:
  explicit Load(LoadShape shape);

  // Seconds from the first ACCEPT until the last TASK_FINISHED was acknowledged.
  double run(size_t tasks);
  // Of the tasks of the last run: seconds from ACCEPT to TASK_RUNNING.
  const std::vector<double>& running_latencies() const { return latencies_; }

 private:
  struct Kept {
    mesos::v1::Offer offer;
    double cpus = 0;
  };
  void on_event(const mesos::v1::scheduler::Event& event);
  void on_update(const mesos::v1::TaskStatus& status);
  void accept_some();
  void accept(const Kept& kept, size_t count);

  LoadShape shape_;
  net::Loop loop_;
  net::Timer watchdog_;
  std::deque<Kept> offers_;
  std::unordered_map<std::string, double> accepted_at_;
  std::vector<double> latencies_;
  size_t to_launch_ = 0, in_flight_ = 0, next_task_ = 0;
  bool first_run_ = true;
  double started_ = 0;
  frameworks::driver::Driver driver_;
};

}  // namespace mesolith::bench
