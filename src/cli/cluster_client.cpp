// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster_client.hpp"

#include <fmt/format.h>

#include "base/time.hpp"
#include "net/address.hpp"
#include "net/http_client.hpp"
#include "wire/http.hpp"

namespace mesolith::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration request_timeout = 10s;

Result<std::string> ask(const std::string& address, wire::Request request) {
  TRY(const net::Endpoint endpoint, net::parse_endpoint(address));
  const std::string target = request.target;
  TRY(wire::Response response,
      net::blocking_request(endpoint, std::move(request), request_timeout));
  if (response.status == 200) return std::move(response.body);
  return failure(response.status == 404 ? Code::not_found : Code::invalid,
                 fmt::format("{}{} answered {} {}{}{}", address, target, response.status,
                             wire::reason_phrase(response.status),
                             response.body.empty() ? "" : ": ", response.body));
}

Result<std::string> post(const std::string& address, const std::string& target,
                         const std::string& content_type, const std::string& body) {
  TRY(wire::Request request, wire::make_request("POST", target));
  request.headers.set("Content-Type", content_type);
  request.body = body;
  return ask(address, std::move(request));
}

}  // namespace

Result<boost::json::value> get_json(const std::string& address, const std::string& target) {
  TRY(wire::Request request, wire::make_request("GET", target));
  TRY(const std::string body, ask(address, std::move(request)));
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(body, error);
  if (error) {
    return failure(Code::corrupt, fmt::format("{}{} answered what is not JSON: {}", address, target,
                                              error.message()));
  }
  return value;
}

Result<std::string> post_form(const std::string& address, const std::string& target,
                              const std::string& body) {
  return post(address, target, "application/x-www-form-urlencoded", body);
}

Result<std::string> post_json(const std::string& address, const std::string& target,
                              const std::string& body) {
  return post(address, target, "application/json", body);
}

const boost::json::value& member(const boost::json::value& object, std::string_view key) {
  static const boost::json::value none;
  const auto* members = object.if_object();
  const auto* found = members ? members->if_contains(key) : nullptr;
  return found ? *found : none;
}

std::string text_of(const boost::json::value& object, std::string_view key) {
  const auto* text = member(object, key).if_string();
  return text ? std::string(*text) : std::string();
}

double number_of(const boost::json::value& object, std::string_view key) {
  const auto& number = member(object, key);
  return number.is_number() ? number.to_number<double>() : 0;
}

const boost::json::array& list_of(const boost::json::value& object, std::string_view key) {
  static const boost::json::array none;
  const auto* list = member(object, key).if_array();
  return list ? *list : none;
}

Result<Sandbox> find_sandbox(const std::string& master, const std::string& task) {
  TRY(const auto tasks, get_json(master, "/tasks?task_id=" + wire::percent_encode(task)));
  const auto& found = list_of(tasks, "tasks");
  if (found.empty()) {
    return failure(Code::not_found,
                   fmt::format("no task '{}' is known; `mesolith tasks --all` lists them", task));
  }
  const auto& one = found.front();
  TRY(const auto slaves,
      get_json(master, "/slaves?slave_id=" + wire::percent_encode(text_of(one, "slave_id"))));
  const auto& agents = list_of(slaves, "slaves");
  if (agents.empty()) {
    return failure(Code::unavailable,
                   fmt::format("the agent of task '{}' is not registered now", task));
  }
  const std::string pid = text_of(agents.front(), "pid");  // "slave(1)@ip:port"
  const std::string executor = text_of(one, "executor_id");
  Sandbox sandbox;
  sandbox.agent = pid.substr(pid.find('@') + 1);
  sandbox.path =
      fmt::format("/frameworks/{}/executors/{}/runs/latest", text_of(one, "framework_id"),
                  executor.empty() ? text_of(one, "id") : executor);
  sandbox.state = text_of(one, "state");
  return sandbox;
}

Result<Window> read_file(const Sandbox& sandbox, const std::string& file, uint64_t offset) {
  TRY(const auto answer,
      get_json(sandbox.agent,
               fmt::format("/files/read?path={}&offset={}",
                           wire::percent_encode(sandbox.path + "/" + file), offset)));
  return Window{text_of(answer, "data"), static_cast<uint64_t>(number_of(answer, "offset"))};
}

}  // namespace mesolith::cli
