// SPDX-License-Identifier: Apache-2.0
#include "agent/shell/master_link.hpp"

#include "base/log.hpp"

namespace mesolith::agent {
namespace {

constexpr std::string_view agent_path = "/api/mesolith/v1/agent";
constexpr std::string_view protobuf_type = "application/x-protobuf";

}  // namespace

MasterLink::MasterLink(net::Loop& loop, std::vector<std::string> masters, Callbacks callbacks)
    : loop_(loop), masters_(std::move(masters)), callbacks_(std::move(callbacks)) {}

void MasterLink::closed(uint64_t connection, const std::string& why) {
  log::info("Not connected to a master: {}", why);
  callbacks_.on_closed(connection);
}

void MasterLink::subscribe(uint64_t connection, const protocol::AgentCall& call) {
  const std::string address = masters_[next_++ % masters_.size()];
  Result<net::Endpoint> endpoint = net::parse_endpoint(address);
  if (leader_) endpoint = *std::exchange(leader_, std::nullopt);
  if (!endpoint) return closed(connection, endpoint.error().message);
  net::RecordStreamOptions options;
  options.server = *endpoint;
  options.path = agent_path;
  options.content_type = options.accept = protobuf_type;
  net::RecordStreamCallbacks on;
  on.on_subscribed = [](const std::string&, const wire::Response&) {};
  on.on_record = [this, connection](const std::string& record) {
    protocol::MasterEvent event;
    if (event.ParseFromString(record)) return callbacks_.on_event(connection, std::move(event));
    log::error("The master sent an event that cannot be understood");
    stream_->unsubscribe();
    closed(connection, "what the master sends cannot be understood");
  };
  on.on_refused = [this, connection](const wire::Response& response) {
    if (auto leader = net::redirect_endpoint(response); leader && response.status == 307)
      leader_ = *leader;
    closed(connection, std::to_string(response.status) + " " + response.body);
  };
  on.on_closed = [this, connection](const Error& error) { closed(connection, error.message); };
  stream_ = std::make_unique<net::RecordStream>(loop_, std::move(options), std::move(on));
  stream_->subscribe(call.SerializeAsString());
}

void MasterLink::send(const protocol::AgentCall& call) {
  if (!stream_ || !stream_->subscribed()) return;
  stream_->send(call.SerializeAsString(), [](const Result<wire::Response>& answer) {
    // A call without an answer is made good by the next subscription, which lists everything again.
    if (answer && answer->status >= 400) {
      log::warning("The master refused a call with {}: {}", answer->status, answer->body);
    }
  });
}

}  // namespace mesolith::agent
