// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.hpp"

#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/check.hpp"
#include "net/http_session.hpp"

namespace mesolith::net {

Exchange::Exchange(std::shared_ptr<HttpSession> session, uint64_t sequence)
    : session_(std::move(session)), sequence_(sequence) {}

Exchange::~Exchange() {
  if (session_ != nullptr) respond(wire::text(500, "The server did not answer this request"));
}

Exchange::Exchange(Exchange&& other) noexcept
    : session_(std::move(other.session_)), sequence_(other.sequence_) {}

Exchange& Exchange::operator=(Exchange&& other) noexcept {
  std::swap(session_, other.session_);
  std::swap(sequence_, other.sequence_);
  return *this;
}

void Exchange::respond(wire::Response response) {
  CHECK(session_ != nullptr);
  const auto session = std::move(session_);
  session->respond(sequence_, std::move(response));
}

StreamId Exchange::open_stream(wire::Response head) {
  CHECK(session_ != nullptr);
  const auto session = std::move(session_);
  return session->open_stream(sequence_, std::move(head));
}

HttpServer::Impl::Impl(Loop& loop, Limits limits, Handler handler)
    : loop(loop),
      limits(limits),
      handler(std::move(handler)),
      sweep_interval(
          std::clamp<Duration>(std::min(limits.request_read_timeout, limits.idle_timeout) / 4,
                               std::chrono::milliseconds(5), std::chrono::seconds(1))),
      sweep_timer(loop, [this] { sweep(); }) {}

void HttpServer::Impl::accept(int descriptor, std::string peer) {
  if (sessions.size() >= limits.connections_max) {
    ::close(descriptor);
    return;
  }
  const uint64_t id = ++last_session;
  const auto session = std::make_shared<HttpSession>(*this, id, std::move(peer));
  sessions.emplace(id, session);
  session->start(descriptor);
  if (!sweep_timer.armed()) sweep_timer.set(saturating_add(clock_now(), sweep_interval));
}

void HttpServer::Impl::sweep() {
  const Time now = clock_now();
  std::vector<std::shared_ptr<HttpSession>> all;
  all.reserve(sessions.size());
  for (const auto& [id, session] : sessions) all.push_back(session);
  for (const auto& session : all) session->check_time(now);
  if (!sessions.empty()) sweep_timer.set(saturating_add(now, sweep_interval));
}

std::string_view HttpServer::Impl::date(Time now) {
  const int64_t second = now.time_since_epoch() / std::chrono::seconds(1);
  if (second == date_second) return date_text;
  date_second = second;
  const std::time_t time = second;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  // The process keeps the C locale, in which these are the names that HTTP wants.
  date_text.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  return date_text;
}

void HttpServer::Impl::announce_closed(StreamId stream) {
  loop.post([server = weak_from_this(), stream] {
    const auto self = server.lock();
    if (self != nullptr && !self->stopped && self->stream_closed) self->stream_closed(stream);
  });
}

void HttpServer::Impl::stop() {
  stopped = true;
  listeners.clear();
  sweep_timer.cancel();
  std::vector<std::shared_ptr<HttpSession>> all;
  for (const auto& [id, session] : sessions) all.push_back(session);
  for (const auto& session : all) {
    session->flush();
    session->close(true);
  }
  sessions.clear();
  streams.clear();
}

HttpServer::HttpServer(Loop& loop, Limits limits, Handler handler)
    : impl_(std::make_shared<Impl>(loop, limits, std::move(handler))) {}

HttpServer::~HttpServer() {
  stop();
}

Result<Endpoint> HttpServer::listen(const std::string& ip, uint16_t port) {
  auto accept = [impl = impl_.get()](int descriptor, std::string peer) {
    impl->accept(descriptor, std::move(peer));
  };
  TRY(auto listener, Listener::open(impl_->loop, ip, port, std::move(accept)));
  Endpoint endpoint = listener->endpoint();
  impl_->listeners.push_back(std::move(listener));
  return endpoint;
}

bool HttpServer::write(StreamId stream, std::string bytes) {
  const auto found = impl_->streams.find(static_cast<uint64_t>(stream));
  if (found == impl_->streams.end()) return false;
  const auto [session, sequence] = found->second;
  return session->write_stream(sequence, std::move(bytes));
}

void HttpServer::close_stream(StreamId stream) {
  const auto found = impl_->streams.find(static_cast<uint64_t>(stream));
  if (found == impl_->streams.end()) return;
  const auto [session, sequence] = found->second;
  impl_->streams.erase(found);
  session->end_stream(sequence);
}

void HttpServer::abort_stream(StreamId stream) {
  const auto found = impl_->streams.find(static_cast<uint64_t>(stream));
  if (found == impl_->streams.end()) return;
  HttpSession* session = found->second.session;
  impl_->streams.erase(found);
  session->close(false);
}

size_t HttpServer::unsent_bytes(StreamId stream) const {
  const auto found = impl_->streams.find(static_cast<uint64_t>(stream));
  if (found == impl_->streams.end()) return 0;
  return found->second.session->unsent_bytes(found->second.sequence);
}

void HttpServer::on_stream_closed(std::function<void(StreamId)> closed) {
  impl_->stream_closed = std::move(closed);
}

size_t HttpServer::connections() const {
  return impl_->sessions.size();
}

void HttpServer::stop() {
  impl_->stop();
}

}  // namespace mesolith::net
