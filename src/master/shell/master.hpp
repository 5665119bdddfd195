// SPDX-License-Identifier: Apache-2.0
// A master that runs: its core on one loop, an HTTP server, a durable registry. The owner runs the
// loop; everything here happens on it. Fails to start with an Error that says which address or file
// was the trouble; once it runs, only a registry that cannot be written ends it (through
// `on_fatal`).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "master/core/state.hpp"
#include "net/loop.hpp"

namespace mesolith::master {

struct MasterOptions {
  Options core;
  std::string work_dir;  // the registry is <work_dir>/registry.db; empty: kept in memory
  std::string log_file;  // served by /files/*; empty: none
  std::function<void(const Error&)> on_fatal;
};

class Master {
 public:
  // `core.port` may be 0: any free port.
  static Result<std::unique_ptr<Master>> start(net::Loop& loop, MasterOptions options);
  ~Master();

  const std::string& ip() const;
  uint16_t port() const;

 private:
  struct Impl;
  explicit Master(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesolith::master
