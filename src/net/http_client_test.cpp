// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.hpp"

#include <gtest/gtest.h>
#include <sys/un.h>

#include <optional>
#include <thread>
#include <vector>

#include "net/connection.hpp"
#include "net/http_server.hpp"
#include "net/net_testing.hpp"

namespace mesolith::net {
namespace {

using std::chrono::milliseconds;

wire::Request get(std::string target) {
  wire::Request request;
  request.method = "GET";
  request.target = std::move(target);
  return request;
}

// Client and server on the loop of the test.
struct HttpClientTest : ::testing::Test {
  HttpClientTest()
      : server(loop, {}, [this](wire::Request request, Exchange exchange) {
          seen.push_back(request);
          if (request.path == "/hold") return held.push_back(std::move(exchange));
          if (request.path == "/close") {
            held.push_back(std::move(exchange));
            server.stop();
            return;
          }
          exchange.respond(
              wire::text(200, request.method + " " + request.path + " " + request.body));
        }) {
    endpoint = *server.listen("127.0.0.1", 0);
  }
  ~HttpClientTest() override { held.clear(); }

  Loop loop;
  std::vector<wire::Request> seen;
  std::vector<Exchange> held;
  Endpoint endpoint;
  HttpServer server;
};

// A peer of few words: accepts one connection after another and says the same to each.
class ScriptedServer {
 public:
  ScriptedServer(Loop& loop, std::string answer) : loop_(loop), answer_(std::move(answer)) {
    listener_ = *Listener::open(loop, "127.0.0.1", 0, [this](int descriptor, const std::string&) {
      ++accepted;
      peers_.push_back(std::make_unique<Peer>(loop_, *this, descriptor));
    });
  }
  const Endpoint& endpoint() const { return listener_->endpoint(); }

  int accepted = 0;
  std::string received;

 private:
  struct Peer : Connection::Owner {
    Peer(Loop& loop, ScriptedServer& server, int descriptor)
        : server(server), connection(std::make_unique<Connection>(loop, *this, descriptor)) {}
    size_t on_bytes(std::string_view bytes) override {
      server.received.append(bytes);
      if (!server.answer_.empty()) {
        connection->write(server.answer_);
        connection->end_writing();
      }
      return bytes.size();
    }
    void on_end() override {}
    void on_failed(Error) override {}
    ScriptedServer& server;
    std::unique_ptr<Connection> connection;
  };

