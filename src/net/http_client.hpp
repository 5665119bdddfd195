// SPDX-License-Identifier: Apache-2.0
// Requests to one HTTP server: HttpClient for many over a kept connection, HttpStream for one whose
// answer never ends, blocking_request for a program without a loop.
// Failures of the network are Code::unavailable; an answer that is not HTTP is Code::corrupt, one
// over its limit Code::too_large. The text names the server. A request that was sent is never
// repeated by itself.
// Callbacks run on the loop, never inside the call that named them, and never after the
// destruction of the object that they were given to; they may destroy it. Host and Content-Length
// are added to each request.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "base/time.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"
#include "wire/http.hpp"

namespace mesolith::net {

struct ClientOptions {
  Duration connect_timeout = std::chrono::seconds(5);
  // From its sending to its whole answer; beyond: the connection is closed, which fails the
  // requests sent after it too.
  Duration request_timeout = std::chrono::seconds(30);
  // Requests without an answer yet; beyond: refused with Code::unavailable.
  size_t queue_max = 16384;
  size_t response_bytes_max = size_t{1} << 30;  // of an answer's body
  size_t header_bytes_max = 64 << 10;           // of an answer
  // Whether a request is sent before the one ahead of it is answered.
  bool pipeline = true;
};

class HttpClient {
 public:
  using Callback = std::function<void(Result<wire::Response>)>;

  HttpClient(Loop& loop, Endpoint server, ClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends in the order of the calls; connects first if need be. When the connection breaks, those
  // sent fail, and those not yet sent go over a new one; when it cannot be made, all fail.
  void request(wire::Request request, Callback callback);
  // Fails all that have no answer with `error`, and closes the connection.
  void abort(const Error& error);
  // Another server from now on; those without an answer fail with Code::unavailable.
  void set_server(const Endpoint& server);
  size_t pending() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

struct StreamCallbacks {                        // all of them are set
  std::function<void(wire::Response)> on_head;  // status and headers; the body is empty
  std::function<void(std::string_view)> on_bytes;
  // Once, and the last: the answer has ended (Code::unavailable too) or failed.
  std::function<void(Error)> on_closed;
};

// One request on its own connection, whose answer comes in pieces. Destruction closes it.
class HttpStream {
 public:
  // ClientOptions::request_timeout is for the head alone; response_bytes_max is not looked at.
  HttpStream(Loop& loop, const Endpoint& server, wire::Request request, StreamCallbacks callbacks,
             ClientOptions options = {});
  ~HttpStream();
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Sends one request over a connection of its own and waits for the answer, `timeout` at most.
Result<wire::Response> blocking_request(const Endpoint& server, wire::Request request,
                                        Duration timeout);

}  // namespace mesolith::net
