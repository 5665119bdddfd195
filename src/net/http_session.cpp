// SPDX-License-Identifier: Apache-2.0
#include "net/http_session.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.hpp"
#include "net/gzip.hpp"

namespace mesolith::net {
namespace {

void append_number(std::string& out, size_t number, int base = 10) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number, base);
  out.append(digits, end);
}

bool forbids_body(int status) {
  return status == 204 || status == 304 || status < 200;
}

// What the server itself says about framing; a handler's own idea of it would break the connection.
bool is_framing(std::string_view name) {
  return wire::equal_ignoring_case(name, "content-length") ||
         wire::equal_ignoring_case(name, "transfer-encoding") ||
         wire::equal_ignoring_case(name, "connection") || wire::equal_ignoring_case(name, "date");
}

}  // namespace

HttpSession::HttpSession(HttpServer::Impl& server, uint64_t id, std::string peer)
    : server_(&server),
      server_alive_(server.weak_from_this()),
      id_(id),
      peer_(std::move(peer)),
      parser_(HttpParser::Kind::request,
              {server.limits.header_bytes_max, server.limits.body_bytes_max}),
      active_(clock_now()),
      closing_since_(never) {}

void HttpSession::start(int descriptor) {
  connection_ = std::make_unique<Connection>(server_->loop, *this, descriptor);
}

HttpSession::Slot* HttpSession::slot_of(uint64_t sequence) {
  if (server_ == nullptr || sequence < first_sequence_) return nullptr;
  const uint64_t index = sequence - first_sequence_;
  return index < slots_.size() ? &slots_[index] : nullptr;
}

size_t HttpSession::on_bytes(std::string_view bytes) {
  const auto self = shared_from_this();
  active_ = clock_now();
  size_t taken = 0;
  while (taken < bytes.size() && server_ != nullptr) {
    if (closing_ || last_request_) return bytes.size();
    if (paused_) return taken;
    taken += parser_.feed(bytes.substr(taken));
    if (parser_.failed()) {
      refuse(parser_.failure_status(), parser_.failure_text());
    } else if (parser_.complete()) {
      take_request();
    } else if (parser_.started()) {
      if (request_started_ == never) request_started_ = active_;
      if (parser_.head_complete() && parser_.head().expects_continue) {
        parser_.head().expects_continue = false;
        continue_owed_ = true;
        offer_continue();
      }
    }
  }
  return bytes.size();
}

// The interim answer keeps its place among the others: it waits until all before it have left.
void HttpSession::offer_continue() {
  if (!continue_owed_ || !slots_.empty()) return;
  continue_owed_ = false;
  connection_->write("HTTP/1.1 100 Continue\r\n\r\n");
}

void HttpSession::take_request() {
  HttpParser::Head& head = parser_.head();
  Slot slot;
  slot.head_only = head.method == "HEAD";
  slot.http_1_0 = head.is_http_1_0;
  slot.close_after = !head.keep_alive;
  slot.gzip_accepted = accepts_gzip(head.headers.find("Accept-Encoding"));
  last_request_ = slot.close_after;
  continue_owed_ = false;
  request_started_ = never;
  slots_.push_back(std::move(slot));

  wire::Request request;
  request.method = std::move(head.method);
  request.target = std::move(head.target);
  request.headers = std::move(head.headers);
  request.body = std::move(parser_.body());
  request.peer = peer_;
  parser_.reset();
  dispatch(std::move(request));
}

void HttpSession::dispatch(wire::Request request) {
  const uint64_t sequence = first_sequence_ + slots_.size() - 1;
  auto target = wire::parse_target(request.target);
  if (!target) {
    respond(sequence, wire::text(400, target.error().message));
    return;
  }
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  const auto server = server_alive_.lock();  // the handler may destroy it
  server->handler(std::move(request), Exchange(shared_from_this(), sequence));
  if (server_ != nullptr) adjust_reading();
}

