// SPDX-License-Identifier: Apache-2.0
// An incremental parser of HTTP/1.x messages, requests or responses. It takes bytes in any pieces
// and never past the end of a message. It is strict where leniency lets messages be smuggled: one
// framing only, no folded headers, no space before a colon.
// Once it has failed it takes nothing more until reset().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/http.hpp"

namespace mesolith::net {

class HttpParser {
 public:
  enum class Kind { request, response };
  struct Limits {
    size_t header_bytes_max;  // of start line and headers, and again of trailers
    size_t body_bytes_max;
  };
  struct Head {
    std::string method;  // of a request
    std::string target;
    int status = 0;  // of a response
    bool keep_alive = true;
    bool is_http_1_0 = false;
    bool expects_continue = false;
    wire::Headers headers;
  };

  HttpParser(Kind kind, Limits limits) : kind_(kind), limits_(limits) {}

  // Ready for the next message. A response to HEAD has no body whatever its headers say.
  void reset(bool body_allowed = true);
  // Returns how many bytes it took: all of them, unless the message ended before or it failed.
  size_t feed(std::string_view bytes);
  // The peer sends no more. True when that is a proper end (of a body without a length).
  bool finish();

  bool started() const { return state_ != State::start || !line_.empty(); }
  bool head_complete() const { return state_ > State::headers && state_ != State::failed; }
  bool complete() const { return state_ == State::complete; }
  bool failed() const { return state_ == State::failed; }
  int failure_status() const { return failure_status_; }  // what a server answers
  const std::string& failure_text() const { return failure_text_; }

  Head& head() { return head_; }
  // The body so far; whoever wants it in pieces takes them out of it.
  std::string& body() { return body_; }

 private:
  enum class State {
    start,
    headers,
    body,
    body_until_close,
    chunk_size,
    chunk_data,
    chunk_end,
    trailers,
    complete,
    failed
  };

  size_t feed_lines(std::string_view bytes);
  size_t feed_body(std::string_view bytes);
  void take_line(std::string_view line);
  void take_request_line(std::string_view line);
  void take_status_line(std::string_view line);
  void take_header(std::string_view line);
  void take_framing(const std::string& name, std::string_view value);
  void take_chunk_size(std::string_view line);
  void end_head();
  void fail(int status, std::string text);
  bool in_lines() const;

  Kind kind_;
  Limits limits_;
  State state_ = State::start;
  bool body_allowed_ = true;
  Head head_;
  std::string body_;
  std::string line_;         // the unfinished one
  size_t header_bytes_ = 0;  // so far, of head or trailers
  uint64_t body_bytes_ = 0;  // so far
  uint64_t bytes_left_ = 0;  // of the body or of the chunk
  bool has_length_ = false;
  bool chunked_ = false;
  uint64_t length_ = 0;
  int failure_status_ = 0;
  std::string failure_text_;
};

}  // namespace mesolith::net
