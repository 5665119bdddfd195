// SPDX-License-Identifier: Apache-2.0
// The v0 endpoints by which an operator sets weights, quotas and maintenance (mesos-api.md 3.3).
// Each becomes the call of the operator API that does the same.
#include <fmt/format.h>

#include <algorithm>

#include "master/core/snapshot.hpp"
#include "master/http/routes.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::master::http {
namespace {

using Call = mesos::v1::master::Call;

// A body that is a list, read as the repeated field `field` of `out`.
std::optional<std::string> read_list(const std::string& body, const std::string& field,
                                     google::protobuf::Message& out) {
  mesos::v1::MachineID any;  // every key is unknown to it or wrong: only the syntax counts here
  if (auto parsed = wire::parse_json_message(body, any);
      !parsed && parsed.error().kind == wire::JsonError::Kind::syntax) {
    return parsed.error().message;
  }
  if (auto parsed = wire::parse_json_message("{\"" + field + "\":" + body + "}", out); !parsed) {
    return parsed.error().message;
  }
  return std::nullopt;
}

Outcome ask(Call call) {
  return Asked{{0, std::move(call)}};
}

Outcome read_only(const Context& context, const google::protobuf::Message& document) {
  return json_answer(context.request, wire::print_json(document));
}

Outcome set_quota(const Context& context) {
  Call call;
  call.set_type(Call::SET_QUOTA);
  auto& request = *call.mutable_set_quota()->mutable_quota_request();
  if (auto parsed = wire::parse_json_message(context.request.body, request); !parsed) {
    return wire::text(400, fmt::format("Failed to parse set quota request JSON '{}': {}",
                                       context.request.body, parsed.error().message));
  }
  return ask(std::move(call));
}

Outcome remove_quota(const Context& context) {
  const std::string& path = context.request.path;
  const size_t at = path.find("/quota/");
  const std::string role(at == std::string::npos ? "" : path.substr(at + 7));
  const auto& quotas = context.state.cluster.quotas();
  const bool known = std::any_of(quotas.begin(), quotas.end(),
                                 [&](const auto& one) { return one.role() == role; });
  if (!known) {
    return wire::text(400,
                      fmt::format("Failed to remove quota for path '/master/quota/{}': Role '{}' "
                                  "has no quota set",
                                  role, role));
  }
  Call call;
  call.set_type(Call::REMOVE_QUOTA);
  call.mutable_remove_quota()->set_role(role);
  return ask(std::move(call));
}

}  // namespace

Outcome weights(const Context& context) {
  if (context.request.method == "PUT") {
    Call call;
    call.set_type(Call::UPDATE_WEIGHTS);
    if (auto problem =
            read_list(context.request.body, "weight_infos", *call.mutable_update_weights())) {
      return wire::text(400, fmt::format("Failed to parse update weights request JSON '{}': {}",
                                         context.request.body, *problem));
    }
    return ask(std::move(call));
  }
  if (context.request.method != "GET") return method_not_allowed(context.request, "GET, PUT");
  std::string body;
  wire::JsonWriter json(body);
  json.begin_array();
  for (const auto& [role, weight] : context.state.weights) {
    json.begin_object();
    json.member("role", role);
    json.member("weight", weight);
    json.end_object();
  }
  json.end_array();
  return json_answer(context.request, std::move(body));
}

Outcome quota(const Context& context) {
  const std::string& method = context.request.method;
  if (method == "GET") return read_only(context, quota_status(context.state));
  if (method == "POST") return set_quota(context);
  if (method == "DELETE") return remove_quota(context);
  return method_not_allowed(context.request, "GET, POST, DELETE");
}

Outcome maintenance_schedule(const Context& context) {
  if (context.request.method == "GET") return read_only(context, context.state.cluster.schedule());
  if (context.request.method != "POST") return method_not_allowed(context.request, "GET, POST");
  Call call;
  call.set_type(Call::UPDATE_MAINTENANCE_SCHEDULE);
  auto& schedule = *call.mutable_update_maintenance_schedule()->mutable_schedule();
  if (auto parsed = wire::parse_json_message(context.request.body, schedule); !parsed) {
    return wire::text(400, parsed.error().message);
  }
  return ask(std::move(call));
}

Outcome maintenance_status(const Context& context) {
  if (context.request.method != "GET") return method_not_allowed(context.request, "GET");
  return read_only(context, master::maintenance_status(context.state));
}

Outcome machine_down(const Context& context) {
  if (context.request.method != "POST") return method_not_allowed(context.request, "POST");
  Call call;
  call.set_type(Call::START_MAINTENANCE);
  if (auto problem =
          read_list(context.request.body, "machines", *call.mutable_start_maintenance())) {
    return wire::text(400, *problem);
  }
  return ask(std::move(call));
}

Outcome machine_up(const Context& context) {
  if (context.request.method != "POST") return method_not_allowed(context.request, "POST");
  Call call;
  call.set_type(Call::STOP_MAINTENANCE);
  if (auto problem =
          read_list(context.request.body, "machines", *call.mutable_stop_maintenance())) {
    return wire::text(400, *problem);
  }
  return ask(std::move(call));
}

}  // namespace mesolith::master::http
