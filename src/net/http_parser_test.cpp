// SPDX-License-Identifier: Apache-2.0
#include "net/http_parser.hpp"

#include <gtest/gtest.h>

namespace mesolith::net {
namespace {

constexpr HttpParser::Limits small{200, 20};

HttpParser parse(std::string_view bytes, HttpParser::Kind kind = HttpParser::Kind::request) {
  HttpParser parser(kind, small);
  parser.feed(bytes);
  return parser;
}

TEST(HttpParser, IsTheSameInAnyPieces) {
  const std::string text =
      "\r\nPOST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;name=value\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    HttpParser parser(HttpParser::Kind::request, small);
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_FALSE(parser.complete());
      const std::string_view part = std::string_view(text).substr(at, piece);
      ASSERT_EQ(parser.feed(part), part.size()) << parser.failure_text();
    }
    ASSERT_TRUE(parser.complete()) << piece;
    EXPECT_EQ(parser.head().method, "POST");
    EXPECT_EQ(parser.head().target, "/a?b=c");
    EXPECT_EQ(*parser.head().headers.find("host"), "x");
    EXPECT_EQ(*parser.head().headers.find("x-empty"), "");
    EXPECT_FALSE(parser.head().headers.has("trailer"));
    EXPECT_EQ(parser.body(), "abc0123456789");
  }
}

TEST(HttpParser, StopsAtTheEndOfAMessage) {
  HttpParser parser(HttpParser::Kind::request, small);
  const std::string_view text = "GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
  EXPECT_EQ(parser.feed(text), text.size() / 2 - 0u);
  EXPECT_TRUE(parser.complete());
}

TEST(HttpParser, KnowsWhetherTheConnectionIsKept) {
  EXPECT_TRUE(parse("GET / HTTP/1.1\n\n").head().keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\n\n").head().keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\nConnection: Keep-Alive\n\n").head().keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\nconnection: x, CLOSE\n\n").head().keep_alive);
}

TEST(HttpParser, RefusesWhatIsNotARequest) {
  const std::pair<const char*, int> wrong[] = {
      {"h", 400},
      {"\x16\x03\x01", 400},
      {"GET /\r\n", 400},
      {"GET / HTTP/2.0\r\n", 505},
      {"GET / HTTX/1.1\r\n", 400},
      {"GET  / HTTP/1.1\r\n", 400},
      {"GET /a b HTTP/1.1\r\n", 400},
      {"GET / HTTP/1.1\r\nno colon\r\n", 400},
      {"GET / HTTP/1.1\r\nA : b\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\r\n folded\r\n", 400},
      {"GET / HTTP/1.1\r\nA: b\x01\r\n", 400},
      {"GET / HTTP/1.1\r\n: b\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n", 501},
      {"POST / HTTP/1.1\r\nContent-Length: 21\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n", 413},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413},
  };
  for (const auto& [text, status] : wrong) {
    const HttpParser parser = parse(text);
    EXPECT_TRUE(parser.failed()) << text;
    EXPECT_EQ(parser.failure_status(), status) << text;
    EXPECT_FALSE(parser.failure_text().empty());
  }
}

TEST(HttpParser, LimitsHeadersAlsoOfOneLineAndOfTrailers) {
  EXPECT_EQ(parse("GET /" + std::string(300, 'a')).failure_status(), 431);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nA: " + std::string(300, 'a')).failure_status(), 431);
  EXPECT_EQ(
      parse("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + std::string(300, 'a'))
          .failure_status(),
      431);
}

TEST(HttpParser, ReadsAnswers) {
  constexpr auto response = HttpParser::Kind::response;
  HttpParser plain = parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", response);
  EXPECT_TRUE(plain.complete());
  EXPECT_EQ(plain.head().status, 200);
  EXPECT_EQ(plain.body(), "ok");

  HttpParser interim = parse("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202\r\n\r\n", response);
  EXPECT_EQ(interim.head().status, 202);
  EXPECT_FALSE(interim.complete());
  EXPECT_TRUE(interim.finish());

  EXPECT_TRUE(parse("HTTP/1.1 204 No Content\r\n\r\n", response).complete());
  HttpParser cut = parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", response);
  EXPECT_FALSE(cut.finish());
  EXPECT_TRUE(parse("SSH-2.0-OpenSSH\r\n", response).failed());

  HttpParser to_head(response, small);
  to_head.reset(false);
  to_head.feed("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n");
  EXPECT_TRUE(to_head.complete());
}

}  // namespace
}  // namespace mesolith::net
