// SPDX-License-Identifier: Apache-2.0
#include "sim/network.hpp"

#include <gtest/gtest.h>

#include "sim/record_session.hpp"
#include "wire/record_io.hpp"

namespace mesolith::sim {
namespace {

using std::chrono::seconds;

constexpr NodeId server = 0, client = 1;

class NetworkTest : public testing::Test {
 protected:
  void listen() {
    network.listen(server, {[this](ConnectionId id, Message message) {
                              last = id;
                              if (auto* text = std::get_if<std::string>(&message)) {
                                at_server += *text;
                              } else {
                                requests.push_back(std::get<wire::Request>(message));
                              }
                            },
                            [this](ConnectionId) { ++closed_at_server; }});
  }
  ConnectionId connect() {
    return network.connect(
        client, server,
        {[this](ConnectionId, Message message) { at_client += std::get<std::string>(message); },
         [this](ConnectionId) { ++closed_at_client; }});
  }
  void run(Duration duration) {
    const Time limit = schedule.now() + duration;
    while (schedule.run_next(limit)) {
    }
  }

  Schedule schedule{Time(seconds(1))};
  Rng rng{7};
  Network network{schedule, rng};
  std::string at_server, at_client;
  std::vector<wire::Request> requests;
  ConnectionId last = 0;
  int closed_at_server = 0, closed_at_client = 0;
};

TEST_F(NetworkTest, KeepsTheOrderOfADirection) {
  listen();
  network.weather.spike = 0.5;
  const ConnectionId id = connect();
  std::string sent;
  for (char c = 'a'; c <= 'z'; ++c) {
    sent += c;
    network.send(id, End::client, std::string(1, c));
    network.send(id, End::server, std::string(1, c));
  }
  EXPECT_EQ(at_server, "");  // everything takes time
  run(seconds(60));
  EXPECT_EQ(at_server, sent);
  EXPECT_EQ(at_client, sent);
}

TEST_F(NetworkTest, ClosingTellsThePeerAfterWhatWasSent) {
  listen();
  const ConnectionId id = connect();
  network.send(id, End::server, std::string("last words"));
  network.close(id, End::server);
  run(seconds(1));
  EXPECT_EQ(at_client, "last words");
  EXPECT_EQ(closed_at_client, 1);
  EXPECT_EQ(closed_at_server, 0);
  EXPECT_EQ(network.connections(), 0u);
}

TEST_F(NetworkTest, NobodyListensIsAReset) {
  const ConnectionId id = connect();
  network.send(id, End::client, std::string("hello"));
  run(seconds(1));
  EXPECT_EQ(closed_at_client, 1);
  EXPECT_EQ(network.connections(), 0u);
}

TEST_F(NetworkTest, APartitionStallsAndHealingDeliversInOrder) {
  listen();
  const ConnectionId id = connect();
  network.partition(client, server);
  network.send(id, End::client, std::string("one "));
  network.send(id, End::client, std::string("two"));
  run(seconds(30));
  EXPECT_EQ(at_server, "");
  EXPECT_EQ(closed_at_client, 0);
  network.heal(server, client);
  network.send(id, End::client, std::string(" three"));
  run(seconds(1));
  EXPECT_EQ(at_server, "one two three");
}

TEST_F(NetworkTest, ABreakLosesWhatIsOnItsWayAndTellsBoth) {
  listen();
  const ConnectionId id = connect();
  network.send(id, End::client, std::string("lost"));
  network.break_any(server, false);
  run(seconds(1));
  EXPECT_EQ(at_server, "");
  EXPECT_EQ(closed_at_client, 1);
  EXPECT_EQ(closed_at_server, 1);
}

TEST_F(NetworkTest, AHalfOpenEndLearnsWhenItSends) {
  listen();
  const ConnectionId id = connect();
  network.break_any(server, true);
  run(seconds(30));
  EXPECT_EQ(closed_at_client + closed_at_server, 1);
  network.send(id, closed_at_client == 0 ? End::client : End::server, std::string("hello?"));
  run(seconds(1));
  EXPECT_EQ(closed_at_client, 1);
  EXPECT_EQ(closed_at_server, 1);
  EXPECT_EQ(at_client + at_server, "");
}

TEST_F(NetworkTest, ANodeThatGoesDownHearsNothing) {
  listen();
  const ConnectionId id = connect();
  network.send(id, End::client, std::string("hello"));
  network.down(server);
  run(seconds(1));
  EXPECT_EQ(at_server, "");
  EXPECT_EQ(closed_at_server, 0);
  EXPECT_EQ(closed_at_client, 1);
}

class SessionTest : public NetworkTest {
 protected:
  std::unique_ptr<RecordSession> session(double resend) {
    SessionCallbacks callbacks;
    callbacks.on_subscribed = [this] { log += "subscribed;"; };
    callbacks.on_record = [this](const std::string& record) { log += record + ";"; };
    callbacks.on_refused = [this](const wire::Response& response) {
      log += "refused " + std::to_string(response.status) + ";";
    };
    callbacks.on_closed = [this](const std::string&) { log += "closed;"; };
    SessionOptions options;
    options.client = client;
    options.server = server;
    options.path = "/x";
    options.resend = resend;
    return std::make_unique<RecordSession>(schedule, network, rng, options, callbacks);
  }
  wire::Response head() {
    wire::Response head;
    head.headers.set("Mesos-Stream-Id", "stream-1");
    return head;
  }

  std::string log;
};

TEST_F(SessionTest, SubscribesReadsAndCallsWithItsStreamId) {
  listen();
  const auto session = this->session(0);
  session->subscribe("body");
  run(seconds(1));
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_FALSE(requests[0].headers.has("Mesos-Stream-Id"));
  const ConnectionId events = last;
  network.send(events, End::server, head());
  std::string records;
  wire::append_record("one", records);
  wire::append_record("two", records);
  network.send(events, End::server, records.substr(0, 4));
  network.send(events, End::server, records.substr(4));
  run(seconds(1));
  EXPECT_EQ(log, "subscribed;one;two;");
  session->send("call");
  run(seconds(1));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].body, "call");
  EXPECT_EQ(*requests[1].headers.find("Mesos-Stream-Id"), "stream-1");
  EXPECT_NE(last, events);
}

TEST_F(SessionTest, IsRefused) {
  listen();
  const auto session = this->session(0);
  session->subscribe("body");
  run(seconds(1));
  network.send(last, End::server, wire::text(503, "not yet"));
  run(seconds(20));
  EXPECT_EQ(log, "refused 503;");
}

TEST_F(SessionTest, GivesUpWhenTheSubscriptionIsNotAnswered) {
  listen();
  const auto session = this->session(0);
  session->subscribe("body");
  run(seconds(20));
  EXPECT_EQ(log, "closed;");
}

TEST_F(SessionTest, ACallWhoseConnectionBreaksIsSentAgainOrEndsTheSession) {
  for (const double resend : {1.0, 0.0}) {
    listen();
    log.clear();
    requests.clear();
    const auto session = this->session(resend);
    session->subscribe("body");
    run(seconds(1));
    network.send(last, End::server, head());
    run(seconds(1));
    session->send("call");
    run(seconds(1));
    network.close(last, End::server);  // without an answer
    run(seconds(1));
    if (resend > 0) {
      ASSERT_EQ(requests.size(), 3u);
      EXPECT_EQ(requests[2].body, "call");
      EXPECT_EQ(log, "subscribed;");
    } else {
      EXPECT_EQ(requests.size(), 2u);
      EXPECT_EQ(log, "subscribed;closed;");
    }
  }
}

}  // namespace
}  // namespace mesolith::sim
