// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server on one loop. Each request becomes a wire::Request and an Exchange, the right
// to answer it once, now or later; a connection's answers leave in the order of its requests. An
// answer may be a stream of chunks, held by its StreamId.
//
// What the server adds: Date, Content-Length or Transfer-Encoding, Connection, and gzip where the
// client accepts it, the body exceeds gzip_bytes_min and no Content-Encoding is set. It answers by
// itself what is not HTTP (400), a body over its limit (413), headers over theirs (431) and an
// Exchange dropped unanswered (500).
// Limits protect it: see Limits, each with what happens beyond it.
// Everything is called on the loop (or before it runs), the handler and callbacks too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"
#include "wire/http.hpp"

namespace mesolith::net {

// Bodies of at most this many bytes are never compressed.
inline constexpr size_t gzip_bytes_min = 1024;

struct Limits {
  size_t header_bytes_max = 64 << 10;  // request line and headers; beyond: 431, closed
  size_t body_bytes_max = 64 << 20;    // of a request; beyond: 413, closed
  size_t connections_max = 60000;      // beyond: a new connection is closed at once
  // Requests of one connection not yet answered; beyond: it is not read until some are.
  size_t pipeline_requests_max = 1024;
  // Unsent bytes of plain answers of one connection; beyond: it is not read until they have left.
  size_t output_bytes_max = 1 << 20;
  // Unsent bytes of a stream; a write that would exceed it closes the stream. One record of any
  // size may always be written to a stream with nothing unsent.
  size_t stream_bytes_max = 64 << 20;
  // From a request's first byte to its last; beyond: closed. Also how long the last bytes before a
  // close may take to leave.
  Duration request_read_timeout = std::chrono::seconds(60);
  // Without any request, or with an answer that the client does not read; beyond: closed. An
  // exchange that is open, and a stream, may last for ever.
  Duration idle_timeout = std::chrono::minutes(10);
};

// Never used twice by one server; 0 is no stream.
enum class StreamId : uint64_t {};

class HttpSession;

// The right to answer one request. Dropping it unanswered answers 500. It may outlive the
// connection and the server; an answer to nobody is dropped.
class Exchange {
 public:
  Exchange(std::shared_ptr<HttpSession> session, uint64_t sequence);  // made by the server
  ~Exchange();
  Exchange(Exchange&& other) noexcept;
  Exchange& operator=(Exchange&& other) noexcept;

  // Exactly one of these two is called, once. Neither calls back before it returns.
  void respond(wire::Response response);
  // Sends the head with Transfer-Encoding: chunked; its body must be empty. When the peer is gone
  // already, the stream is closed as any other: on_stream_closed follows.
  StreamId open_stream(wire::Response head);

 private:
  std::shared_ptr<HttpSession> session_;
  uint64_t sequence_ = 0;
};

class HttpServer {
 public:
  using Handler = std::function<void(wire::Request, Exchange)>;

  HttpServer(Loop& loop, Limits limits, Handler handler);
  ~HttpServer();  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens on one more address; port 0 takes a free one. Returns the address with its real port.
  // Code::conflict when another process has it, Code::system otherwise; the text names the address.
  Result<Endpoint> listen(const std::string& ip, uint16_t port);

  // Sends `bytes` as one chunk. False when the stream is closed, or is now closed because too much
  // is unsent (Limits::stream_bytes_max). Empty bytes send nothing.
  bool write(StreamId stream, std::string bytes);
  // The stream ends properly once what was written has left. Unknown streams are ignored.
  void close_stream(StreamId stream);
  // Breaks the connection of a stream now, unsent bytes and all.
  void abort_stream(StreamId stream);
  size_t unsent_bytes(StreamId stream) const;
  // Called once for each stream that ends otherwise than by close_stream, abort_stream or stop():
  // its peer has gone or does not read. Never called from inside another call to the server.
  void on_stream_closed(std::function<void(StreamId)> closed);

  size_t connections() const;
  // Closes listeners and connections; after it nothing is called any more. Bytes that the kernel
  // takes at once still leave.
  void stop();

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace mesolith::net
