// SPDX-License-Identifier: Apache-2.0
// The client's half of a record stream in the simulated network, as net/record_stream is in the
// real one: one connection for the subscription and its records, another for calls in order. When
// the calls' connection breaks, unanswered calls are either sent again on a new one, so that the
// server may see them twice, or the whole session ends.
//
// After on_refused or on_closed nothing further comes. Callbacks may destroy the session; after its
// destruction none comes.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "sim/network.hpp"
#include "wire/media_type.hpp"
#include "wire/record_io.hpp"

namespace mesolith::sim {

struct SessionCallbacks {
  std::function<void()> on_subscribed;
  std::function<void(const std::string& record)> on_record;
  std::function<void(const wire::Response&)> on_refused;
  std::function<void(const std::string& reason)> on_closed;
};

struct SessionOptions {
  NodeId client = 0, server = 0;
  std::string path;
  wire::Media media = wire::Media::protobuf;
  Duration subscribe_timeout = std::chrono::seconds(5);
  double resend = 0.5;  // how likely calls are sent again rather than the session ended
};

class RecordSession {
 public:
  RecordSession(Schedule& schedule, Network& network, Rng& rng, SessionOptions options,
                SessionCallbacks callbacks);
  ~RecordSession();
  RecordSession(const RecordSession&) = delete;
  RecordSession& operator=(const RecordSession&) = delete;

  // Once.
  void subscribe(std::string body);
  void send(std::string body);

 private:
  wire::Request request(std::string body) const;
  void on_message(Message message);
  void on_chunk(const std::string& bytes);
  void open_calls();
  void on_calls_closed();
  void end(const std::string& reason);

  Schedule& schedule_;
  Network& network_;
  Rng& rng_;
  SessionOptions options_;
  // Shared, so that one which destroys the session may still return.
  std::shared_ptr<const SessionCallbacks> callbacks_;
  ConnectionId events_ = 0, calls_ = 0;  // 0: none
  bool subscribed_ = false, ended_ = false;
  std::string stream_id_;
  wire::RecordDecoder decoder_;
  std::deque<std::string> unanswered_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mesolith::sim
