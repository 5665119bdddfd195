// SPDX-License-Identifier: Apache-2.0
#include "net/http_parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mesolith::net {
namespace {

constexpr size_t chunk_line_bytes_max = 4096;

bool is_token_char(char c) {
  const bool alphanumeric =
      (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return alphanumeric || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

// Every registered method is in upper case, so that other bytes betray another protocol at once.
bool is_method_char(char c) {
  return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether a comma-separated list holds a word.
bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (wire::equal_ignoring_case(trim(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

void HttpParser::reset(bool body_allowed) {
  state_ = State::start;
  body_allowed_ = body_allowed;
  head_ = Head{};
  body_.clear();
  line_.clear();
  header_bytes_ = 0;
  body_bytes_ = bytes_left_ = length_ = 0;
  has_length_ = chunked_ = false;
}

void HttpParser::fail(int status, std::string text) {
  state_ = State::failed;
  failure_status_ = status;
  failure_text_ = std::move(text);
}

bool HttpParser::in_lines() const {
  return state_ == State::start || state_ == State::headers || state_ == State::chunk_size ||
         state_ == State::chunk_end || state_ == State::trailers;
}

size_t HttpParser::feed(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ != State::complete && state_ != State::failed) {
    const std::string_view rest = bytes.substr(taken);
    taken += in_lines() ? feed_lines(rest) : feed_body(rest);
  }
  return taken;
}

// Takes one line, or what there is of it.
size_t HttpParser::feed_lines(std::string_view bytes) {
  if (state_ == State::start && line_.empty() && kind_ == Kind::request &&
      !is_method_char(bytes.front()) && bytes.front() != '\r' && bytes.front() != '\n') {
    fail(400, "The request is not HTTP");
    return 0;
  }
  const auto* end = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
  const size_t size = end == nullptr ? bytes.size() : static_cast<size_t>(end - bytes.data()) + 1;
  const bool in_chunks = state_ == State::chunk_size || state_ == State::chunk_end;
  header_bytes_ += in_chunks ? 0 : size;
  if (header_bytes_ > limits_.header_bytes_max) {
    fail(431, "The headers are larger than " + std::to_string(limits_.header_bytes_max) + " bytes");
    return size;
  }
  if (in_chunks && line_.size() + size > chunk_line_bytes_max) {
    fail(400, "A chunk's size takes a line of more than 4096 bytes");
    return size;
  }
  if (end == nullptr) {
    line_.append(bytes);
    return size;
  }
  std::string_view line = bytes.substr(0, size - 1);
  std::string joined;
  if (!line_.empty()) {
    joined = std::move(line_);
    line_.clear();
    joined.append(line);
    line = joined;
  }
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  } else if (in_chunks) {
    fail(400, "A chunk's line does not end in CR LF");
    return size;
  }
  take_line(line);
  return size;
}

void HttpParser::take_line(std::string_view line) {
  switch (state_) {
    case State::start:
      if (line.empty()) return;  // RFC 9112 2.2: an empty line before a message is ignored
      return kind_ == Kind::request ? take_request_line(line) : take_status_line(line);
    case State::headers:
      return line.empty() ? end_head() : take_header(line);
    case State::chunk_size:
      return take_chunk_size(line);
    case State::chunk_end:
      if (!line.empty()) return fail(400, "A chunk is longer than its size says");
      state_ = State::chunk_size;
      return;
    default:  // trailers, which nobody asks for
      if (line.empty()) state_ = State::complete;
  }
}

void HttpParser::take_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first || first == 0) {
    return fail(400, "The request line is not HTTP");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!std::ranges::all_of(method, is_method_char)) return fail(400, "The method is malformed");
  if (std::ranges::any_of(target, [](char c) { return c == ' ' || c == '\t' || is_control(c); })) {
    return fail(400, "The request's target is malformed");
  }
  if (version.size() != 8 || !version.starts_with("HTTP/")) {
    return fail(400, "The request line is not HTTP");
  }
  if (!version.starts_with("HTTP/1.") || version[7] < '0' || version[7] > '9') {
    return fail(505, "This is an HTTP/1.1 server");
  }
  head_.method = method;
  head_.target = target;
  head_.is_http_1_0 = version[7] == '0';
  head_.keep_alive = !head_.is_http_1_0;
  state_ = State::headers;
}

void HttpParser::take_status_line(std::string_view line) {
  int status = 0;
  const bool has_status = line.size() >= 12 && line.starts_with("HTTP/1.") && line[8] == ' ' &&
                          std::from_chars(&line[9], &line[9] + 3, status).ptr == &line[9] + 3;
  if (!has_status || status < 100) return fail(502, "The answer is not HTTP");
  head_.status = status;
  head_.is_http_1_0 = line[7] == '0';
  head_.keep_alive = !head_.is_http_1_0;
  state_ = State::headers;
}

void HttpParser::take_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 ||
      !std::ranges::all_of(line.substr(0, colon), is_token_char)) {
    return fail(400, "A header is malformed");
  }
  const std::string_view value = trim(line.substr(colon + 1));
  if (std::ranges::any_of(value, is_control)) return fail(400, "A header's value is malformed");
  std::string name(line.substr(0, colon));
  take_framing(name, value);
  if (state_ != State::failed) head_.headers.add(std::move(name), std::string(value));
}

void HttpParser::take_framing(const std::string& name, std::string_view value) {
  // The first letter spares most headers the comparisons.
  const char letter = static_cast<char>(name.front() | 0x20);
  if (letter == 'c' && wire::equal_ignoring_case(name, "content-length")) {
    uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (value.empty() || error != std::errc() || end != value.data() + value.size()) {
      return fail(400, "Content-Length is not a number");
    }
    if (has_length_ && length != length_) return fail(400, "Content-Length is given twice");
    has_length_ = true;
    length_ = length;
  } else if (letter == 't' && wire::equal_ignoring_case(name, "transfer-encoding")) {
    if (chunked_ || !wire::equal_ignoring_case(value, "chunked")) {
      return fail(501, "Transfer-Encoding is something else than chunked");
    }
    chunked_ = true;
  } else if (letter == 'c' && wire::equal_ignoring_case(name, "connection")) {
    if (has_word(value, "keep-alive")) head_.keep_alive = true;
    if (has_word(value, "close")) head_.keep_alive = false;
  } else if (letter == 'e' && wire::equal_ignoring_case(name, "expect")) {
    head_.expects_continue = wire::equal_ignoring_case(value, "100-continue");
  }
}

void HttpParser::end_head() {
  header_bytes_ = 0;
  if (chunked_ && has_length_) return fail(400, "Both Content-Length and Transfer-Encoding");
  if (kind_ == Kind::response && head_.status < 200 && head_.status != 101) {
    return reset(body_allowed_);  // an interim answer; the real one follows
  }
  const bool bodiless =
      !body_allowed_ || (kind_ == Kind::response &&
                         (head_.status == 204 || head_.status == 304 || head_.status == 101));
  if (bodiless) {
    state_ = State::complete;
  } else if (chunked_) {
    state_ = State::chunk_size;
  } else if (has_length_) {
    if (length_ > limits_.body_bytes_max) {
      return fail(413,
                  "The body is larger than " + std::to_string(limits_.body_bytes_max) + " bytes");
    }
    bytes_left_ = length_;
    state_ = length_ == 0 ? State::complete : State::body;
  } else if (kind_ == Kind::request) {
    state_ = State::complete;
  } else {
    head_.keep_alive = false;
    state_ = State::body_until_close;
  }
}

void HttpParser::take_chunk_size(std::string_view line) {
  const std::string_view digits = trim(line.substr(0, line.find(';')));
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return fail(400, "A chunk's size is malformed");
  }
  if (size > limits_.body_bytes_max || body_bytes_ > limits_.body_bytes_max - size) {
    return fail(413,
                "The body is larger than " + std::to_string(limits_.body_bytes_max) + " bytes");
  }
  bytes_left_ = size;
  state_ = size == 0 ? State::trailers : State::chunk_data;
}

size_t HttpParser::feed_body(std::string_view bytes) {
  size_t size = bytes.size();
  if (state_ != State::body_until_close) size = std::min<uint64_t>(size, bytes_left_);
  if (body_bytes_ + size > limits_.body_bytes_max) {
    fail(413, "The body is larger than " + std::to_string(limits_.body_bytes_max) + " bytes");
    return size;
  }
  // A length that is believed at once would let a few bytes reserve a lot of memory.
  if (state_ == State::body && body_.empty()) {
    body_.reserve(std::min<uint64_t>(length_, std::max<size_t>(size * 4, 4096)));
  }
  body_.append(bytes.substr(0, size));
  body_bytes_ += size;
  if (state_ == State::body_until_close) return size;
  bytes_left_ -= size;
  if (bytes_left_ == 0) state_ = state_ == State::body ? State::complete : State::chunk_end;
  return size;
}

bool HttpParser::finish() {
  if (state_ == State::body_until_close) state_ = State::complete;
  return state_ == State::complete;
}

}  // namespace mesolith::net
