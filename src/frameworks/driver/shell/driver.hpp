// SPDX-License-Identifier: Apache-2.0
// A scheduler driver on a loop: the driver's core over a record stream. Callbacks run on the loop,
// never inside a call to this object; it may be destroyed by them. What it promises is in
// frameworks/driver/core/driver.hpp.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "frameworks/driver/core/driver.hpp"
#include "net/loop.hpp"
#include "wire/media_type.hpp"

namespace mesolith::frameworks::driver {

struct Callbacks {
  std::function<void(const mesos::v1::scheduler::Event&)>
      on_event;  // SUBSCRIBED first, after each (re)connection
  std::function<void(const std::string& reason)> on_disconnected;
  std::function<void(const std::string& message)> on_abort;  // nothing follows
};

class Driver {
 public:
  // `wire::Media::protobuf` is the faster encoding; both say the same.
  Driver(net::Loop& loop, Options options, wire::Media media, Callbacks callbacks);
  ~Driver();  // leaves without a TEARDOWN
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  void start();
  // framework_id is filled in.
  void call(mesos::v1::scheduler::Call call);
  const std::string& framework_id() const;
  const std::string& master() const;  // "ip:port", connected or connecting to

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mesolith::frameworks::driver