  Loop& loop_;
  std::string answer_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(HttpClientTest, SendsAndReceives) {
  HttpClient client(loop, endpoint);
  wire::Request request = get("/a?b=c");
  request.method = "POST";
  request.headers.add("X-Name", "value");
  request.headers.add("Host", "elsewhere");
  request.body = "hello";
  bool called = false;
  client.request(request, [&](Result<wire::Response> response) {
    called = true;
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "POST /a hello");
    EXPECT_TRUE(response->headers.has("date"));
    EXPECT_EQ(*seen[0].headers.find("x-name"), "value");
    EXPECT_EQ(*seen[0].headers.find("host"), endpoint.text());
    EXPECT_EQ(client.pending(), 0u);
    loop.stop();
  });
  EXPECT_FALSE(called);
  testing::run_or_fail(loop);
}

TEST_F(HttpClientTest, PipelinesInOrderOverOneConnection) {
  HttpClient client(loop, endpoint);
  int next = 0;
  for (int i = 0; i < 10000; ++i) {
    client.request(get("/" + std::to_string(i)), [&, i](Result<wire::Response> response) {
      ASSERT_TRUE(response);
      EXPECT_EQ(i, next++);
      EXPECT_EQ(response->body, "GET /" + std::to_string(i) + " ");
      if (next == 10000) loop.stop();
    });
  }
  testing::run_or_fail(loop);
  EXPECT_EQ(next, 10000);
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(HttpClientTest, WaitsForEachAnswerWithoutPipelining) {
  ClientOptions options;
  options.pipeline = false;
  HttpClient client(loop, endpoint, options);
  int answered = 0;
  const auto count = [&](Result<wire::Response> response) {
    EXPECT_TRUE(response);
    if (++answered == 3) loop.stop();
  };
  client.request(get("/hold"), count);
  client.request(get("/b"), count);
  client.request(get("/c"), count);
  Timer timer(loop, [&] {
    EXPECT_EQ(seen.size(), 1u);
    held[0].respond(wire::empty(200));
  });
  timer.set(clock_now() + milliseconds(20));
  testing::run_or_fail(loop);
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(HttpClientTest, ReadsHeadAnswersWithoutABody) {
  HttpClient client(loop, endpoint);
  wire::Request head = get("/");
  head.method = "HEAD";
  client.request(head, [&](Result<wire::Response> response) {
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "");
    EXPECT_EQ(*response->headers.find("content-length"), "7");
  });
  client.request(get("/"), [&](Result<wire::Response> response) {
    EXPECT_EQ(response->body, "GET / ");
    loop.stop();
  });
  testing::run_or_fail(loop);
}

TEST_F(HttpClientTest, RefusesBeyondItsQueue) {
  ClientOptions options;
  options.queue_max = 2;
  HttpClient client(loop, endpoint, options);
  std::vector<std::string> results;
  const auto note = [&](Result<wire::Response> response) {
    results.push_back(response ? "ok" : response.error().message);
    if (results.size() == 3) loop.stop();
  };
  for (int i = 0; i < 3; ++i) client.request(get("/"), note);
  EXPECT_TRUE(results.empty());
  testing::run_or_fail(loop);
  EXPECT_EQ(results[0], endpoint.text() + ": too many requests wait");
  EXPECT_EQ(results[1], "ok");
}

TEST_F(HttpClientTest, SaysWhenNobodyListens) {
  server.stop();
  HttpClient client(loop, endpoint);
  int failed = 0;
  for (int i = 0; i < 2; ++i) {
    client.request(get("/"), [&](Result<wire::Response> response) {
      ASSERT_FALSE(response);
      EXPECT_EQ(response.error().code, Code::unavailable);
      EXPECT_TRUE(response.error().message.contains(endpoint.text())) << response.error().message;
      if (++failed == 2) loop.stop();
    });
  }
  testing::run_or_fail(loop);
}

TEST_F(HttpClientTest, FailsWhatWasSentAndConnectsAgain) {
  HttpClient client(loop, endpoint);
  std::vector<bool> results;
  client.request(get("/close"), [&](Result<wire::Response> response) {
    results.push_back(response.has_value());
    ASSERT_TRUE(server.listen(endpoint.ip, endpoint.port));
    client.request(get("/again"), [&](Result<wire::Response> response) {
      results.push_back(response.has_value());
      loop.stop();
    });
  });
  testing::run_or_fail(loop);
  EXPECT_EQ(results, (std::vector{false, true}));
}

TEST_F(HttpClientTest, GivesUpAfterItsTimeout) {
  ClientOptions options;
  options.request_timeout = milliseconds(30);
  HttpClient client(loop, endpoint, options);
  std::vector<Result<wire::Response>> results;
  const auto note = [&](Result<wire::Response> response) {
    results.push_back(std::move(response));
    if (results.size() == 3) {
      client.request(get("/fine"), [&](Result<wire::Response> response) {
        EXPECT_TRUE(response);
        loop.stop();
      });
    }
  };
  const Time start = clock_now();
  client.request(get("/first"), note);
  client.request(get("/hold"), note);
  client.request(get("/behind"), note);
  testing::run_or_fail(loop);
  EXPECT_GE(clock_now() - start, milliseconds(30));
  EXPECT_TRUE(results[0]);
  EXPECT_FALSE(results[1] || results[2]);
  EXPECT_TRUE(results[1].error().message.contains("no answer within 30ms"));
}

TEST_F(HttpClientTest, IsSilentAfterItsDestruction) {
  auto client = std::make_unique<HttpClient>(loop, endpoint);
  const auto never_called = [](Result<wire::Response>) { ADD_FAILURE(); };
  client->request(get("/"), [&](Result<wire::Response> response) {
    EXPECT_TRUE(response);
    client.reset();  // with two answers in the same bytes
    loop.post([&] { loop.stop(); });
  });
  client->request(get("/"), never_called);
  client->request(get("/hold"), never_called);
  HttpClient other(loop, endpoint);
  testing::run_or_fail(loop);
  auto gone = std::make_unique<HttpClient>(loop, endpoint);
  gone->request(get("/"), never_called);
  gone->abort(Error(Code::unavailable, "x"));
  gone.reset();
  loop.post([&] { loop.stop(); });
  testing::run_or_fail(loop);
}

TEST_F(HttpClientTest, AbortFailsAllLater) {
  HttpClient client(loop, endpoint);
  client.request(get("/"), [&](Result<wire::Response> response) {
    EXPECT_EQ(response.error(), Error(Code::conflict, "reason"));
    loop.stop();
  });
  client.abort(Error(Code::conflict, "reason"));
  EXPECT_EQ(client.pending(), 0u);
  testing::run_or_fail(loop);
}

TEST(HttpClientAgainst, AnAnswerThatEndsWithTheConnection) {
  Loop loop;
  ScriptedServer server(loop, "HTTP/1.1 200 OK\r\n\r\nall of it");
  HttpClient client(loop, server.endpoint());
  std::vector<std::string> bodies;
  for (int i = 0; i < 2; ++i) {
    client.request(get("/"), [&](Result<wire::Response> response) {
      bodies.push_back(response ? response->body : "failed");
      if (bodies.size() == 2) loop.stop();
    });
  }
  testing::run_or_fail(loop);
  EXPECT_EQ(bodies, (std::vector<std::string>{"all of it", "failed"}));
  EXPECT_EQ(server.accepted, 1);
}

TEST(HttpClientAgainst, ConnectionCloseSendsTheRestAnew) {
  Loop loop;
  ScriptedServer server(loop, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
  ClientOptions options;
  options.pipeline = false;
  HttpClient client(loop, server.endpoint(), options);
  int answered = 0;
  for (int i = 0; i < 3; ++i) {
    client.request(get("/"), [&](Result<wire::Response> response) {
      EXPECT_TRUE(response);
      if (++answered == 3) loop.stop();
    });
  }
  testing::run_or_fail(loop);
  EXPECT_EQ(server.accepted, 3);
}

TEST(HttpClientAgainst, WhatIsNotHttpOrTooLarge) {
  const std::pair<const char*, Code> cases[] = {
      {"SSH-2.0-OpenSSH\r\n", Code::corrupt},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", Code::too_large},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx", Code::unavailable},
  };
  for (const auto& [answer, code] : cases) {
    Loop loop;
    ScriptedServer server(loop, answer);
    ClientOptions options;
    options.response_bytes_max = 1000;
    HttpClient client(loop, server.endpoint(), options);
    client.request(get("/"), [&](Result<wire::Response> response) {
      ASSERT_FALSE(response);
      EXPECT_EQ(response.error().code, code) << response.error().message;
      EXPECT_TRUE(response.error().message.contains(server.endpoint().text()));
      loop.stop();
    });
    testing::run_or_fail(loop);
  }
}

TEST(HttpClientAgainst, AUnixSocket) {
  const std::string path =
      ::testing::TempDir() + "net_client_" + std::to_string(getpid()) + ".sock";
  const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listening, 1), 0);
  std::string seen;
  std::thread peer([&] {
    const int descriptor = accept(listening, nullptr, nullptr);
    char buffer[4096];
    const ssize_t size = recv(descriptor, buffer, sizeof buffer, 0);
    seen.assign(buffer, static_cast<size_t>(std::max<ssize_t>(size, 0)));
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL);
    close(descriptor);
  });
  const auto endpoint = parse_endpoint("unix:" + path);
  ASSERT_TRUE(endpoint);
  const auto answer = blocking_request(*endpoint, get("/v1.40/info"), std::chrono::seconds(20));
  peer.join();
  close(listening);
  unlink(path.c_str());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_TRUE(seen.starts_with("GET /v1.40/info HTTP/1.1\r\nHost: localhost\r\n")) << seen;
}

