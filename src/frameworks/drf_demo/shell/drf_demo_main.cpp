// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/shell/drf_demo_main.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>

#include "coordination/master_address.hpp"
#include "frameworks/drf_demo/core/drf_demo.hpp"
#include "frameworks/drf_demo/core/page.hpp"
#include "frameworks/drf_demo/core/report.hpp"
#include "frameworks/drf_demo/shell/cluster_watch.hpp"
#include "frameworks/drf_demo/shell/command_line.hpp"
#include "frameworks/driver/shell/driver.hpp"
#include "net/address.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

constexpr int usage_error = 2;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

Result<std::string> ip_of(const std::string& host) {
  if (auto ip = net::parse_ip(host)) return *ip;
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  if (status != 0) {
    return failure(Code::invalid, fmt::format("The master's host '{}' is not known: {}", host,
                                              gai_strerror(status)));
  }
  char ip[NI_MAXHOST] = {};
  const int named =
      getnameinfo(found->ai_addr, found->ai_addrlen, ip, sizeof ip, nullptr, 0, NI_NUMERICHOST);
  freeaddrinfo(found);
  if (named != 0) return failure(Code::invalid, "The master's host '" + host + "' has no address");
  return std::string(ip);
}

Result<net::Endpoint> master_endpoint(const std::string& text) {
  TRY(const auto address, coordination::parse_master_address(text));
  const auto* standalone = std::get_if<coordination::StandaloneAddress>(&address);
  if (!standalone) {
    return failure(Code::unsupported,
                   "--mesos-master takes host:port; finding the leader through zk:// or file:// "
                   "comes with a later version, and any master given here leads on to the leader");
  }
  TRY(auto ip, ip_of(standalone->host));
  return net::Endpoint{std::move(ip), standalone->port};
}

std::string user_name() {
  const passwd* user = getpwuid(geteuid());
  return user ? user->pw_name : "root";
}

std::string host_name() {
  char host[256] = {};
  return gethostname(host, sizeof host - 1) == 0 ? host : "";
}

// The core on a loop. Events that come while a step is carried out wait for its end.
class Demo {
 public:
  Demo(const CommandLine& line, const net::Endpoint& master)
      : quiet_(line.quiet),
        state_(line.options),
        timer_(loop_, [this] { step(Tick{}); }),
        signals_(loop_, {SIGINT, SIGTERM}, [this](int) { step(StopRequested{}); }),
        driver_(loop_, driver_options(line.options, master), wire::Media::protobuf, callbacks()),
        watch_(
            loop_, [this] { return driver_.framework_id().empty() ? "" : driver_.master(); },
            [this](Observation seen) { step(ClusterObserved{std::move(seen)}); }) {}

  // Returns the exit status.
  int run() {
    loop_.post([this] { driver_.start(); });
    loop_.run();
    return exit_status_;
  }
  const State& state() const { return state_; }

 private:
  static driver::Options driver_options(const Options& options, const net::Endpoint& master) {
    driver::Options given;
    given.info = framework_info(options, user_name(), host_name());
    given.masters = {master.text()};
    return given;
  }
  driver::Callbacks callbacks() {
    driver::Callbacks on;
    on.on_event = [this](const mesos::v1::scheduler::Event& event) { step(Delivered{event}); };
    on.on_disconnected = [this](const std::string& reason) { step(Disconnected{reason}); };
    on.on_abort = [this](const std::string& message) { step(Aborted{message}); };
    return on;
  }

  void step(Event event) {
    waiting_.push_back(std::move(event));
    if (stepping_) return;
    stepping_ = true;
    while (!waiting_.empty()) {
      const Event next = std::move(waiting_.front());
      waiting_.pop_front();
      Effects effects;
      drf_demo::step(state_, clock_now(), next, effects);
      for (const Effect& effect : effects) perform(effect);
    }
    stepping_ = false;
    timer_.set(next_deadline(state_));
  }

  void perform(const Effect& effect) {
    std::visit(Overloaded{[&](const Call& out) { driver_.call(out.call); },
                          [&](const PrintLine& line) {
                            if (quiet_) return;
                            std::cout << line.text << std::endl;
                          },
                          [&](const Finish& finish) {
                            exit_status_ = finish.exit_status;
                            loop_.stop();
                          }},
               effect);
  }

  bool quiet_;
  int exit_status_ = 0;
  State state_;
  std::deque<Event> waiting_;
  bool stepping_ = false;
  net::Loop loop_;
  net::Timer timer_;
  net::Signals signals_;
  driver::Driver driver_;
  ClusterWatch watch_;
};

bool write_file(const std::string& path, const std::string& content) {
  if (path.empty()) return true;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (file) return true;
  std::cerr << "The report could not be written to " << path << '\n';
  return false;
}

}  // namespace

int drf_demo_main(std::span<const std::string> arguments) {
  const auto parsed = parse_command_line(arguments);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const CommandLine& line = std::get<CommandLine>(parsed);
  const auto master = master_endpoint(line.master);
  if (!master) {
    std::cerr << master.error().message << '\n';
    return usage_error;
  }
  const auto demo = std::make_unique<Demo>(line, *master);
  if (!line.quiet) {
    std::cout << "Connecting to the master at " << master->text() << ", Ctrl-C ends it."
              << std::endl;
  }
  int status = demo->run();
  const Report report = make_report(demo->state(), clock_now());
  if (!line.quiet) std::cout << report_text(report) << std::flush;
  if (!write_file(line.json_file, report_json(report))) status = 1;
  if (!write_file(line.html_file, report_page(report))) status = 1;
  return status;
}

}  // namespace mesolith::frameworks::drf_demo
