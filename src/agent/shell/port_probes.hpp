// SPDX-License-Identifier: Apache-2.0
// Looks at ports of this machine's loopback addresses for checks and health checks: a connection,
// or a GET whose answer's head is enough; a body is not read. A head over 64 KiB is no answer. The
// certificate of an https server is not looked at. Redirects are followed on the loopback
// addresses; one that leads elsewhere is itself the answer. Nothing here has a time limit: whoever
// started a probe cancels it. On the loop only; `on_probed` is never called from inside start() or
// cancel().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/core/effects.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"

namespace mesolith::agent {

inline constexpr int redirects_max = 10;  // of one probe; beyond: the last one is the answer

class PortProbes {
 public:
  PortProbes(net::Loop& loop, std::function<void(Probed)> on_probed);
  ~PortProbes();
  PortProbes(const PortProbes&) = delete;
  PortProbes& operator=(const PortProbes&) = delete;

  void start(const ProbePort& wanted);
  void cancel(const ContainerId& probe);
  size_t under_way() const { return probes_.size(); }

 private:
  class Probe;
  void answer(Probed probed);

  net::Loop& loop_;
  std::function<void(Probed)> on_probed_;
  std::map<ContainerId, std::unique_ptr<Probe>> probes_;
};

// Where a redirect leads, from `from`; nothing unless that is on a loopback address.
struct Place {
  bool tls = false;
  net::Endpoint server;
  std::string target;  // of the request
  bool operator==(const Place&) const = default;
};
std::optional<Place> redirected(const Place& from, std::string_view location);

}  // namespace mesolith::agent
