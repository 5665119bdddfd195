// SPDX-License-Identifier: Apache-2.0
#include "net/tls_request.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "net/client_messages.hpp"
#include "net/connection.hpp"
#include "net/http_parser.hpp"

namespace mesolith::net {
namespace {

constexpr size_t header_bytes_max = 64 << 10;
constexpr size_t piece_bytes = 16 << 10;  // one TLS record

// Of all requests; it holds no secrets and is never changed.
SSL_CTX* shared_context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_client_method());
    CHECK(made != nullptr);
    SSL_CTX_set_verify(made, SSL_VERIFY_NONE, nullptr);
    return made;
  }();
  return context;
}

std::string tls_problem() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "TLS failed";
  ERR_error_string_n(code, text.data(), text.size());
  return std::string("TLS failed: ") + text.data();
}

}  // namespace

struct TlsRequest::Impl final : Connection::Owner, std::enable_shared_from_this<TlsRequest::Impl> {
  Impl(const Endpoint& server, std::string request, Callback callback)
      : server(server),
        request(std::move(request)),
        callback(std::move(callback)),
        session(SSL_new(shared_context()), SSL_free),
        incoming(BIO_new(BIO_s_mem())),
        outgoing(BIO_new(BIO_s_mem())) {
    CHECK(session && incoming && outgoing);
    SSL_set_bio(session.get(), incoming, outgoing);  // which owns them now
    SSL_set_connect_state(session.get());
  }

  void on_connected() override { advance(); }
  size_t on_bytes(std::string_view bytes) override {
    const auto self = shared_from_this();
    // A BIO in memory takes everything.
    CHECK(BIO_write(incoming, bytes.data(), static_cast<int>(bytes.size())) ==
          static_cast<int>(bytes.size()));
    advance();
    return bytes.size();
  }
  void on_end() override {
    finish(std::unexpected(lost_error(server, "it closed the connection")));
  }
  void on_failed(Error error) override { finish(std::unexpected(std::move(error))); }

  void advance() {
    const bool was_ready = SSL_is_init_finished(session.get()) == 1;
    const int result = was_ready ? 1 : SSL_do_handshake(session.get());
    if (result == 1 && !was_ready) {
      SSL_write(session.get(), request.data(), static_cast<int>(request.size()));
    }
    const bool broken = result != 1 && !is_waiting(result);
    const bool more = result == 1 && read();
    send();  // an alert, too
    if (broken) finish(std::unexpected(lost_error(server, tls_problem())));
    if (!connection || broken) return;
    if (parser.failed()) {
      finish(std::unexpected(answer_error(server, parser)));
    } else if (parser.head_complete()) {
      finish(wire::Response{parser.head().status, std::move(parser.head().headers), {}});
    } else if (result == 1 && !more) {
      finish(std::unexpected(lost_error(server, "it ended the connection")));
    }
  }

  bool is_waiting(int result) const {
    return SSL_get_error(session.get(), result) == SSL_ERROR_WANT_READ;
  }
  // Whether there may be more to come.
  bool read() {
    std::array<char, piece_bytes> piece;
    while (!parser.head_complete() && !parser.failed()) {
      const int size = SSL_read(session.get(), piece.data(), static_cast<int>(piece.size()));
      if (size <= 0) return is_waiting(size);
      parser.feed({piece.data(), static_cast<size_t>(size)});
    }
    return true;
  }
  void send() {
    std::array<char, piece_bytes> piece;
    int size = 0;
    while ((size = BIO_read(outgoing, piece.data(), static_cast<int>(piece.size()))) > 0) {
      if (connection) connection->write({piece.data(), static_cast<size_t>(size)});
    }
  }

  void finish(Result<wire::Response> outcome) {
    if (!connection) return;
    const auto self = shared_from_this();
    connection.reset();
    callback(std::move(outcome));
  }

  const Endpoint server;
  const std::string request;
  const Callback callback;
  // Of the body no more is taken than comes in one piece with the head.
  HttpParser parser{HttpParser::Kind::response,
                    {header_bytes_max, std::numeric_limits<size_t>::max()}};
  std::unique_ptr<SSL, void (*)(SSL*)> session;
  BIO* incoming;
  BIO* outgoing;
  std::unique_ptr<Connection> connection;
};

TlsRequest::TlsRequest(Loop& loop, const Endpoint& server, const wire::Request& request,
                       Callback callback)
    : impl_(std::make_shared<Impl>(server, render_request(server, request), std::move(callback))) {
  impl_->connection = std::make_unique<Connection>(loop, *impl_, server);
}

TlsRequest::~TlsRequest() {
  impl_->connection.reset();
}

}  // namespace mesolith::net
