// SPDX-License-Identifier: Apache-2.0
// One connection of an HttpServer: its requests in, their answers out in the same order. Each
// request has a slot in `slots_` from its arrival until its answer has been handed to the
// connection; only the foremost slot writes, the others hold their bytes.
// A session lives as long as the server keeps it or an Exchange refers to it; once closed it does
// nothing.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/connection.hpp"
#include "net/http_parser.hpp"
#include "net/http_server.hpp"

namespace mesolith::net {

class HttpSession final : public Connection::Owner,
                          public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(HttpServer::Impl& server, uint64_t id, std::string peer);

  void start(int descriptor);
  // The answer to the request of that number.
  void respond(uint64_t sequence, wire::Response response);
  StreamId open_stream(uint64_t sequence, wire::Response head);
  bool write_stream(uint64_t sequence, std::string bytes);
  void end_stream(uint64_t sequence);
  size_t unsent_bytes(uint64_t sequence) const;
  // Closes a connection that has been waiting for too long.
  void check_time(Time now);
  // Breaks the connection. Its streams end, which is told unless `quiet`.
  void close(bool quiet);
  void flush();

  size_t on_bytes(std::string_view bytes) override;
  void on_end() override;
  void on_sent() override;
  void on_failed(Error error) override;

 private:
  struct Slot {
    bool head_only = false;  // the request was HEAD
    bool http_1_0 = false;
    bool close_after = false;
    bool gzip_accepted = false;
    bool answered = false;
    bool finished = false;  // all its bytes are known
    bool chunked = false;
    StreamId stream{};
    std::string held;  // its bytes, until it is foremost
  };

  Slot* slot_of(uint64_t sequence);
  void take_request();
  void dispatch(wire::Request request);
  void refuse(int status, const std::string& text);
  void offer_continue();
  void append_head(Slot& slot, const wire::Response& response, std::optional<size_t> length);
  void emit(Slot& slot, std::string_view bytes);
  void emit_large(Slot& slot, std::string bytes);
  void advance();
  void begin_closing();
  void drop_slots(bool quiet);
  void adjust_reading();

  HttpServer::Impl* server_;  // null once closed
  std::weak_ptr<HttpServer::Impl> server_alive_;
  const uint64_t id_;
  const std::string peer_;
  std::unique_ptr<Connection> connection_;
  HttpParser parser_;
  std::deque<Slot> slots_;
  uint64_t first_sequence_ = 0;  // of slots_.front()
  bool continue_owed_ = false;
  bool last_request_ = false;  // no request after the one at the back of slots_
  bool peer_ended_ = false;
  bool closing_ = false;  // the last answer is on its way; what still comes is thrown away
  bool paused_ = false;
  Time request_started_ = never;
  Time active_;  // something was read, or some unsent bytes left
  Time closing_since_;
};

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(Loop& loop, Limits limits, Handler handler);

  struct Stream {
    HttpSession* session;
    uint64_t sequence;
  };

  void accept(int descriptor, std::string peer);
  void sweep();
  // "Sun, 22 Nov 2026 12:43:55 GMT", rendered once a second.
  std::string_view date(Time now);
  // Tells the owner later that a stream has ended.
  void announce_closed(StreamId stream);
  StreamId next_stream() { return StreamId{++last_stream}; }
  void stop();

  Loop& loop;
  const Limits limits;
  Handler handler;
  std::function<void(StreamId)> stream_closed;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::unordered_map<uint64_t, std::shared_ptr<HttpSession>> sessions;
  std::unordered_map<uint64_t, Stream> streams;
  uint64_t last_session = 0;
  uint64_t last_stream = 0;
  std::string date_text;
  int64_t date_second = -1;
  std::string scratch;  // where heads are put together
  Duration sweep_interval;
  Timer sweep_timer;
  bool stopped = false;
};

}  // namespace mesolith::net
