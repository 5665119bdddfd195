// SPDX-License-Identifier: Apache-2.0
// Asks a master or an agent over HTTP and reads the JSON it answers. Errors say which address and
// path failed and, for a refused request, what the server said.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::cli {

Result<boost::json::value> get_json(const std::string& address, const std::string& target);
// The body of a 200 answer to a POST of a form.
Result<std::string> post_form(const std::string& address, const std::string& target,
                              const std::string& body);
// The body of a 200 answer to a POST of JSON.
Result<std::string> post_json(const std::string& address, const std::string& target,
                              const std::string& body);

// A member's text, "" when it is absent or not a string; likewise 0.
std::string text_of(const boost::json::value& object, std::string_view key);
double number_of(const boost::json::value& object, std::string_view key);
// null when it is absent.
const boost::json::value& member(const boost::json::value& object, std::string_view key);
// An array's members; none when it is absent.
const boost::json::array& list_of(const boost::json::value& object, std::string_view key);

// Where a task's files are: the agent's address and the executor's virtual directory
// (mesos-api.md 3.5).
struct Sandbox {
  std::string agent;  // "ip:port"
  std::string path;
  std::string state;  // of the task, when it was asked
};
Result<Sandbox> find_sandbox(const std::string& master, const std::string& task);

struct Window {
  std::string data;
  uint64_t offset = 0;
};
// At most 64 KiB of a file from `offset` on.
Result<Window> read_file(const Sandbox& sandbox, const std::string& file, uint64_t offset);

}  // namespace mesolith::cli
