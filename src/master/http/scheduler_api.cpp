// SPDX-License-Identifier: Apache-2.0
// POST /api/v1/scheduler: the refusals of mesos-api.md 1.3, rows 5 to 18, in that order.
#include <optional>

#include "master/core/framework_update.hpp"
#include "master/http/routes.hpp"

namespace mesolith::master::http {
namespace {

using mesos::v1::scheduler::Call;

// The sub-message that the type of a call demands is missing: its field's name.
const char* missing_submessage(const Call& call) {
  switch (call.type()) {
    case Call::SUBSCRIBE:
      return call.has_subscribe() ? nullptr : "subscribe";
    case Call::ACCEPT:
      return call.has_accept() ? nullptr : "accept";
    case Call::DECLINE:
      return call.has_decline() ? nullptr : "decline";
    case Call::ACCEPT_INVERSE_OFFERS:
      return call.has_accept_inverse_offers() ? nullptr : "accept_inverse_offers";
    case Call::DECLINE_INVERSE_OFFERS:
      return call.has_decline_inverse_offers() ? nullptr : "decline_inverse_offers";
    case Call::KILL:
      return call.has_kill() ? nullptr : "kill";
    case Call::SHUTDOWN:
      return call.has_shutdown() ? nullptr : "shutdown";
    case Call::ACKNOWLEDGE:
      return call.has_acknowledge() ? nullptr : "acknowledge";
    case Call::ACKNOWLEDGE_OPERATION_STATUS:
      return call.has_acknowledge_operation_status() ? nullptr : "acknowledge_operation_status";
    case Call::RECONCILE:
      return call.has_reconcile() ? nullptr : "reconcile";
    case Call::RECONCILE_OPERATIONS:
      return call.has_reconcile_operations() ? nullptr : "reconcile_operations";
    case Call::MESSAGE:
      return call.has_message() ? nullptr : "message";
    case Call::REQUEST:
      return call.has_request() ? nullptr : "request";
    case Call::UPDATE_FRAMEWORK:
      return call.has_update_framework() ? nullptr : "update_framework";
    default:
      return nullptr;  // TEARDOWN, REVIVE and SUPPRESS need none
  }
}

std::optional<std::string> invalid(const Call& call) {
  if (!call.has_type()) return "Expecting 'type' to be present";
  if (const char* missing = missing_submessage(call)) {
    return "Expecting '" + std::string(missing) + "' to be present";
  }
  if (call.type() == Call::SUBSCRIBE) {
    const auto& info = call.subscribe().framework_info();
    if (call.framework_id().value() != info.id().value()) {
      return "'framework_id' differs from 'subscribe.framework_info.id'";
    }
    return std::nullopt;
  }
  if (!call.has_framework_id()) return "Expecting 'framework_id' to be present";
  if (call.type() == Call::ACKNOWLEDGE && call.acknowledge().uuid().size() != 16) {
    return "Not a valid UUID: 'acknowledge.uuid' must be 16 bytes";
  }
  if (call.type() == Call::ACKNOWLEDGE_OPERATION_STATUS) {
    const auto& acknowledged = call.acknowledge_operation_status();
    if (acknowledged.uuid().size() != 16) {
      return "Not a valid UUID: 'acknowledge_operation_status.uuid' must be 16 bytes";
    }
    if (!acknowledged.has_agent_id()) {
      return "Expecting 'acknowledge_operation_status.agent_id' to be present";
    }
  }
  if (call.type() == Call::UPDATE_FRAMEWORK &&
      call.update_framework().framework_info().id().value() != call.framework_id().value()) {
    return "'framework_id' differs from 'update_framework.framework_info.id'";
  }
  return std::nullopt;
}

wire::Response stream_head(wire::Media media, const std::string& stream_uuid) {
  wire::Response head = wire::empty(200);
  head.headers.set("Mesos-Stream-Id", stream_uuid);
  head.headers.set("Content-Type", std::string(wire::media_name(media)));
  return head;
}

Outcome subscribe(const wire::Request& request, Call call, const std::string& stream_uuid) {
  const std::optional<wire::Media> media = accepted_media(request);
  if (!media) return not_acceptable();
  if (request.headers.has("Mesos-Stream-Id")) {
    return wire::text(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
  }
  OpenStream open{stream_head(*media, stream_uuid), *media, FrameworkSubscribing{}};
  auto& subscribing = std::get<FrameworkSubscribing>(open.event);
  subscribing.stream_uuid = stream_uuid;
  subscribing.call = std::move(call);
  return open;
}

}  // namespace

Outcome scheduler_api(const Context& context) {
  const wire::Request& request = context.request;
  if (!context.state.recovered) return wire::text(503, "Master has not finished recovery");
  if (request.method != "POST") return method_not_allowed(request, "POST");
  Call call;
  if (auto refused = decode_body(request, call)) return *refused;
  if (auto problem = invalid(call)) {
    return wire::text(400, "Failed to validate scheduler::Call: " + *problem);
  }
  if (call.type() == Call::SUBSCRIBE)
    return subscribe(request, std::move(call), context.stream_uuid);
  if (call.type() == Call::RECONCILE_OPERATIONS && !accepted_media(request))
    return not_acceptable();

  const auto found = context.state.frameworks.find(FrameworkId(call.framework_id().value()));
  if (found == context.state.frameworks.end()) return wire::text(400, "Framework cannot be found");
  const Framework& framework = found->second;
  if (!framework.connected) return wire::text(403, "Framework is not subscribed");
  const std::string* stream = request.headers.find("Mesos-Stream-Id");
  if (!stream) {
    return wire::text(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  }
  if (*stream != framework.stream_uuid) {
    return wire::text(400, "The stream ID '" + *stream +
                               "' included in this request didn't match the stream ID currently "
                               "associated with framework ID " +
                               framework.id.value);
  }
  if (call.type() == Call::UNKNOWN) return wire::text(501, "Received 'UNKNOWN' call");
  if (call.type() == Call::UPDATE_FRAMEWORK) {
    const auto valid = validate_update(context.state, framework, call.update_framework());
    if (!valid) return wire::text(400, valid.error().message);
    return Accepted{wire::empty(200), FrameworkCalled{std::move(call)}};
  }
  return Accepted{wire::empty(202), FrameworkCalled{std::move(call)}};
}

Outcome agent_api(const Context& context) {
  const wire::Request& request = context.request;
  if (!context.state.recovered) return wire::text(503, "Master has not finished recovery");
  if (request.method != "POST") return method_not_allowed(request, "POST");
  protocol::AgentCall call;
  if (auto refused = decode_body(request, call)) return *refused;
  if (call.type() == protocol::AgentCall::SUBSCRIBE) {
    if (!call.has_subscribe()) return wire::text(400, "Expecting 'subscribe' to be present");
    if (call.subscribe().protocol_version() != 1) {
      return wire::text(400, "This master speaks version 1 of the agent protocol, not version " +
                                 std::to_string(call.subscribe().protocol_version()));
    }
    OpenStream open{stream_head(wire::Media::protobuf, context.stream_uuid), wire::Media::protobuf,
                    AgentSubscribing{}};
    auto& subscribing = std::get<AgentSubscribing>(open.event);
    subscribing.stream_uuid = context.stream_uuid;
    subscribing.peer_ip = request.peer;
    subscribing.call = std::move(call);
    return open;
  }
  const auto found = context.state.agents.find(AgentId(call.agent_id().value()));
  if (found == context.state.agents.end()) return wire::text(400, "Agent cannot be found");
  const std::string* stream = request.headers.find("Mesos-Stream-Id");
  if (!found->second.connected || !stream || *stream != found->second.stream_uuid) {
    return wire::text(403, "Agent is not subscribed with this stream");
  }
  return Accepted{wire::empty(202), AgentCalled{std::move(call)}};
}

}  // namespace mesolith::master::http
