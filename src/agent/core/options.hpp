// SPDX-License-Identifier: Apache-2.0
// How an agent was told to be: read from flags once, never changed. Paths are absolute.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/time.hpp"
#include "mesos/v1/mesos.pb.h"

namespace mesolith::agent {

struct Options {
  // hostname, port, resources, attributes, domain; never an id. Resources in the format that the
  // API speaks (no `role`), unallocated.
  mesos::v1::AgentInfo info;
  std::string ip = "127.0.0.1";    // what the HTTP API listens on and tasks are told
  std::string version = "1.12.0";  // of the interface we speak; clients compare it
  std::string work_dir = "/var/lib/mesos";
  std::string log_dir;   // empty: none
  std::string log_file;  // served as /slave/log; empty: none

  Duration registration_backoff_factor = std::chrono::seconds(1);
  Duration executor_registration_timeout = std::chrono::minutes(1);
  Duration executor_reregistration_timeout = std::chrono::seconds(2);
  Duration executor_shutdown_grace_period = std::chrono::seconds(5);
  Duration recovery_timeout = std::chrono::minutes(15);
  Duration executor_heartbeat_interval = std::chrono::minutes(30);
  Duration status_update_retry_min = std::chrono::seconds(10);
  Duration status_update_retry_max = std::chrono::minutes(10);

  // Sandboxes of what has ended go after gc_delay, or sooner by how full their disk is.
  Duration gc_delay = std::chrono::hours(7 * 24);
  double gc_disk_headroom = 0.1;  // the part of the disk that is to stay free
  Duration disk_watch_interval = std::chrono::minutes(1);

  bool switch_user = true;             // false: every task runs as the agent's own user
  bool http_command_executor = false;  // only told to executors
  std::string libprocess_ip;           // LIBPROCESS_IP of our own environment
  std::map<std::string, std::string> executor_environment;  // --executor_environment_variables
  std::map<std::string, std::string> flags;                 // as given, for /flags and /state

  // Limits of ours and of the original's history.
  size_t completed_frameworks_max = 50;
  size_t completed_executors_max = 150;  // per framework
  size_t completed_tasks_max = 200;      // per executor
  size_t sandboxes_left_max = 20'000;    // known at a time; the rest is found on the disk later
};

}  // namespace mesolith::agent
