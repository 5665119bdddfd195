// SPDX-License-Identifier: Apache-2.0
#include "sim/record_session.hpp"

#include "base/check.hpp"

namespace mesolith::sim {
namespace {

constexpr size_t record_bytes_max = 64 << 20;

}  // namespace

RecordSession::RecordSession(Schedule& schedule, Network& network, Rng& rng, SessionOptions options,
                             SessionCallbacks callbacks)
    : schedule_(schedule),
      network_(network),
      rng_(rng),
      options_(std::move(options)),
      callbacks_(std::make_shared<const SessionCallbacks>(std::move(callbacks))),
      decoder_(record_bytes_max) {}

RecordSession::~RecordSession() {
  *alive_ = false;
  if (events_ != 0) network_.close(events_, End::client);
  if (calls_ != 0) network_.close(calls_, End::client);
}

wire::Request RecordSession::request(std::string body) const {
  wire::Request request;
  request.method = "POST";
  request.target = request.path = options_.path;
  const std::string media(wire::media_name(options_.media));
  request.headers.set("Content-Type", media);
  request.headers.set("Accept", media);
  if (!stream_id_.empty()) request.headers.set("Mesos-Stream-Id", stream_id_);
  request.peer = "10.0.0." + std::to_string(options_.client) + ":40000";
  request.body = std::move(body);
  return request;
}

void RecordSession::subscribe(std::string body) {
  CHECK(events_ == 0);
  Handlers handlers;
  handlers.on_message = [this](ConnectionId, Message message) { on_message(std::move(message)); };
  handlers.on_closed = [this](ConnectionId) { end("the connection was lost"); };
  events_ = network_.connect(options_.client, options_.server, std::move(handlers));
  network_.send(events_, End::client, request(std::move(body)));
  schedule_.after(options_.subscribe_timeout, [this, alive = alive_] {
    if (*alive && !subscribed_) end("the subscription was not answered in time");
  });
}

void RecordSession::on_message(Message message) {
  if (ended_) return;
  if (const auto* bytes = std::get_if<std::string>(&message)) return on_chunk(*bytes);
  const auto& head = std::get<wire::Response>(message);
  if (head.status != 200) {
    ended_ = true;
    const auto callbacks = callbacks_;
    return callbacks->on_refused(head);
  }
  subscribed_ = true;
  if (const std::string* id = head.headers.find("Mesos-Stream-Id")) stream_id_ = *id;
  const auto callbacks = callbacks_;
  callbacks->on_subscribed();
}

void RecordSession::on_chunk(const std::string& bytes) {
  if (!decoder_.feed(bytes)) return end("the stream is not RecordIO");
  const std::shared_ptr<bool> alive = alive_;
  const auto callbacks = callbacks_;
  while (*alive && !ended_) {
    const std::optional<std::string> record = decoder_.next();
    if (!record) return;
    callbacks->on_record(*record);
  }
}

void RecordSession::open_calls() {
  Handlers handlers;
  handlers.on_message = [this](ConnectionId, const Message&) {
    if (!unanswered_.empty()) unanswered_.pop_front();
  };
  handlers.on_closed = [this](ConnectionId) { on_calls_closed(); };
  calls_ = network_.connect(options_.client, options_.server, std::move(handlers));
}

void RecordSession::send(std::string body) {
  if (ended_ || !subscribed_) return;
  if (calls_ == 0) open_calls();
  unanswered_.push_back(body);
  network_.send(calls_, End::client, request(std::move(body)));
}

void RecordSession::on_calls_closed() {
  calls_ = 0;
  if (ended_ || unanswered_.empty()) return;
  if (!rng_.chance(options_.resend)) return end("a call was not answered");
  open_calls();
  for (const std::string& body : unanswered_) network_.send(calls_, End::client, request(body));
}

void RecordSession::end(const std::string& reason) {
  if (ended_) return;
  ended_ = true;
  if (events_ != 0) network_.close(events_, End::client);
  if (calls_ != 0) network_.close(calls_, End::client);
  const auto callbacks = callbacks_;
  callbacks->on_closed(reason);
}

}  // namespace mesolith::sim
