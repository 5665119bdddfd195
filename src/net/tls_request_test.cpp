// SPDX-License-Identifier: Apache-2.0
#include "net/tls_request.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

#include "net/net_testing.hpp"

namespace mesolith::net {
namespace {

// A server with a certificate of its own making, which takes one connection and answers it.
class TlsServer {
 public:
  explicit TlsServer(std::string answer, bool speaks_tls = true) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    endpoint = {"127.0.0.1", ntohs(address.sin_port)};
    thread_ = std::thread([this, answer = std::move(answer), speaks_tls] {
      const int peer = accept(listener_, nullptr, nullptr);
      if (speaks_tls) {
        serve(peer, answer);
      } else {
        (void)!::write(peer, answer.data(), answer.size());
      }
      ::shutdown(peer, SHUT_WR);
      char rest[1024];
      while (::read(peer, rest, sizeof rest) > 0) {
      }
      ::close(peer);
    });
  }
  ~TlsServer() {
    thread_.join();
    ::close(listener_);
  }

  Endpoint endpoint;
  std::string asked;

 private:
  void serve(int peer, const std::string& answer) {
    EVP_PKEY* key = EVP_RSA_gen(2048);
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -1000);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -10);  // even expired
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context, certificate);
    SSL_CTX_use_PrivateKey(context, key);
    SSL* session = SSL_new(context);
    SSL_set_fd(session, peer);
    if (SSL_accept(session) == 1) {
      char buffer[4096];
      const int size = SSL_read(session, buffer, sizeof buffer);
      if (size > 0) asked.assign(buffer, static_cast<size_t>(size));
      SSL_write(session, answer.data(), static_cast<int>(answer.size()));
    }
    SSL_free(session);
    SSL_CTX_free(context);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  int listener_ = -1;
  std::thread thread_;
};

Result<wire::Response> ask(const Endpoint& server) {
  Loop loop;
  wire::Request request;
  request.method = "GET";
  request.target = "/well";
  std::optional<Result<wire::Response>> answer;
  TlsRequest asking(loop, server, request, [&](Result<wire::Response> outcome) {
    answer = std::move(outcome);
    loop.stop();
  });
  EXPECT_FALSE(answer);
  testing::run_or_fail(loop);
  return answer.value_or(failure(Code::system, "nothing came"));
}

TEST(TlsRequestTest, GetsTheHead) {
  TlsServer server("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1000000\r\n\r\nbody");
  const auto answer = ask(server.endpoint);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(*answer->headers.find("Location"), "/x");
}

TEST(TlsRequestTest, WhatIsNoAnswer) {
  for (const std::string& words :
       {std::string("hello\r\n\r\n"), std::string(),
        "HTTP/1.1 200 OK\r\nX: " + std::string(100 << 10, 'x') + "\r\n\r\n"}) {
    TlsServer server(words);
    EXPECT_FALSE(ask(server.endpoint)) << words.substr(0, 20);
  }
}

TEST(TlsRequestTest, AServerWithoutTls) {
  TlsServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
  const auto answer = ask(server.endpoint);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
}

TEST(TlsRequestTest, NobodyThere) {
  const auto answer = ask({"127.0.0.1", 1});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
}

}  // namespace
}  // namespace mesolith::net