TEST(BlockingRequest, AnswersFailsAndGivesUp) {
  std::vector<Exchange> held;
  auto server =
      std::make_unique<testing::ServerThread>([&](wire::Request request, Exchange exchange) {
        if (request.path == "/hold") return held.push_back(std::move(exchange));
        exchange.respond(wire::text(404, "no"));
      });
  const Endpoint endpoint = server->endpoint();
  const auto answer = blocking_request(endpoint, get("/"), std::chrono::seconds(20));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  const auto late = blocking_request(endpoint, get("/hold"), milliseconds(30));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::unavailable);
  server->call([&] { held.clear(); });
  server.reset();
  const auto none = blocking_request(endpoint, get("/"), std::chrono::seconds(20));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::unavailable);
}

TEST(HttpStream, GivesHeadBytesAndEnd) {
  Loop loop;
  StreamId id{};
  std::unique_ptr<HttpServer> server;
  server = std::make_unique<HttpServer>(loop, Limits{}, [&](wire::Request, Exchange exchange) {
    id = exchange.open_stream({200, {{"A", "b"}}, {}});
    server->write(id, "one");
  });
  const Endpoint endpoint = *server->listen("127.0.0.1", 0);
  std::string events;
  StreamCallbacks callbacks;
  callbacks.on_head = [&](wire::Response head) {
    events += "head " + *head.headers.find("a") + ",";
  };
  callbacks.on_bytes = [&](std::string_view bytes) {
    events += std::string(bytes) + ",";
    if (bytes == "one") return static_cast<void>(server->write(id, "two"));
    server->close_stream(id);
  };
  callbacks.on_closed = [&](const Error& error) {
    EXPECT_EQ(error.code, Code::unavailable);
    events += "closed";
    loop.stop();
  };
  HttpStream stream(loop, endpoint, get("/"), callbacks);
  testing::run_or_fail(loop);
  EXPECT_EQ(events, "head b,one,two,closed");
}

