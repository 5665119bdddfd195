// SPDX-License-Identifier: Apache-2.0
// One HTTPS request on a connection of its own, of whose answer only status and headers are read.
// Whose certificate it is, is not looked at: it is for servers on this machine.
// Failures of the network and of TLS are Code::unavailable, an answer that is not HTTP is
// Code::corrupt, a head over 64 KiB Code::too_large. There is no time limit: destruction closes it.
#pragma once

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"
#include "wire/http.hpp"

namespace mesolith::net {

class TlsRequest {
 public:
  // On the loop, once, never inside the constructor; it may destroy the TlsRequest.
  using Callback = std::function<void(Result<wire::Response>)>;

  TlsRequest(Loop& loop, const Endpoint& server, const wire::Request& request, Callback callback);
  ~TlsRequest();
  TlsRequest(const TlsRequest&) = delete;
  TlsRequest& operator=(const TlsRequest&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mesolith::net
