// SPDX-License-Identifier: Apache-2.0
// Reads the cluster's capacity and use from a master's public JSON (/slaves, /frameworks) each
// second. What cannot be read is skipped and tried again; the first failure of a row is logged.
// Everything runs on the loop, which outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "frameworks/drf_demo/core/observation.hpp"
#include "net/loop.hpp"

namespace mesolith::frameworks::drf_demo {

class ClusterWatch {
 public:
  // `master` is asked for the "ip:port" to read from before each reading; empty: not now.
  ClusterWatch(net::Loop& loop, std::function<std::string()> master,
               std::function<void(Observation)> observed);
  ~ClusterWatch();
  ClusterWatch(const ClusterWatch&) = delete;
  ClusterWatch& operator=(const ClusterWatch&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesolith::frameworks::drf_demo
