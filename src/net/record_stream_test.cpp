// SPDX-License-Identifier: Apache-2.0
#include "net/record_stream.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "net/net_testing.hpp"

namespace mesolith::net {
namespace {

using std::chrono::milliseconds;

// A small master and its subscriber on the loop of the test.
struct RecordStreamTest : ::testing::Test {
  RecordStreamTest()
      : server(std::make_unique<HttpServer>(loop, Limits{},
                                            [this](wire::Request request, Exchange exchange) {
                                              handle(std::move(request), std::move(exchange));
                                            })) {
    endpoint = *server->listen("127.0.0.1", 0);
    options.server = endpoint;
    options.path = "/api/v1/scheduler";
    options.headers.add("Authorization", "Basic x");
    callbacks.on_subscribed = [this](std::string id, const wire::Response& head) {
      events.push_back("subscribed " + id);
      EXPECT_EQ(*head.headers.find("content-type"), "application/json");
      if (on_event) on_event();
    };
    callbacks.on_record = [this](std::string record) {
      events.push_back(record.size() > 100 ? "large " + std::to_string(record.size()) : record);
      if (on_event) on_event();
    };
    callbacks.on_refused = [this](const wire::Response& response) {
      events.push_back("refused " + std::to_string(response.status) + " " + response.body);
      refusal = response;
      loop.stop();
    };
    callbacks.on_closed = [this](const Error& error) {
      events.emplace_back("closed");
      closed = error;
      loop.stop();
    };
  }

  void handle(wire::Request request, Exchange exchange) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(*request.headers.find("authorization"), "Basic x");
    EXPECT_EQ(*request.headers.find("content-type"), "application/json");
    const std::string* id = request.headers.find("Mesos-Stream-Id");
    if (request.body == "hold") return held.push_back(std::move(exchange));
    if (request.body.starts_with("call")) {
      calls.push_back(request.body + " of " + (id == nullptr ? "nobody" : *id));
      return exchange.respond(wire::empty(202));
    }
    EXPECT_EQ(id, nullptr);
    if (request.body == "refuse") return exchange.respond(wire::text(400, "bad"));
    if (request.body == "redirect") {
      wire::Response redirect = wire::empty(307);
      redirect.headers.add("Location", "//10.0.0.2:5051/api/v1/scheduler");
      return exchange.respond(std::move(redirect));
    }
    stream = exchange.open_stream({200,
                                   {{"Content-Type", "application/json"},
                                    {"Mesos-Stream-Id", "id-" + std::to_string(++subscriptions)}},
                                   {}});
    if (request.body == "wrong") {
      server->write(stream, "3\nabcx\n");
    } else {
      write_record(*server, stream, request.body);
    }
  }

  Loop loop;
  std::unique_ptr<HttpServer> server;
  Endpoint endpoint;
  StreamId stream{};
  int subscriptions = 0;
  std::vector<std::string> calls;
  std::vector<Exchange> held;
  RecordStreamOptions options;
  RecordStreamCallbacks callbacks;
  std::vector<std::string> events;
  std::function<void()> on_event;
  std::optional<Error> closed;
  wire::Response refusal;
};

using Events = std::vector<std::string>;

TEST_F(RecordStreamTest, ReadsRecordsUntilTheServerEnds) {
  RecordStream subscriber(loop, options, callbacks);
  on_event = [&] {
    EXPECT_TRUE(subscriber.subscribed());
    if (events.size() == 2) {
      EXPECT_TRUE(write_record(*server, stream, "second"));
      EXPECT_TRUE(write_record(*server, stream, std::string(3 << 20, 'x')));
      EXPECT_TRUE(write_record(*server, stream, "last"));
    }
    if (events.back() == "last") server->close_stream(stream);
  };
  subscriber.subscribe("first");
  EXPECT_TRUE(events.empty());
  testing::run_or_fail(loop);
  EXPECT_EQ(events,
            (Events{"subscribed id-1", "first", "second", "large 3145728", "last", "closed"}));
  EXPECT_EQ(closed->code, Code::unavailable);
  EXPECT_FALSE(subscriber.subscribed());
}

TEST_F(RecordStreamTest, IsRefusedAndRedirected) {
  RecordStream subscriber(loop, options, callbacks);
  subscriber.subscribe("refuse");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, Events{"refused 400 bad"});
  events.clear();
  subscriber.subscribe("redirect");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, Events{"refused 307 "});
  EXPECT_EQ(redirect_endpoint(refusal), (Endpoint{"10.0.0.2", 5051}));
  subscriber.set_server(*redirect_endpoint(refusal));
  EXPECT_EQ(subscriber.server().port, 5051);
}

TEST_F(RecordStreamTest, CutsARefusalThatIsTooLong) {
  options.refusal_bytes_max = 2;
  RecordStream subscriber(loop, options, callbacks);
  subscriber.subscribe("refuse");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, Events{"refused 400 ba"});
}

