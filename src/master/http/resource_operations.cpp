// SPDX-License-Identifier: Apache-2.0
// The operator's reservations and volumes (mesos-api.md 3.1, 3.3): v1 calls and v0 forms.
#include <fmt/format.h>

#include "master/core/operator_plan.hpp"
#include "master/http/routes.hpp"
#include "mesos/v1/master/master.pb.h"

namespace mesolith::master::http {
namespace {

using Operation = mesos::v1::Offer::Operation;
using mesos::v1::master::Call;

struct Wanted {
  std::string agent_id;
  Operation operation;
};

template <class Resources>
void copy(const Resources& from, model::RepeatedResource* to) {
  *to = from;
}

// Nothing when the call is of another kind.
std::optional<Wanted> wanted_by(const Call& call) {
  Wanted wanted;
  Operation& operation = wanted.operation;
  switch (call.type()) {
    case Call::RESERVE_RESOURCES:
      wanted.agent_id = call.reserve_resources().agent_id().value();
      operation.set_type(Operation::RESERVE);
      copy(call.reserve_resources().resources(), operation.mutable_reserve()->mutable_resources());
      copy(call.reserve_resources().source(), operation.mutable_reserve()->mutable_source());
      return wanted;
    case Call::UNRESERVE_RESOURCES:
      wanted.agent_id = call.unreserve_resources().agent_id().value();
      operation.set_type(Operation::UNRESERVE);
      copy(call.unreserve_resources().resources(),
           operation.mutable_unreserve()->mutable_resources());
      return wanted;
    case Call::CREATE_VOLUMES:
      wanted.agent_id = call.create_volumes().agent_id().value();
      operation.set_type(Operation::CREATE);
      copy(call.create_volumes().volumes(), operation.mutable_create()->mutable_volumes());
      return wanted;
    case Call::DESTROY_VOLUMES:
      wanted.agent_id = call.destroy_volumes().agent_id().value();
      operation.set_type(Operation::DESTROY);
      copy(call.destroy_volumes().volumes(), operation.mutable_destroy()->mutable_volumes());
      return wanted;
    case Call::GROW_VOLUME:
      wanted.agent_id = call.grow_volume().agent_id().value();
      operation.set_type(Operation::GROW_VOLUME);
      *operation.mutable_grow_volume()->mutable_volume() = call.grow_volume().volume();
      *operation.mutable_grow_volume()->mutable_addition() = call.grow_volume().addition();
      return wanted;
    case Call::SHRINK_VOLUME:
      wanted.agent_id = call.shrink_volume().agent_id().value();
      operation.set_type(Operation::SHRINK_VOLUME);
      *operation.mutable_shrink_volume()->mutable_volume() = call.shrink_volume().volume();
      *operation.mutable_shrink_volume()->mutable_subtract() = call.shrink_volume().subtract();
      return wanted;
    default:
      return std::nullopt;
  }
}

Outcome convert(const State& state, Wanted wanted) {
  const auto found = state.agents.find(AgentId(wanted.agent_id));
  if (found == state.agents.end()) return wire::text(400, "No agent found with specified ID");
  const Agent& agent = found->second;
  if (!agent.connected) {
    return wire::text(409, fmt::format("Agent {} is disconnected", agent.id.value));
  }
  const auto plan = operator_plan(state, agent, wanted.operation);
  if (!plan && plan.error().code == Code::conflict) return wire::text(409, plan.error().message);
  if (!plan) {
    return wire::text(400,
                      fmt::format("Invalid {} operation on agent {} at {} ({}): {}",
                                  Operation::Type_Name(wanted.operation.type()), agent.id.value,
                                  agent.process_id, agent.info.hostname(), plan.error().message));
  }
  return Accepted{wire::empty(202), OperatorConverted{agent.id, std::move(wanted.operation)}};
}

// `message`: the part of the operation that the form's field is read into.
Outcome convert_form(const Context& context, Operation& operation,
                     google::protobuf::Message& message, std::string_view field) {
  const wire::Request& request = context.request;
  if (!context.state.recovered) return wire::text(503, "Master has not finished recovery");
  if (request.method != "POST") return method_not_allowed(request, "POST");
  const auto form = wire::parse_form(request.body);
  if (!form) return wire::text(400, form.error().message);
  const auto agent_id = form->find("slaveId");
  if (!agent_id) return wire::text(400, "Missing 'slaveId' query parameter in the request body");
  const auto listed = form->find(field);
  if (!listed) {
    return wire::text(400, fmt::format("Missing '{}' query parameter in the request body", field));
  }
  if (!context.state.agents.contains(AgentId(*agent_id))) {
    return wire::text(400, "No agent found with specified ID");
  }
  const std::string body = fmt::format("{{\"{}\":{}}}", field, *listed);
  if (auto parsed = wire::decode(wire::Media::json, body, message); !parsed) {
    return wire::text(
        400, fmt::format("Error in parsing '{}' query parameter in the request body: {}", field,
                         parsed.error().message));
  }
  return convert(context.state, {std::string(*agent_id), std::move(operation)});
}

}  // namespace

std::optional<Outcome> resource_operation(const State& state, const Call& call) {
  auto wanted = wanted_by(call);
  if (!wanted) return std::nullopt;
  return convert(state, *std::move(wanted));
}

Outcome reserve(const Context& context) {
  Operation operation;
  operation.set_type(Operation::RESERVE);
  return convert_form(context, operation, *operation.mutable_reserve(), "resources");
}

Outcome unreserve(const Context& context) {
  Operation operation;
  operation.set_type(Operation::UNRESERVE);
  return convert_form(context, operation, *operation.mutable_unreserve(), "resources");
}

Outcome create_volumes(const Context& context) {
  Operation operation;
  operation.set_type(Operation::CREATE);
  return convert_form(context, operation, *operation.mutable_create(), "volumes");
}

Outcome destroy_volumes(const Context& context) {
  Operation operation;
  operation.set_type(Operation::DESTROY);
  return convert_form(context, operation, *operation.mutable_destroy(), "volumes");
}

}  // namespace mesolith::master::http
