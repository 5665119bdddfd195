// SPDX-License-Identifier: Apache-2.0
// The stream used four times (scheduler, executor, operator and agent): a subscription that is
// POSTed and answered by RecordIO events, and calls on another connection that carry the
// subscription's id in Mesos-Stream-Id. RecordStream is the client's half, write_record the
// server's.
// RecordStream never subscribes again by itself: its owner decides when and where. Callbacks run on
// the loop, never inside a call to it, never after its destruction; they may destroy it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "net/address.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/loop.hpp"
#include "wire/http.hpp"

namespace mesolith::net {

// Calls without an answer yet; beyond, send fails with Code::unavailable.
inline constexpr size_t calls_max = 65536;

struct RecordStreamOptions {
  Endpoint server;
  std::string path;                               // "/api/v1/scheduler"
  std::string content_type = "application/json";  // of the subscription and each call
  std::string accept = "application/json";        // of the events wanted
  wire::Headers headers;                          // sent with each request, e.g. Authorization
  size_t record_bytes_max = size_t{512} << 20;    // a longer record ends the stream
  size_t refusal_bytes_max = 1 << 20;             // of a refusal's body; the rest is dropped
  Duration subscribe_timeout = std::chrono::seconds(30);  // from subscribe() to the head
  Duration call_timeout = std::chrono::seconds(30);
};

struct RecordStreamCallbacks {  // all of them are set
  // The answer was 200. `stream_id` is its Mesos-Stream-Id, empty when it has none.
  std::function<void(std::string stream_id, const wire::Response& head)> on_subscribed;
  std::function<void(std::string record)> on_record;
  // The answer was not 200: an error, or a redirect (307) whose Location names the leader.
  std::function<void(wire::Response)> on_refused;
  // The connection failed, or the stream ended after on_subscribed. Not after on_refused.
  std::function<void(Error)> on_closed;
};

class RecordStream {
 public:
  RecordStream(Loop& loop, RecordStreamOptions options, RecordStreamCallbacks callbacks);
  ~RecordStream();
  RecordStream(const RecordStream&) = delete;
  RecordStream& operator=(const RecordStream&) = delete;

  // Drops a subscription there may be, without a callback, and starts a new one.
  void subscribe(std::string body);
  // Leaves without a callback; calls already made are still sent and answered.
  void unsubscribe();
  // For the next subscription and calls. Calls without an answer fail with Code::unavailable.
  void set_server(const Endpoint& server);
  const Endpoint& server() const;
  bool subscribed() const;  // between on_subscribed and its end

  // Calls leave in order, many in flight. Code::unavailable when calls_max wait or the server is
  // gone. Without a subscription a call is sent without a stream id.
  void send(std::string body, HttpClient::Callback callback);
  size_t calls_pending() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Where a 307's Location points: "//10.0.0.2:5050/..." and "http://10.0.0.2:5050/...".
Result<Endpoint> redirect_endpoint(const wire::Response& response);

// Frames `record` and writes it to the stream as one chunk. False when the stream is closed, as
// HttpServer::write says. A record is never empty.
bool write_record(HttpServer& server, StreamId stream, std::string_view record);

}  // namespace mesolith::net
