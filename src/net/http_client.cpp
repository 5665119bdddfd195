// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.hpp"

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/client_messages.hpp"
#include "net/connection.hpp"
#include "net/http_parser.hpp"

namespace mesolith::net {

struct HttpClient::Impl final : Connection::Owner, std::enable_shared_from_this<HttpClient::Impl> {
  struct Call {
    std::string bytes;  // until they are sent
    bool head_only;
    Callback callback;
    Time deadline = never;  // once sent
  };
  using Calls = std::deque<Call>;

  Impl(Loop& loop, Endpoint server, ClientOptions options)
      : loop(loop),
        server(std::move(server)),
        options(options),
        parser(HttpParser::Kind::response, {options.header_bytes_max, options.response_bytes_max}),
        timer(loop, [this] { check_time(); }) {}

  void add(const wire::Request& request, Callback callback);
  void connect();
  void send_waiting();
  void expect_next();
  void finish_front();
  void lose(const Error& error);
  void fail_calls(Calls failed, const Error& error);
  void check_time();
  void disconnect();
  Calls take_calls(size_t count);

  void on_connected() override;
  size_t on_bytes(std::string_view bytes) override;
  void on_end() override;
  void on_failed(Error error) override;

  Loop& loop;
  Endpoint server;
  const ClientOptions options;
  std::unique_ptr<Connection> connection;
  bool connected = false;
  Time connect_deadline = never;
  HttpParser parser;
  Timer timer;
  Calls calls;
  size_t sent = 0;  // of calls, the foremost
  bool dead = false;
};

void HttpClient::Impl::add(const wire::Request& request, Callback callback) {
  if (calls.size() >= options.queue_max) {
    Calls refused;
    refused.push_back({"", false, std::move(callback)});
    auto shared = std::make_shared<Calls>(std::move(refused));
    loop.post(
        [weak = weak_from_this(), shared, error = lost_error(server, "too many requests wait")] {
          const auto self = weak.lock();
          if (self != nullptr) self->fail_calls(std::move(*shared), error);
        });
    return;
  }
  calls.push_back({render_request(server, request), request.method == "HEAD", std::move(callback)});
  if (connection == nullptr) return connect();
  if (connected) send_waiting();
}

void HttpClient::Impl::connect() {
  connected = false;
  connection = std::make_unique<Connection>(loop, *this, server);
  connect_deadline = saturating_add(clock_now(), options.connect_timeout);
  timer.set(connect_deadline);
}

void HttpClient::Impl::on_connected() {
  connected = true;
  connect_deadline = never;
  timer.cancel();
  parser.reset();
  send_waiting();
}

void HttpClient::Impl::send_waiting() {
  if (sent == calls.size()) return;
  const Time deadline = saturating_add(clock_now(), options.request_timeout);
  if (!timer.armed()) timer.set(deadline);
  while (sent < calls.size() && (sent == 0 || options.pipeline)) {
    Call& call = calls[sent];
    connection->write_large(std::exchange(call.bytes, std::string()));
    call.deadline = deadline;
    if (++sent == 1) expect_next();
  }
}

// The parser must know what it is the answer to.
void HttpClient::Impl::expect_next() {
  parser.reset(sent == 0 || !calls.front().head_only);
}

size_t HttpClient::Impl::on_bytes(std::string_view bytes) {
  const auto self = shared_from_this();
  Connection* const mine = connection.get();
  std::string_view rest = bytes;
  while (!rest.empty()) {
    if (sent == 0) {
      lose(Error(Code::corrupt, server.text() + ": an answer that nothing asked for"));
      break;
    }
    rest.remove_prefix(parser.feed(rest));
    if (parser.failed()) {
      lose(answer_error(server, parser));
      break;
    }
    if (parser.complete()) finish_front();
    if (dead || connection.get() != mine) break;
  }
  return bytes.size();
}

void HttpClient::Impl::finish_front() {
  const bool keep_alive = parser.head().keep_alive;
  wire::Response response{parser.head().status, std::move(parser.head().headers),
                          std::move(parser.body())};
  Callback callback = std::move(calls.front().callback);
  calls.pop_front();
  --sent;
  expect_next();
  if (keep_alive && connected && !options.pipeline) send_waiting();
  if (keep_alive) {
    callback(std::move(response));
    return;
  }
  Calls failed = take_calls(sent);
  disconnect();
  if (!calls.empty()) connect();
  callback(std::move(response));
  fail_calls(std::move(failed), lost_error(server, "it closed the connection"));
}

HttpClient::Impl::Calls HttpClient::Impl::take_calls(size_t count) {
  Calls taken;
  for (; count > 0; --count) {
    taken.push_back(std::move(calls.front()));
    calls.pop_front();
  }
  sent = 0;
  return taken;
}

void HttpClient::Impl::disconnect() {
  connection.reset();
  connected = false;
  connect_deadline = never;
  sent = 0;
  timer.cancel();
}

// Those sent fail, or all when there never was a connection; the others get a new one.
void HttpClient::Impl::lose(const Error& error) {
  Calls failed = take_calls(connected ? sent : calls.size());
  disconnect();
  if (!calls.empty()) connect();
  fail_calls(std::move(failed), error);
}

void HttpClient::Impl::fail_calls(Calls failed, const Error& error) {
  const auto self = shared_from_this();
  for (Call& call : failed) {
    if (dead) return;
    call.callback(std::unexpected(error));
  }
}

void HttpClient::Impl::on_end() {
  const auto self = shared_from_this();
  Connection* const mine = connection.get();
  if (sent > 0 && parser.finish()) finish_front();
  if (!dead && connection.get() == mine) lose(lost_error(server, "it closed the connection"));
}

void HttpClient::Impl::on_failed(Error error) {
  const auto self = shared_from_this();
  if (connected) error.message = server.text() + ": " + error.message;
  lose(error);
}

void HttpClient::Impl::check_time() {
  const auto self = shared_from_this();
  const Time now = clock_now();
  if (now >= connect_deadline) {
    return lose(
        lost_error(server, "no connection within " + format_duration(options.connect_timeout)));
  }
  if (connect_deadline != never) return timer.set(connect_deadline);
  if (sent == 0) return;
  if (now < calls.front().deadline) return timer.set(calls.front().deadline);
  lose(lost_error(server, "no answer within " + format_duration(options.request_timeout)));
}

HttpClient::HttpClient(Loop& loop, Endpoint server, ClientOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(server), options)) {}

