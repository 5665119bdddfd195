// SPDX-License-Identifier: Apache-2.0
#include "agent/shell/port_probes.hpp"

#include <algorithm>
#include <utility>

#include "net/connection.hpp"
#include "net/http_client.hpp"
#include "net/tls_request.hpp"

namespace mesolith::agent {
namespace {

// The core gives up long before; this only keeps the client's own limits out of the way.
constexpr Duration forever = std::chrono::hours(24 * 365);
constexpr size_t header_bytes_max = 64 << 10;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Whether it can stand in a request line.
bool is_sendable(std::string_view target) {
  return target.starts_with('/') &&
         std::ranges::all_of(target, [](char each) { return each > ' ' && each != '\x7f'; });
}

}  // namespace

std::optional<Place> redirected(const Place& from, std::string_view location) {
  constexpr std::string_view plain = "http://", secure = "https://";
  location = location.substr(0, location.find('#'));
  Place to = from;
  if (location.starts_with(plain) || location.starts_with(secure)) {
    to.tls = location.starts_with(secure);
    location.remove_prefix(to.tls ? secure.size() : plain.size());
    const size_t end = std::min(location.find_first_of("/?"), location.size());
    std::string authority(location.substr(0, end));
    const size_t colon = authority.rfind(':');
    if (colon == std::string::npos || authority.ends_with(']'))
      authority += to.tls ? ":443" : ":80";
    const auto server = net::parse_endpoint(authority);
    if (!server || (server->ip != "127.0.0.1" && server->ip != "::1")) return std::nullopt;
    to.server = *server;
    location.remove_prefix(end);
    to.target = location.starts_with('/') ? std::string(location) : "/" + std::string(location);
  } else if (location.starts_with("//") || location.find("://") < location.find_first_of("/?")) {
    return std::nullopt;  // another scheme or host
  } else if (location.starts_with('/')) {
    to.target = std::string(location);
  } else {
    const std::string path = from.target.substr(0, from.target.find('?'));
    to.target = path.substr(0, path.rfind('/') + 1) + std::string(location);
  }
  if (!is_sendable(to.target)) return std::nullopt;
  return to;
}

class PortProbes::Probe final : public net::Connection::Owner {
 public:
  Probe(PortProbes& probes, const ProbePort& wanted)
      : probes_(probes),
        probe_(wanted.probe),
        soon_(probes.loop_, [this] { fail("the path cannot be sent as it is"); }) {
    place_.server = {wanted.ipv6 ? "::1" : "127.0.0.1", wanted.port};
    if (!wanted.http_path) {
      connection_ = std::make_unique<net::Connection>(probes.loop_, *this, place_.server);
      return;
    }
    place_.tls = wanted.tls;
    place_.target = *wanted.http_path;
    if (is_sendable(place_.target)) {
      get();
    } else {
      soon_.set(clock_now());
    }
  }

  void on_connected() override { probes_.answer({probe_, true, std::nullopt, ""}); }
  size_t on_bytes(std::string_view bytes) override { return bytes.size(); }
  void on_end() override {}
  void on_failed(Error error) override { fail(error.message); }

 private:
  void get() {
    stream_.reset();  // of what has redirected here
    secure_.reset();
    wire::Request request;
    request.method = "GET";
    request.target = place_.target;
    request.headers = {{"User-Agent", "mesolith"}, {"Accept", "*/*"}, {"Connection", "close"}};
    if (place_.tls) {
      secure_ = std::make_unique<net::TlsRequest>(
          probes_.loop_, place_.server, request, [this](const Result<wire::Response>& head) {
            head ? on_head(*head) : fail(head.error().message);
          });
      return;
    }
    net::StreamCallbacks callbacks;
    callbacks.on_head = [this](const wire::Response& head) { on_head(head); };
    callbacks.on_bytes = [](std::string_view) {};
    callbacks.on_closed = [this](const Error& error) { fail(error.message); };
    net::ClientOptions options;
    options.connect_timeout = options.request_timeout = forever;
    options.header_bytes_max = header_bytes_max;
    stream_ = std::make_unique<net::HttpStream>(probes_.loop_, place_.server, std::move(request),
                                                std::move(callbacks), options);
  }

  void on_head(const wire::Response& head) {
    const std::string* location = head.headers.find("Location");
    if (is_redirect(head.status) && location && redirects_ < redirects_max) {
      if (auto to = redirected(place_, *location)) {
        ++redirects_;
        place_ = *std::move(to);
        get();
        return;
      }
    }
    probes_.answer({probe_, true, head.status, "HTTP status " + std::to_string(head.status)});
  }

  void fail(const std::string& problem) { probes_.answer({probe_, false, std::nullopt, problem}); }

  PortProbes& probes_;
  const ContainerId probe_;
  Place place_;
  int redirects_ = 0;
  net::Timer soon_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<net::HttpStream> stream_;
  std::unique_ptr<net::TlsRequest> secure_;
};

PortProbes::PortProbes(net::Loop& loop, std::function<void(Probed)> on_probed)
    : loop_(loop), on_probed_(std::move(on_probed)) {}
PortProbes::~PortProbes() = default;

void PortProbes::start(const ProbePort& wanted) {
  probes_.emplace(wanted.probe, std::make_unique<Probe>(*this, wanted));
}

void PortProbes::cancel(const ContainerId& probe) {
  probes_.erase(probe);
}

void PortProbes::answer(Probed probed) {
  const auto found = probes_.find(probed.probe);
  if (found == probes_.end()) return;
  const auto held = std::move(found->second);  // until its callback has returned
  probes_.erase(found);
  on_probed_(std::move(probed));
}

}  // namespace mesolith::agent
