// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <string>
#include <utility>

#include "net/client_messages.hpp"
#include "net/connection.hpp"
#include "net/http_client.hpp"
#include "net/http_parser.hpp"

namespace mesolith::net {

struct HttpStream::Impl final : Connection::Owner, std::enable_shared_from_this<HttpStream::Impl> {
  Impl(Loop& loop, Endpoint server, StreamCallbacks callbacks, const ClientOptions& options)
      : server(std::move(server)),
        callbacks(std::move(callbacks)),
        options(options),
        parser(HttpParser::Kind::response,
               {options.header_bytes_max, std::numeric_limits<size_t>::max()}),
        timer(loop, [this] { check_time(); }) {}

  size_t on_bytes(std::string_view bytes) override;
  void on_connected() override;
  void on_end() override;
  void on_failed(Error error) override { finish(std::move(error)); }
  void hand_over();
  void check_time();
  void finish(Error error);

  const Endpoint server;
  StreamCallbacks callbacks;
  const ClientOptions options;
  HttpParser parser;
  Timer timer;
  std::unique_ptr<Connection> connection;
  bool connected = false;
  bool head_given = false;
};

void HttpStream::Impl::on_connected() {
  connected = true;
  timer.set(saturating_add(clock_now(), options.request_timeout));
}

size_t HttpStream::Impl::on_bytes(std::string_view bytes) {
  const auto self = shared_from_this();
  parser.feed(bytes);
  hand_over();
  if (connection == nullptr) return bytes.size();
  if (parser.failed()) {
    finish(answer_error(server, parser));
  } else if (parser.complete()) {
    finish(lost_error(server, "the answer has ended"));
  }
  return bytes.size();
}

// Gives the owner what the parser has by now; a callback may end it all.
void HttpStream::Impl::hand_over() {
  if (parser.head_complete() && !head_given) {
    head_given = true;
    timer.cancel();
    callbacks.on_head({parser.head().status, std::move(parser.head().headers), {}});
  }
  if (connection == nullptr || !head_given || parser.body().empty()) return;
  const std::string body = std::exchange(parser.body(), std::string());
  callbacks.on_bytes(body);
}

void HttpStream::Impl::on_end() {
  parser.finish();
  finish(lost_error(server, head_given ? "the answer has ended" : "it closed the connection"));
}

void HttpStream::Impl::check_time() {
  const Duration limit = connected ? options.request_timeout : options.connect_timeout;
  finish(lost_error(server, (connected ? "no answer within " : "no connection within ") +
                                format_duration(limit)));
}

void HttpStream::Impl::finish(Error error) {
  const auto self = shared_from_this();
  connection.reset();
  timer.cancel();
  callbacks.on_closed(std::move(error));
}

HttpStream::HttpStream(Loop& loop, const Endpoint& server, wire::Request request,
                       StreamCallbacks callbacks, ClientOptions options)
    : impl_(std::make_shared<Impl>(loop, server, std::move(callbacks), options)) {
  impl_->connection = std::make_unique<Connection>(loop, *impl_, server);
  impl_->connection->write_large(render_request(server, request));
  impl_->timer.set(saturating_add(clock_now(), options.connect_timeout));
}

HttpStream::~HttpStream() {
  impl_->connection.reset();
  impl_->timer.cancel();
}

}  // namespace mesolith::net
