// SPDX-License-Identifier: Apache-2.0
// HTTP messages as plain values, free of any socket: what a server has read and what it will write.
// Header names compare without regard to case and keep their order. A Request's `path` and `query`
// are decoded from its `target` by parse_target; malformed escapes are Code::invalid.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace mesolith::wire {

class Headers {
 public:
  using Entry = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Entry> entries) : entries_(entries) {}

  // The first value of that name or null; valid until the headers change.
  const std::string* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  void add(std::string name, std::string value);
  // Replaces all values of that name by one.
  void set(std::string name, std::string value);
  void remove(std::string_view name);

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  bool operator==(const Headers&) const = default;

 private:
  std::vector<Entry> entries_;
};

// Pairs of a query or form, in their order; a name may repeat.
class Query {
 public:
  using Entry = std::pair<std::string, std::string>;

  const std::string* find(std::string_view name) const;
  void add(std::string name, std::string value);
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  bool operator==(const Query&) const = default;

 private:
  std::vector<Entry> entries_;
};

struct Target {
  std::string path;  // decoded; begins with '/'
  Query query;
  bool operator==(const Target&) const = default;
};

struct Request {
  std::string method;
  std::string target;  // as sent
  std::string path;
  Query query;
  Headers headers;
  std::string body;
  std::string peer;  // "ip:port"
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

// The origin form "/path?query" or the absolute form "http://host/path?query"; a fragment is
// dropped.
Result<Target> parse_target(std::string_view target);
// A Request with path and query taken from `target`.
Result<Request> make_request(std::string method, std::string target);
// application/x-www-form-urlencoded, which is also the form of a query.
Result<Query> parse_form(std::string_view text);
// %XX to bytes; with `plus_is_space` also '+' to ' '.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);
// All but RFC 3986's unreserved characters as %XX.
std::string percent_encode(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b);

// "OK" for 200; "Unknown" for a status without a phrase.
std::string_view reason_phrase(int status);

Response text(int status, std::string body);  // text/plain; charset=utf-8
Response json(std::string body, int status = 200);
Response empty(int status);

// The status that an error's code stands for.
int status_of(Code code);

}  // namespace mesolith::wire
