// SPDX-License-Identifier: Apache-2.0
#include "agent/shell/port_probes.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "net/connection.hpp"
#include "net/http_server.hpp"
#include "net/net_testing.hpp"

namespace mesolith::agent {
namespace {

struct PortProbesTest : testing::Test {
  PortProbesTest() {
    const auto endpoint = server.listen("127.0.0.1", 0);
    EXPECT_TRUE(endpoint.has_value());
    port = endpoint->port;
  }

  void respond(const wire::Request& request, net::Exchange exchange) {
    seen.push_back(request);
    wire::Response response = wire::text(200, "well");
    if (request.path == "/missing") response.status = 404;
    if (request.path == "/round" || request.path == "/once" || request.path == "/away") {
      response.status = 302;
      response.headers.set("Location", request.path == "/round"  ? "/round"
                                       : request.path == "/once" ? "missing"
                                                                 : "http://192.0.2.1/");
    }
    if (request.path == "/large") {
      response.headers.set("X", std::string(100 << 10, 'x'));
    }
    if (request.path == "/silent") {
      held.push_back(std::move(exchange));
      if (on_silent) on_silent();
      return;
    }
    exchange.respond(std::move(response));
  }
  Probed probe(std::optional<std::string> path, bool tls = false) {
    answers.clear();
    probes.start({ContainerId("p"), false, port, std::move(path), tls});
    EXPECT_TRUE(answers.empty());
    net::testing::run_or_fail(loop);
    EXPECT_EQ(answers.size(), 1u);
    EXPECT_EQ(probes.under_way(), 0u);
    return answers.empty() ? Probed{} : answers[0];
  }

  net::Loop loop;
  net::HttpServer server{loop, {}, [this](wire::Request request, net::Exchange exchange) {
                           respond(request, std::move(exchange));
                         }};
  uint16_t port = 0;
  std::vector<wire::Request> seen;
  std::vector<net::Exchange> held;
  std::function<void()> on_silent;
  std::vector<Probed> answers;
  PortProbes probes{loop, [this](Probed probed) {
                      answers.push_back(std::move(probed));
                      loop.stop();
                    }};
};

TEST_F(PortProbesTest, Connections) {
  Probed answer = probe(std::nullopt);
  EXPECT_EQ(answer.probe.value, "p");
  EXPECT_TRUE(answer.connected);
  server.stop();
  answer = probe(std::nullopt);
  EXPECT_FALSE(answer.connected);
  EXPECT_FALSE(answer.problem.empty());
}

TEST_F(PortProbesTest, Answers) {
  EXPECT_EQ(probe("/well?a=b").http_status, 200);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].method, "GET");
  EXPECT_EQ(seen[0].target, "/well?a=b");
  EXPECT_EQ(probe("/missing").http_status, 404);
}

TEST_F(PortProbesTest, RedirectsAreFollowedHereAndNotForEver) {
  EXPECT_EQ(probe("/once").http_status, 404);
  EXPECT_EQ(probe("/away").http_status, 302);
  seen.clear();
  EXPECT_EQ(probe("/round").http_status, 302);
  EXPECT_EQ(seen.size(), redirects_max + 1u);
}

TEST_F(PortProbesTest, WhatIsNoAnswer) {
  EXPECT_FALSE(probe("/large").http_status);
  EXPECT_FALSE(probe("/a b").http_status);
  EXPECT_FALSE(probe("/a\r\nX: y").http_status);
  EXPECT_TRUE(seen.size() <= 1);
}

TEST_F(PortProbesTest, HttpsOfAServerWithoutIt) {
  const Probed answer = probe("/well", true);
  EXPECT_FALSE(answer.http_status);
  EXPECT_FALSE(answer.problem.empty());
}

TEST_F(PortProbesTest, ACancelledProbeIsQuiet) {
  on_silent = [this] {
    probes.cancel(ContainerId("p"));
    EXPECT_EQ(probes.under_way(), 0u);
    held.clear();  // answers 500 to nobody
    loop.post([this] { loop.stop(); });
  };
  probes.start({ContainerId("p"), false, port, "/silent", false});
  net::testing::run_or_fail(loop);
  EXPECT_TRUE(answers.empty());
}

TEST(Redirected, LeadsWhereItSays) {
  const Place from{false, {"127.0.0.1", 8080}, "/a/b?c"};
  const auto to = [&](std::string_view location) { return redirected(from, location); };
  EXPECT_EQ(to("/x?y#z"), (Place{false, {"127.0.0.1", 8080}, "/x?y"}));
  EXPECT_EQ(to("x"), (Place{false, {"127.0.0.1", 8080}, "/a/x"}));
  EXPECT_EQ(to("http://localhost/x"), (Place{false, {"127.0.0.1", 80}, "/x"}));
  EXPECT_EQ(to("http://[::1]:81"), (Place{false, {"::1", 81}, "/"}));
  EXPECT_EQ(to("http://127.0.0.1:82?q"), (Place{false, {"127.0.0.1", 82}, "/?q"}));
  EXPECT_EQ(to("https://localhost/x"), (Place{true, {"127.0.0.1", 443}, "/x"}));
  EXPECT_EQ(to("https://127.0.0.1:82"), (Place{true, {"127.0.0.1", 82}, "/"}));
  for (const std::string_view away :
       {"http://192.0.2.1/", "http://example.com/", "https://192.0.2.1/", "//localhost/x",
        "ftp://localhost/", "/a b", "/a\r\nb", "http://localhost:http/", "http://"}) {
    EXPECT_EQ(to(away), std::nullopt) << away;
  }
}

}  // namespace
}  // namespace mesolith::agent