TEST(HttpStream, GivesUpOnASilentServerAndOnNone) {
  Loop loop;
  auto server = std::make_unique<ScriptedServer>(loop, "");
  const Endpoint endpoint = server->endpoint();
  for (int i = 0; i < 2; ++i) {
    std::optional<Error> closed;
    StreamCallbacks callbacks;
    callbacks.on_head = [](wire::Response) { ADD_FAILURE(); };
    callbacks.on_bytes = [](std::string_view) { ADD_FAILURE(); };
    callbacks.on_closed = [&](Error error) {
      closed = std::move(error);
      loop.stop();
    };
    ClientOptions options;
    options.request_timeout = milliseconds(20);
    HttpStream stream(loop, endpoint, get("/"), callbacks, options);
    testing::run_or_fail(loop);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->code, Code::unavailable);
    server.reset();
  }
}

TEST(HttpStream, MayBeDestroyedByItsCallbacks) {
  for (const int where : {0, 1, 2}) {
    Loop loop;
    ScriptedServer server(loop, "HTTP/1.1 200 OK\r\n\r\nbytes");
    std::unique_ptr<HttpStream> stream;
    const auto end = [&](int here) {
      EXPECT_LE(here, where);
      if (here != where) return;
      stream.reset();
      loop.post([&] { loop.stop(); });
    };
    StreamCallbacks callbacks;
    callbacks.on_head = [&](wire::Response) { end(0); };
    callbacks.on_bytes = [&](std::string_view) { end(1); };
    callbacks.on_closed = [&](Error) { end(2); };
    stream = std::make_unique<HttpStream>(loop, server.endpoint(), get("/"), callbacks);
    testing::run_or_fail(loop);
  }
}

}  // namespace
}  // namespace mesolith::net
