// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/shell/cluster_watch.hpp"

#include "base/log.hpp"
#include "net/http_client.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

constexpr Duration poll_interval = std::chrono::seconds(1);
constexpr Duration answer_patience = std::chrono::seconds(5);

}  // namespace

struct ClusterWatch::Impl {
  Impl(net::Loop& given_loop, std::function<std::string()> given_master,
       std::function<void(Observation)> given_observed)
      : loop(given_loop),
        master(std::move(given_master)),
        observed(std::move(given_observed)),
        timer(loop, [this] { poll(); }) {
    next = clock_now();
    timer.set(next);
  }

  void poll();
  void ask_slaves();
  void ask_frameworks(std::string slaves);
  void fail(const std::string& why);
  void get(const char* path, std::function<void(std::string)> then);

  net::Loop& loop;
  std::function<std::string()> master;
  std::function<void(Observation)> observed;
  net::Timer timer;
  Time next{};
  std::string address;
  std::unique_ptr<net::HttpClient> client;
  bool failing = false;
};

void ClusterWatch::Impl::poll() {
  next = std::max(saturating_add(next, poll_interval), clock_now());
  timer.set(next);
  const std::string now = master();
  if (now.empty()) return;
  if (now != address || !client) {
    const auto endpoint = net::parse_endpoint(now);
    if (!endpoint) return fail(endpoint.error().message);
    net::ClientOptions options;
    options.request_timeout = answer_patience;
    client = std::make_unique<net::HttpClient>(loop, *endpoint, options);
    address = now;
  }
  if (client->pending() == 0) ask_slaves();
}

void ClusterWatch::Impl::get(const char* path, std::function<void(std::string)> then) {
  auto request = wire::make_request("GET", path);
  if (!request) return fail(request.error().message);
  client->request(
      *std::move(request), [this, path, then = std::move(then)](Result<wire::Response> answer) {
        if (!answer) return fail(answer.error().message);
        if (answer->status != 200) {
          return fail(std::string(path) + " was answered with " + std::to_string(answer->status));
        }
        then(std::move(answer->body));
      });
}

void ClusterWatch::Impl::ask_slaves() {
  get("/slaves", [this](std::string slaves) { ask_frameworks(std::move(slaves)); });
}

void ClusterWatch::Impl::ask_frameworks(std::string slaves) {
  get("/frameworks", [this, slaves = std::move(slaves)](const std::string& frameworks) {
    auto observation = parse_observation(slaves, frameworks);
    if (!observation) return fail(observation.error().message);
    failing = false;
    observed(*std::move(observation));
  });
}

void ClusterWatch::Impl::fail(const std::string& why) {
  if (!failing) log::warning("The cluster's use cannot be read: {}", why);
  failing = true;
}

ClusterWatch::ClusterWatch(net::Loop& loop, std::function<std::string()> master,
                           std::function<void(Observation)> observed)
    : impl_(std::make_unique<Impl>(loop, std::move(master), std::move(observed))) {}
ClusterWatch::~ClusterWatch() = default;

}  // namespace mesolith::frameworks::drf_demo
