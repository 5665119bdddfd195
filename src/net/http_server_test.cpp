// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "net/gzip.hpp"
#include "net/net_testing.hpp"

namespace mesolith::net {
namespace {

using std::chrono::milliseconds;
using testing::RawSocket;
using testing::ServerThread;

// Answers with what it saw.
void echo(wire::Request request, Exchange exchange) {
  exchange.respond(wire::text(200, request.method + " " + request.path + " " + request.body));
}

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

bool has(const std::string& text, std::string_view part) {
  return text.contains(part);
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  ServerThread server(echo);
  RawSocket client(server.endpoint());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a%20b?q=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi");
    const std::string answer = client.take_answer();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
    EXPECT_TRUE(has(answer, " GMT\r\nContent-Length: 12\r\n")) << answer;
    EXPECT_FALSE(has(answer, "Connection:")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nPOST /a b hi")) << answer;
  }
}

TEST(HttpServer, HandsOverTheWholeRequest) {
  std::optional<wire::Request> seen;
  ServerThread server([&](wire::Request request, Exchange exchange) {
    seen = std::move(request);
    exchange.respond(wire::empty(202));
  });
  RawSocket client(server.endpoint());
  client.send("PUT /x?k=v HTTP/1.1\r\nA: 1\r\na: 2\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_TRUE(has(client.take_answer(), "HTTP/1.1 202 Accepted\r\n"));
  server.call([&] {
    EXPECT_EQ(seen->method, "PUT");
    EXPECT_EQ(seen->target, "/x?k=v");
    EXPECT_EQ(seen->path, "/x");
    EXPECT_EQ(*seen->query.find("k"), "v");
    EXPECT_EQ(seen->headers.size(), 3u);
    EXPECT_EQ(seen->body, "abc");
    EXPECT_TRUE(seen->peer.starts_with("127.0.0.1:"));
  });
}

TEST(HttpServer, TakesRequestsByteByByte) {
  ServerThread server(echo);
  RawSocket client(server.endpoint());
  const std::string request =
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
  for (const char c : request) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_TRUE(client.take_answer().ends_with("POST / abc"));
}

TEST(HttpServer, ClosesWhenAskedTo) {
  ServerThread server(echo);
  RawSocket old(server.endpoint());
  old.send("GET /1 HTTP/1.0\r\n\r\n");
  const std::string first = old.take_all();
  EXPECT_TRUE(has(first, "HTTP/1.1 200 OK") && !has(first, "Connection:")) << first;
  RawSocket once(server.endpoint());
  once.send("GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n" + get("/never"));
  const std::string second = once.take_all();
  EXPECT_TRUE(has(second, "\r\nConnection: close\r\n") && second.ends_with("GET /2 ")) << second;
  RawSocket kept(server.endpoint());
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(has(kept.take_answer(), "\r\nConnection: keep-alive\r\n"));
  }
}

TEST(HttpServer, AnswersTenThousandPipelinedRequestsInOrder) {
  ServerThread server(echo);
  RawSocket client(server.endpoint());
  std::thread sender([&] {
    std::string all;
    for (int i = 0; i < 10000; ++i) all += get("/" + std::to_string(i));
    EXPECT_TRUE(client.send(all));
  });
  RawSocket* reader = &client;
  for (int i = 0; i < 10000; ++i) {
    const std::string answer = reader->take_answer();
    ASSERT_TRUE(answer.ends_with("GET /" + std::to_string(i) + " ")) << answer;
  }
  sender.join();
}

TEST(HttpServer, KeepsTheOrderWhenAnswersAreLate) {
  std::vector<Exchange> open;
  Limits limits;
  limits.pipeline_requests_max = 8;
  ServerThread server(
      [&](wire::Request request, Exchange exchange) {
        if (request.path != "/now") return open.push_back(std::move(exchange));
        exchange.respond(wire::text(200, "now"));
      },
      limits);
  RawSocket client(server.endpoint());
  client.send(get("/a") + get("/now") + get("/b") + get("/now"));
  server.await([&] { return open.size() == 2; });
  server.call([&] { open[1].respond(wire::text(200, "b")); });
  server.call([&] { open[0].respond(wire::text(200, "a")); });
  std::string bodies;
  for (int i = 0; i < 4; ++i) bodies += client.take_answer().back();
  EXPECT_EQ(bodies, "awbw");
  server.call([&] { open.clear(); });

  // No more than the limit are under way; the rest is read later.
  std::string many;
  for (int i = 0; i < 20; ++i) many += get("/later");
  client.send(many);
  server.await([&] { return open.size() == 8; });
  size_t answered = 0;
  while (answered < 20) {
    server.await([&] { return !open.empty(); });
    server.call([&] {
      EXPECT_LE(open.size(), 8u);
      answered += open.size();
      for (Exchange& exchange : std::exchange(open, {})) exchange.respond(wire::empty(200));
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(has(client.take_answer(), " 200 OK"));
  server.call([&] { open.clear(); });
}

TEST(HttpServer, AnswersADroppedExchangeWith500) {
  ServerThread server([](wire::Request, Exchange) {});
  RawSocket client(server.endpoint());
  client.send(get("/"));
  EXPECT_TRUE(has(client.take_answer(), "HTTP/1.1 500 "));
}

TEST(HttpServer, SaysContinueInItsPlace) {
  std::vector<Exchange> open;
  ServerThread server([&](wire::Request request, Exchange exchange) {
    if (request.path == "/wait") return open.push_back(std::move(exchange));
    exchange.respond(wire::text(200, request.body));
  });
  RawSocket client(server.endpoint());
  const std::string head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  client.send(head);
  EXPECT_EQ(client.take_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ab");
  EXPECT_TRUE(client.take_answer().ends_with("ab"));
  client.send(get("/wait") + head);
  server.await([&] { return open.size() == 1; });
  server.call([&] { open[0].respond(wire::text(200, "first")); });
  EXPECT_TRUE(client.take_answer().ends_with("first"));
  EXPECT_EQ(client.take_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("cd");
  EXPECT_TRUE(client.take_answer().ends_with("cd"));
  client.send(head + "ef");  // does not wait for it
  std::string answer = client.take_answer();
  if (has(answer, " 100 ")) answer = client.take_answer();  // the body came a little later
  EXPECT_TRUE(answer.ends_with("ef"));
  server.call([&] { open.clear(); });
}

TEST(HttpServer, SendsNoBodyWhereNoneBelongs) {
  ServerThread server([](wire::Request request, Exchange exchange) {
    exchange.respond(wire::text(request.path == "/none" ? 204 : 200, "body"));
  });
  RawSocket client(server.endpoint());
  client.send("HEAD / HTTP/1.1\r\n\r\n");
  const std::string head = client.take_until("\r\n\r\n");
  EXPECT_TRUE(has(head, "Content-Length: 4\r\n")) << head;
  client.send(get("/none"));
  const std::string none = client.take_until("\r\n\r\n");
  EXPECT_TRUE(none.starts_with("HTTP/1.1 204 ") && !has(none, "Content-Length")) << none;
  client.send(get("/"));
  EXPECT_TRUE(client.take_answer().ends_with("\r\n\r\nbody"));
}

TEST(HttpServer, RefusesWhatIsNotHttpAfterWhatIs) {
  ServerThread server(echo);
  RawSocket garbage(server.endpoint());
  garbage.send("hello\r\n\r\n");
  EXPECT_TRUE(has(garbage.take_all(), "HTTP/1.1 400 Bad Request\r\n"));
  RawSocket mixed(server.endpoint());
  mixed.send(get("/1") + "?????");
  const std::string answers = mixed.take_all();
  EXPECT_TRUE(has(answers, "GET /1 ")) << answers;
  EXPECT_LT(answers.find(" 200 OK"), answers.find(" 400 Bad Request"));
  RawSocket escape(server.endpoint());
  escape.send(get("/%zz") + get("/2"));
  EXPECT_TRUE(has(escape.take_answer(), " 400 "));
  EXPECT_TRUE(has(escape.take_answer(), " 200 "));  // that one was well framed
}

TEST(HttpServer, LimitsHeadersBodiesAndConnections) {
  Limits limits;
  limits.header_bytes_max = 1000;
  limits.body_bytes_max = 1000;
  limits.connections_max = 2;
  ServerThread server(echo, limits);
  {
    RawSocket large(server.endpoint());
    large.send("POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'));
    const std::string answer = large.take_all();
    EXPECT_TRUE(has(answer, "HTTP/1.1 413 ") && has(answer, "1000 bytes")) << answer;
    RawSocket headers(server.endpoint());
    headers.send("GET / HTTP/1.1\r\nA: " + std::string(1001, 'x') + "\r\n\r\n");
    EXPECT_TRUE(has(headers.take_all(), "HTTP/1.1 431 "));
  }
  server.await([&] { return server.server().connections() == 0; });
  RawSocket one(server.endpoint());
  RawSocket two(server.endpoint());
  server.await([&] { return server.server().connections() == 2; });
  RawSocket three(server.endpoint());
  EXPECT_EQ(three.take_all(), "");
  one.send(get("/"));
  EXPECT_TRUE(has(one.take_answer(), " 200 OK"));
}

TEST(HttpServer, ClosesSlowAndIdleClients) {
  Limits limits;
  limits.request_read_timeout = milliseconds(60);
  limits.idle_timeout = milliseconds(120);
  std::vector<Exchange> open;
  ServerThread server(
      [&](wire::Request, Exchange exchange) { open.push_back(std::move(exchange)); }, limits);
  RawSocket patient(server.endpoint());
  patient.send(get("/"));  // unanswered for longer than both
  server.await([&] { return open.size() == 1; });
  const Time start = clock_now();
  RawSocket slow(server.endpoint());
  slow.send("GET / HT");
  EXPECT_EQ(slow.take_all(), "");
  EXPECT_GE(clock_now() - start, milliseconds(60));
  RawSocket idle(server.endpoint());
  EXPECT_EQ(idle.take_all(), "");
  EXPECT_GE(clock_now() - start, milliseconds(120));
  server.call([&] { open[0].respond(wire::text(200, "late")); });
  EXPECT_TRUE(patient.take_answer().ends_with("late"));
  server.call([&] { open.clear(); });
}

TEST(HttpServer, ClosesAClientThatDoesNotReadItsAnswer) {
  Limits limits;
  limits.idle_timeout = milliseconds(100);
  ServerThread server(
      [&](wire::Request, Exchange exchange) {
        exchange.respond(wire::text(200, std::string(20 << 20, 'x')));
      },
      limits);
  RawSocket client(server.endpoint(), 4096);
  client.send(get("/"));
  server.await([&] { return server.server().connections() == 1; });
  server.await([&] { return server.server().connections() == 0; });
}

TEST(HttpServer, DoesNotReadAClientThatDoesNotRead) {
  Limits limits;
  limits.output_bytes_max = 1 << 20;
  int handled = 0;
  ServerThread server(
      [&](wire::Request, Exchange exchange) {
        ++handled;
        exchange.respond(wire::text(200, std::string(1 << 20, 'x')));
      },
      limits);
  RawSocket client(server.endpoint(), 4096);
  std::string many;
  for (int i = 0; i < 100; ++i) many += get("/");
  client.send(many);
  server.await([&] { return handled > 1; });
  server.call([&] { EXPECT_LT(handled, 20); });
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(has(client.take_answer(), " 200 OK"));
}

TEST(HttpServer, AnswersAHalfClosedClient) {
  std::vector<Exchange> open;
  ServerThread server([&](wire::Request request, Exchange exchange) {
    if (request.path == "/late") return open.push_back(std::move(exchange));
    exchange.respond(wire::text(200, "now"));
  });
  RawSocket client(server.endpoint());
  client.send(get("/late") + get("/now"));
  client.end_sending();
  server.await([&] { return open.size() == 1; });
  server.call([&] { open[0].respond(wire::text(200, "late")); });
  const std::string answers = client.take_all();
  EXPECT_LT(answers.find("late"), answers.find("now"));
  EXPECT_TRUE(answers.ends_with("now"));
  server.await([&] { return server.server().connections() == 0; });
  RawSocket quick(server.endpoint());
  quick.send(get("/now"));
  quick.end_sending();
  EXPECT_TRUE(quick.take_all().ends_with("now"));
  server.call([&] { open.clear(); });
}

TEST(HttpServer, SurvivesResetsAndAnswersToNobody) {
  std::vector<Exchange> open;
  std::vector<StreamId> closed;
  ServerThread server(
      [&](wire::Request, Exchange exchange) { open.push_back(std::move(exchange)); });
  server.call([&] {
    server.server().on_stream_closed([&](StreamId stream) { closed.push_back(stream); });
  });
  RawSocket client(server.endpoint());
  client.send(get("/") + get("/"));
  server.await([&] { return open.size() == 2; });
  client.reset();
  server.await([&] { return server.server().connections() == 0; });
  const StreamId stream = server.call([&] {
    open[0].respond(wire::text(200, "nobody"));
    return open[1].open_stream({200, {}, {}});
  });
  server.await([&] { return closed == std::vector{stream}; });
  server.call([&] {
    EXPECT_FALSE(server.server().write(stream, "x"));
    open.clear();
  });
}

TEST(HttpServer, PacksLargeBodiesForThoseWhoWantIt) {
  const std::string large(1025, 'x');
  ServerThread server([&](wire::Request request, Exchange exchange) {
    wire::Response response = wire::json(request.path == "/large" ? large : large.substr(1));
    if (request.path == "/packed") response.headers.add("Content-Encoding", "br");
    exchange.respond(std::move(response));
  });
  RawSocket client(server.endpoint());
  const std::string wanted = " HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n";
  client.send("GET /large" + wanted);
  std::string answer = client.take_answer();
  EXPECT_TRUE(has(answer, "\r\nContent-Encoding: gzip\r\n"));
  EXPECT_EQ(gunzip(answer.substr(answer.find("\r\n\r\n") + 4), 5000), large);
  for (const std::string& plain : {"GET /small" + wanted, get("/large"), "GET /packed" + wanted}) {
    client.send(plain);
    answer = client.take_answer();
    EXPECT_FALSE(has(answer, "gzip")) << answer;
    EXPECT_TRUE(answer.ends_with(large.substr(1)));
  }
}

TEST(HttpServer, ListensOnSeveralAddressesAndSaysWhichOneIsTaken) {
  Loop loop;
  HttpServer server(loop, {}, echo);
  const auto first = server.listen("127.0.0.1", 0);
  const auto second = server.listen("127.0.0.2", 0);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->port, 0);
  EXPECT_EQ(second->ip, "127.0.0.2");
  HttpServer other(loop, {}, echo);
  const auto taken = other.listen("127.0.0.1", first->port);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::conflict);
  EXPECT_TRUE(has(taken.error().message, first->text())) << taken.error().message;
  const auto foreign = other.listen("192.0.2.1", 0);
  ASSERT_FALSE(foreign);
  EXPECT_TRUE(has(foreign.error().message, "192.0.2.1:0")) << foreign.error().message;
  EXPECT_FALSE(other.listen("example.org", 80));
}

TEST(HttpServer, StopEndsEverything) {
  std::vector<Exchange> open;
  ServerThread server(
      [&](wire::Request, Exchange exchange) { open.push_back(std::move(exchange)); });
  RawSocket client(server.endpoint());
  client.send(get("/"));
  server.await([&] { return open.size() == 1; });
  server.call([&] {
    server.server().on_stream_closed([](StreamId) { ADD_FAILURE(); });
    open[0].open_stream({200, {}, {}});
    server.server().stop();
    EXPECT_EQ(server.server().connections(), 0u);
    open.clear();
  });
  EXPECT_TRUE(has(client.take_all(), "HTTP/1.1 200 OK"));
  EXPECT_EQ(server.call([] { return 1; }), 1);
}

TEST(HttpServer, MayBeDestroyedByItsHandler) {
  Loop loop;
  std::unique_ptr<HttpServer> server;
  server = std::make_unique<HttpServer>(loop, Limits{}, [&](wire::Request, Exchange) {
    server.reset();
    loop.stop();
  });
  const auto endpoint = server->listen("127.0.0.1", 0);
  RawSocket client(*endpoint);
  client.send(get("/") + get("/"));
  testing::run_or_fail(loop);
  EXPECT_EQ(server, nullptr);
}

// A server whose every request opens a stream.
class StreamServer {
 public:
  explicit StreamServer(Limits limits = {})
      : server(
            [this](wire::Request, Exchange exchange) {
              streams.push_back(exchange.open_stream({200, {{"X-Stream", "yes"}}, {}}));
            },
            limits) {
    server.call([this] {
      server.server().on_stream_closed([this](StreamId stream) { closed.push_back(stream); });
    });
  }
  StreamId await_stream(size_t index) {
    server.await([&] { return streams.size() > index; });
    return server.call([&] { return streams[index]; });
  }
  bool write(StreamId stream, std::string bytes) {
    return server.call([&] { return server.server().write(stream, bytes); });
  }
  void await_closed(StreamId stream) {
    server.await([&] { return closed == std::vector{stream}; });
  }

  std::vector<StreamId> streams;
  std::vector<StreamId> closed;
  ServerThread server;
};

TEST(HttpServerStream, WritesOneChunkPerCall) {
  StreamServer streams;
  RawSocket client(streams.server.endpoint());
  client.send(get("/") + get("/after"));
  const StreamId stream = streams.await_stream(1);
  const StreamId first = streams.await_stream(0);
  const std::string head = client.take_until("\r\n\r\n");
  EXPECT_TRUE(has(head, "\r\nTransfer-Encoding: chunked\r\n")) << head;
  EXPECT_TRUE(has(head, "\r\nX-Stream: yes\r\n") && !has(head, "Content-Length")) << head;
  EXPECT_TRUE(streams.write(stream, "second"));  // waits behind the first
  EXPECT_TRUE(streams.write(first, "hello"));
  EXPECT_TRUE(streams.write(first, ""));
  EXPECT_TRUE(streams.write(first, std::string(100000, 'x')));
  streams.server.call([&] { streams.server.server().close_stream(first); });
  EXPECT_EQ(client.take_until("hello\r\n"), "5\r\nhello\r\n");
  EXPECT_EQ(client.take_until("0\r\n\r\n"),
            "186a0\r\n" + std::string(100000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_FALSE(streams.write(first, "x"));
  client.take_until("\r\n\r\n");
  EXPECT_EQ(client.take(11), "6\r\nsecond\r\n");
  EXPECT_TRUE(streams.server.call([&] { return streams.closed.empty(); }));
}

TEST(HttpServerStream, OfHttp10EndsWithTheConnection) {
  StreamServer streams;
  RawSocket client(streams.server.endpoint());
  client.send("GET / HTTP/1.0\r\n\r\n");
  const StreamId stream = streams.await_stream(0);
  EXPECT_TRUE(streams.write(stream, "plain"));
  streams.server.call([&] { streams.server.server().close_stream(stream); });
  const std::string all = client.take_all();
  EXPECT_TRUE(all.ends_with("\r\n\r\nplain") && !has(all, "chunked")) << all;
}

TEST(HttpServerStream, EndsWhenItsPeerGoes) {
  for (const int way : {0, 1, 2}) {
    StreamServer streams;
    auto client = std::make_unique<RawSocket>(streams.server.endpoint());
    client->send(get("/"));
    const StreamId stream = streams.await_stream(0);
    if (way == 0) client.reset();
    if (way == 1) client->reset();
    if (way == 2) client->end_sending();
    streams.await_closed(stream);
    EXPECT_FALSE(streams.write(stream, "x"));
  }
}

TEST(HttpServerStream, IsClosedWhenItsPeerDoesNotRead) {
  Limits limits;
  limits.stream_bytes_max = 1 << 20;
  limits.idle_timeout = milliseconds(20);  // which is not for streams
  StreamServer streams(limits);
  RawSocket client(streams.server.endpoint(), 4096);
  client.send(get("/"));
  const StreamId stream = streams.await_stream(0);
  EXPECT_TRUE(streams.write(stream, std::string(30 << 20, 'x')));  // alone it may be any size
  EXPECT_GT(streams.server.call([&] { return streams.server.server().unsent_bytes(stream); }), 0u);
  EXPECT_FALSE(streams.write(stream, "x"));
  streams.await_closed(stream);
  EXPECT_FALSE(streams.write(stream, "x"));
}

TEST(HttpServerStream, IsAbortedQuietly) {
  StreamServer streams;
  RawSocket client(streams.server.endpoint());
  client.send(get("/"));
  const StreamId stream = streams.await_stream(0);
  streams.server.call([&] { streams.server.server().abort_stream(stream); });
  const std::string all = client.take_all();
  EXPECT_FALSE(all.ends_with("0\r\n\r\n"));
  streams.server.call([&] { EXPECT_TRUE(streams.closed.empty()); });
}

}  // namespace
}  // namespace mesolith::net