HttpClient::~HttpClient() {
  impl_->dead = true;
  impl_->disconnect();
  impl_->calls.clear();
}

void HttpClient::request(wire::Request request, Callback callback) {
  impl_->add(request, std::move(callback));
}

void HttpClient::abort(const Error& error) {
  auto failed = std::make_shared<Impl::Calls>(impl_->take_calls(impl_->calls.size()));
  impl_->disconnect();
  impl_->loop.post([weak = impl_->weak_from_this(), failed, error] {
    const auto self = weak.lock();
    if (self != nullptr) self->fail_calls(std::move(*failed), error);
  });
}

void HttpClient::set_server(const Endpoint& server) {
  abort(lost_error(impl_->server, "left for " + server.text()));
  impl_->server = server;
}

size_t HttpClient::pending() const {
  return impl_->calls.size();
}

Result<wire::Response> blocking_request(const Endpoint& server, wire::Request request,
                                        Duration timeout) {
  Loop loop;
  ClientOptions options;
  options.connect_timeout = options.request_timeout = timeout;
  HttpClient client(loop, server, options);
  std::optional<Result<wire::Response>> answer;
  Timer timer(loop, [&] {
    client.abort(lost_error(server, "no answer within " + format_duration(timeout)));
  });
  timer.set(saturating_add(clock_now(), timeout));
  client.request(std::move(request), [&](Result<wire::Response> result) {
    answer = std::move(result);
    loop.stop();
  });
  loop.run();
  return *std::move(answer);
}

}  // namespace mesolith::net