// Answers what is not a request, behind the answers that are due; the connection ends with it.
void HttpSession::refuse(int status, const std::string& text) {
  Slot slot;
  slot.close_after = true;
  last_request_ = true;
  continue_owed_ = false;
  request_started_ = never;
  slots_.push_back(std::move(slot));
  respond(first_sequence_ + slots_.size() - 1, wire::text(status, text));
}

void HttpSession::append_head(Slot& slot, const wire::Response& response,
                              std::optional<size_t> length) {
  std::string& out = server_->scratch;
  out = "HTTP/1.1 ";
  append_number(out, static_cast<size_t>(response.status));
  out += ' ';
  out += wire::reason_phrase(response.status);
  out += "\r\nDate: ";
  out += server_->date(clock_now());
  if (slot.chunked) {
    out += "\r\nTransfer-Encoding: chunked";
  } else if (length && !forbids_body(response.status)) {
    out += "\r\nContent-Length: ";
    append_number(out, *length);
  }
  if (slot.close_after && !slot.http_1_0) out += "\r\nConnection: close";
  if (!slot.close_after && slot.http_1_0) out += "\r\nConnection: keep-alive";
  for (const auto& [name, value] : response.headers) {
    if (is_framing(name)) continue;
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  out += "\r\n\r\n";
}

void HttpSession::respond(uint64_t sequence, wire::Response response) {
  Slot* slot = slot_of(sequence);
  if (slot == nullptr) return;
  CHECK(!slot->answered);
  slot->answered = slot->finished = true;
  if (slot->gzip_accepted && response.body.size() > gzip_bytes_min &&
      !response.headers.has("Content-Encoding")) {
    response.body = gzip(response.body);
    response.headers.add("Content-Encoding", "gzip");
  }
  append_head(*slot, response, response.body.size());
  emit(*slot, server_->scratch);
  if (!slot->head_only && !forbids_body(response.status)) {
    emit_large(*slot, std::move(response.body));
  }
  advance();
}

StreamId HttpSession::open_stream(uint64_t sequence, wire::Response head) {
  CHECK(head.body.empty());
  Slot* slot = slot_of(sequence);
  if (slot == nullptr) {
    const auto server = server_alive_.lock();
    if (server == nullptr || server->stopped) return StreamId{};
    const StreamId gone = server->next_stream();
    server->announce_closed(gone);
    return gone;
  }
  CHECK(!slot->answered);
  const StreamId stream = server_->next_stream();
  slot->answered = true;
  slot->stream = stream;
  slot->chunked = !slot->http_1_0;
  // Without chunks, only the end of the connection can tell the end of the stream.
  if (slot->http_1_0) slot->close_after = last_request_ = true;
  append_head(*slot, head, std::nullopt);
  emit(*slot, server_->scratch);
  if (peer_ended_ || slot->head_only) {
    slot->finished = true;
    server_->announce_closed(stream);
  } else {
    server_->streams.emplace(static_cast<uint64_t>(stream),
                             HttpServer::Impl::Stream{this, sequence});
  }
  advance();
  return stream;
}

bool HttpSession::write_stream(uint64_t sequence, std::string bytes) {
  Slot& slot = *slot_of(sequence);
  if (bytes.empty()) return true;
  const size_t unsent = unsent_bytes(sequence);
  if (unsent > 0 && unsent + bytes.size() > server_->limits.stream_bytes_max) {
    close(false);
    return false;
  }
  if (!slot.chunked) {
    emit_large(slot, std::move(bytes));
    return true;
  }
  std::string& frame = server_->scratch;
  frame.clear();
  append_number(frame, bytes.size(), 16);
  frame += "\r\n";
  emit(slot, frame);
  emit_large(slot, std::move(bytes));
  emit(slot, "\r\n");
  return true;
}

void HttpSession::end_stream(uint64_t sequence) {
  Slot& slot = *slot_of(sequence);
  slot.finished = true;
  slot.stream = StreamId{};
  if (slot.chunked) emit(slot, "0\r\n\r\n");
  const auto self = shared_from_this();
  advance();
}

size_t HttpSession::unsent_bytes(uint64_t sequence) const {
  if (sequence == first_sequence_) return connection_->unsent_bytes();
  return slots_[sequence - first_sequence_].held.size();
}

void HttpSession::emit(Slot& slot, std::string_view bytes) {
  if (&slot == &slots_.front()) {
    connection_->write(bytes);
  } else {
    slot.held.append(bytes);
  }
}

void HttpSession::emit_large(Slot& slot, std::string bytes) {
  if (&slot == &slots_.front()) {
    connection_->write_large(std::move(bytes));
  } else {
    slot.held.append(bytes);
  }
}

// Lets the slots that have their turn write, and takes those away that are done.
void HttpSession::advance() {
  while (!slots_.empty() && slots_.front().finished) {
    const bool close_after = slots_.front().close_after;
    slots_.pop_front();
    ++first_sequence_;
    if (close_after) return begin_closing();
    if (!slots_.empty() && !slots_.front().held.empty()) {
      connection_->write_large(std::move(slots_.front().held));
      slots_.front().held = std::string();
    }
  }
  if (slots_.empty() && peer_ended_) return begin_closing();
  offer_continue();
  adjust_reading();
}

// The last answer leaves, then the peer sees the end. Its own end, or a limit of time, closes: a
// socket closed with unread bytes would destroy the answer on its way.
void HttpSession::begin_closing() {
  if (closing_) return;
  closing_ = true;
  closing_since_ = clock_now();
  drop_slots(false);
  paused_ = false;
  connection_->resume_reading();
  connection_->end_writing();
}

void HttpSession::adjust_reading() {
  if (closing_) return;
  const Limits& limits = server_->limits;
  const bool streams = !slots_.empty() && slots_.front().stream != StreamId{};
  const bool pause = slots_.size() >= limits.pipeline_requests_max ||
                     (!streams && connection_->unsent_bytes() > limits.output_bytes_max);
  if (pause == paused_) return;
  paused_ = pause;
  if (pause) {
    connection_->pause_reading();
  } else {
    if (request_started_ != never) request_started_ = clock_now();  // the wait was not the client's
    connection_->resume_reading();
  }
}

void HttpSession::on_sent() {
  active_ = clock_now();
  if (server_ == nullptr) return;
  if (closing_ && peer_ended_ && connection_->unsent_bytes() == 0) return close(true);
  adjust_reading();
}

void HttpSession::on_end() {
  const auto self = shared_from_this();
  peer_ended_ = true;
  last_request_ = true;
  const bool streams =
      std::ranges::any_of(slots_, [](const Slot& slot) { return slot.stream != StreamId{}; });
  const bool done = slots_.empty() && connection_->unsent_bytes() == 0;
  if (streams || done) return close(false);
  if (slots_.empty()) begin_closing();
}

void HttpSession::on_failed(Error) {
  close(false);
}

void HttpSession::close(bool quiet) {
  if (server_ == nullptr) return;
  const auto self = shared_from_this();
  drop_slots(quiet);
  HttpServer::Impl* server = std::exchange(server_, nullptr);
  connection_.reset();
  server->sessions.erase(id_);
}

void HttpSession::drop_slots(bool quiet) {
  for (const Slot& slot : slots_) {
    if (slot.stream == StreamId{}) continue;
    const bool known = server_->streams.erase(static_cast<uint64_t>(slot.stream)) > 0;
    if (known && !quiet) server_->announce_closed(slot.stream);
  }
  slots_.clear();
}

void HttpSession::flush() {
  if (connection_ != nullptr) connection_->flush();
}

void HttpSession::check_time(Time now) {
  const Limits& limits = server_->limits;
  const bool closing_for_too_long = closing_ && now - closing_since_ > limits.request_read_timeout;
  const bool reading_for_too_long =
      request_started_ != never && !paused_ && now - request_started_ > limits.request_read_timeout;
  const bool waiting = slots_.empty() || connection_->unsent_bytes() > 0;
  const bool stream = !slots_.empty() && slots_.front().stream != StreamId{};
  const bool idle = waiting && !stream && now - active_ > limits.idle_timeout;
  if (closing_for_too_long || reading_for_too_long || idle) close(false);
}

}  // namespace mesolith::net