TEST_F(RecordStreamTest, SendsCallsInOrderWithItsStreamId) {
  RecordStream subscriber(loop, options, callbacks);
  int answered = 0;
  on_event = [&] {
    if (events.size() != 2) return;
    for (int i = 0; i < 5000; ++i) {
      subscriber.send("call " + std::to_string(i), [&, i](Result<wire::Response> response) {
        ASSERT_TRUE(response);
        EXPECT_EQ(response->status, 202);
        EXPECT_EQ(answered++, i);
        if (answered == 5000) loop.stop();
      });
    }
    EXPECT_EQ(subscriber.calls_pending(), 5000u);
  };
  subscriber.subscribe("first");
  testing::run_or_fail(loop);
  ASSERT_EQ(calls.size(), 5000u);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(calls[i], "call " + std::to_string(i) + " of id-1");
  EXPECT_EQ(server->connections(), 2u);
}

TEST_F(RecordStreamTest, RefusesCallsBeyondItsQueue) {
  RecordStream subscriber(loop, options, callbacks);
  size_t refused = 0;
  for (size_t i = 0; i < calls_max; ++i) subscriber.send("hold", [](Result<wire::Response>) {});
  subscriber.send("hold", [&](const Result<wire::Response>& response) {
    ++refused;
    EXPECT_EQ(response.error().code, Code::unavailable);
    loop.stop();
  });
  EXPECT_EQ(refused, 0u);
  testing::run_or_fail(loop);
  EXPECT_EQ(refused, 1u);
}

TEST_F(RecordStreamTest, SaysWhenTheServerDiesAndSubscribesAgain) {
  RecordStream subscriber(loop, options, callbacks);
  std::vector<bool> answers;
  on_event = [&] {
    if (events.size() != 2) return;
    subscriber.send("hold", [&](Result<wire::Response> response) {
      answers.push_back(response.has_value());
      if (answers.size() == 2) loop.stop();
    });
    loop.post([&] { server->stop(); });
  };
  subscriber.subscribe("first");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, (Events{"subscribed id-1", "first", "closed"}));

  subscriber.subscribe("first");  // nobody listens
  testing::run_or_fail(loop);
  EXPECT_EQ(events.size(), 4u);
  EXPECT_TRUE(closed->message.contains(endpoint.text())) << closed->message;
  EXPECT_EQ(answers, std::vector{false});

  events.clear();
  held.clear();
  server = std::make_unique<HttpServer>(loop, Limits{},
                                        [this](wire::Request request, Exchange exchange) {
                                          handle(std::move(request), std::move(exchange));
                                        });
  ASSERT_TRUE(server->listen(endpoint.ip, endpoint.port));
  on_event = [&] {
    if (events.size() != 2) return;
    subscriber.send("call", [&](Result<wire::Response> response) {
      EXPECT_TRUE(response);
      loop.stop();
    });
  };
  subscriber.subscribe("again");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, (Events{"subscribed id-2", "again"}));
  EXPECT_EQ(calls, Events{"call of id-2"});
}

TEST_F(RecordStreamTest, EndsAtAMalformedOrTooLongRecord) {
  RecordStream subscriber(loop, options, callbacks);
  subscriber.subscribe("wrong");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, (Events{"subscribed id-1", "abc", "closed"}));
  EXPECT_EQ(closed->code, Code::corrupt);
  events.clear();
  options.record_bytes_max = 3;
  RecordStream narrow(loop, options, callbacks);
  narrow.subscribe("long");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, (Events{"subscribed id-2", "closed"}));
}

TEST_F(RecordStreamTest, SubscribesAnewOrLeavesInTheMiddleOfRecords) {
  RecordStream subscriber(loop, options, callbacks);
  on_event = [&] {
    if (events.size() == 2) {
      server->write(stream, "1\na1\nb1\nc");
    } else if (events.back() == "a") {
      subscriber.subscribe("anew");  // b and c are of the old subscription
    } else if (events.back() == "anew") {
      subscriber.unsubscribe();
      loop.post([&] { loop.stop(); });
    }
  };
  subscriber.subscribe("first");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, (Events{"subscribed id-1", "first", "a", "subscribed id-2", "anew"}));
}

TEST_F(RecordStreamTest, GivesUpOnASilentServer) {
  options.subscribe_timeout = milliseconds(20);
  RecordStream subscriber(loop, options, callbacks);
  subscriber.subscribe("hold");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, Events{"closed"});
  held.clear();
}

TEST_F(RecordStreamTest, MayBeDestroyedByACallback) {
  auto subscriber = std::make_unique<RecordStream>(loop, options, callbacks);
  on_event = [&] {
    if (events.size() != 2) return;
    subscriber->send("call", [](Result<wire::Response>) { ADD_FAILURE(); });
    subscriber.reset();
    loop.post([&] { loop.stop(); });
  };
  subscriber->subscribe("first");
  testing::run_or_fail(loop);
  EXPECT_EQ(events, (Events{"subscribed id-1", "first"}));
}

TEST(RedirectEndpoint, IsReadFromLocation) {
  const auto of = [](const std::string& location) {
    return redirect_endpoint({307, {{"Location", location}}, {}});
  };
  EXPECT_EQ(of("http://127.0.0.1:80/x?y"), (Endpoint{"127.0.0.1", 80}));
  EXPECT_EQ(of("//10.0.0.1:5050"), (Endpoint{"10.0.0.1", 5050}));
  EXPECT_FALSE(of("/relative"));
  EXPECT_FALSE(of("//10.0.0.1/no-port"));
  EXPECT_FALSE(redirect_endpoint({307, {}, {}}));
}

}  // namespace
}  // namespace mesolith::net
