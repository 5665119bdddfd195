// SPDX-License-Identifier: Apache-2.0
// POST /api/v1/executor: the refusals of mesos-api.md 2.1, in its order.
#include "agent/http/routes.hpp"
#include "model/validation.hpp"

namespace mesolith::agent::http {
namespace {

using mesos::v1::TaskStatus;
using mesos::v1::executor::Call;

std::optional<std::string> invalid_update(const Call& call, const TaskStatus& status) {
  if (!status.has_uuid()) return "Expecting 'uuid' to be present";
  if (status.uuid().size() != 16) return "Not a valid UUID: 'uuid' must be 16 bytes";
  if (status.has_executor_id() && status.executor_id().value() != call.executor_id().value()) {
    return "ExecutorID in Call: " + call.executor_id().value() +
           " does not match ExecutorID in TaskStatus: " + status.executor_id().value();
  }
  if (status.source() != TaskStatus::SOURCE_EXECUTOR || !status.has_source()) {
    return "Received Call from executor " + call.executor_id().value() + " of framework " +
           call.framework_id().value() + " with invalid source, expecting 'SOURCE_EXECUTOR'";
  }
  if (status.state() == mesos::v1::TASK_STAGING) {
    return "Received TASK_STAGING from executor " + call.executor_id().value() + " of framework " +
           call.framework_id().value() + " which is not allowed";
  }
  if (status.has_check_status()) {
    if (auto valid = model::validation::check_status(status.check_status()); !valid) {
      return valid.error().message;
    }
  }
  return std::nullopt;
}

std::optional<std::string> invalid(const Call& call) {
  if (!call.has_type()) return "Expecting 'type' to be present";
  switch (call.type()) {
    case Call::SUBSCRIBE:
      if (!call.has_subscribe()) return "Expecting 'subscribe' to be present";
      for (const auto& update : call.subscribe().unacknowledged_updates()) {
        if (auto problem = invalid_update(call, update.status())) return problem;
      }
      return std::nullopt;
    case Call::UPDATE:
      if (!call.has_update()) return "Expecting 'update' to be present";
      return invalid_update(call, call.update().status());
    case Call::MESSAGE:
      if (!call.has_message()) return "Expecting 'message' to be present";
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

wire::Response stream_head(wire::Media media) {
  wire::Response head = wire::empty(200);
  head.headers.set("Content-Type", std::string(wire::media_name(media)));
  return head;
}

const Executor* find(const Framework& framework, const Call& call) {
  const auto found = framework.executors.find(ExecutorId(call.executor_id().value()));
  if (found == framework.executors.end() || !found->second.is_custom()) return nullptr;
  return &found->second;
}

}  // namespace

Outcome executor_api(const Context& context) {
  const wire::Request& request = context.request;
  const State& state = context.state;
  if (!state.recovered) return wire::text(503, "Agent has not finished recovery");
  if (request.method != "POST") return method_not_allowed(request, "POST");
  Call call;
  if (auto refused = decode_body(request, call)) return *refused;
  if (auto problem = invalid(call)) {
    return wire::text(400, "Failed to validate Executor::Call: " + *problem);
  }
  std::optional<wire::Media> media = wire::Media::json;
  if (call.type() == Call::SUBSCRIBE) media = accepted_media(request);
  if (!media) return not_acceptable();
  if (call.type() == Call::HEARTBEAT) return wire::empty(202);
  const auto framework = state.frameworks.find(FrameworkId(call.framework_id().value()));
  if (framework == state.frameworks.end()) return wire::text(400, "Framework cannot be found");
  const Executor* executor = find(framework->second, call);
  if (!executor) return wire::text(400, "Executor cannot be found");
  if (call.type() == Call::SUBSCRIBE) {
    return OpenStream{stream_head(*media), *media, ExecutorSubscribing{0, std::move(call)}};
  }
  if (executor->stream == 0) return wire::text(403, "Executor is not subscribed");
  if (call.type() != Call::UPDATE && call.type() != Call::MESSAGE) {
    return wire::text(501, "Received 'UNKNOWN' call");
  }
  return Accepted{wire::empty(202), ExecutorCalled{std::move(call)}};
}

}  // namespace mesolith::agent::http
