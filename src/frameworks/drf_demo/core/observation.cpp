// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/core/observation.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace mesolith::frameworks::drf_demo {
namespace {

namespace json = boost::json;

Result<json::array> list_in(std::string_view text, std::string_view key) {
  json::error_code error;
  const json::value document = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) {
    return failure(Code::invalid, "The master's answer is not JSON: " + error.message());
  }
  const json::object* object = document.if_object();
  const json::value* list = object ? object->if_contains({key.data(), key.size()}) : nullptr;
  if (!list || !list->is_array()) {
    return failure(Code::invalid, "The master's answer has no list '" + std::string(key) + "'");
  }
  return list->get_array();
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains({key.data(), key.size()});
  if (!found || !found->is_string()) return {};
  return std::string(found->get_string());
}

bool true_unless_false(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains({key.data(), key.size()});
  return !found || !found->is_bool() || found->get_bool();
}

// {"cpus": 4.0, "ports": "[31000-32000]"}: numbers count, ranges and sets do not.
model::Quantities scalars_of(const json::object& object, std::string_view key) {
  model::Quantities quantities;
  const json::value* found = object.if_contains({key.data(), key.size()});
  if (!found || !found->is_object()) return quantities;
  for (const auto& [name, value] : found->get_object()) {
    json::error_code error;
    const double units = value.to_number<double>(error);
    if (error) continue;
    quantities.add(model::Name(std::string_view(name.data(), name.size())),
                   model::to_millis(units));
  }
  return quantities;
}

std::string role_of(const json::object& object) {
  if (std::string role = text_of(object, "role"); !role.empty()) return role;
  const json::value* roles = object.if_contains("roles");
  if (roles && roles->is_array() && !roles->get_array().empty() &&
      roles->get_array()[0].is_string()) {
    return std::string(roles->get_array()[0].get_string());
  }
  return "*";
}

FrameworkUsage usage_of(const json::object& object) {
  FrameworkUsage usage;
  usage.id = text_of(object, "id");
  usage.name = text_of(object, "name");
  usage.role = role_of(object);
  usage.active = true_unless_false(object, "active");
  usage.used = scalars_of(object, "used_resources");
  model::Quantities sum;
  if (const json::value* tasks = object.if_contains("tasks"); tasks && tasks->is_array()) {
    for (const json::value& task : tasks->get_array()) {
      if (!task.is_object()) continue;
      ++usage.tasks;
      sum += scalars_of(task.get_object(), "resources");
    }
  }
  if (usage.tasks > 0) usage.demand = sum.scale(1.0 / static_cast<double>(usage.tasks));
  return usage;
}

bool may_use(const FrameworkUsage& user, std::string_view reserved_role) {
  if (!user.active) return false;
  return user.role == reserved_role || user.role.starts_with(std::string(reserved_role) + "/");
}

// What of an agent the frameworks seen may use.
model::Quantities capacity_of(const json::object& agent, const std::vector<FrameworkUsage>& users) {
  if (!agent.contains("unreserved_resources")) return scalars_of(agent, "resources");
  model::Quantities capacity = scalars_of(agent, "unreserved_resources");
  const json::value* reserved = agent.if_contains("reserved_resources");
  if (!reserved || !reserved->is_object()) return capacity;
  for (const auto& [key, ignored] : reserved->get_object()) {
    const std::string_view role(key.data(), key.size());
    if (std::ranges::any_of(users, [&](const auto& user) { return may_use(user, role); })) {
      capacity += scalars_of(reserved->get_object(), role);
    }
  }
  return capacity;
}

struct Dominant {
  double share = 0;
  std::string name;
};

Dominant dominant(const model::Quantities& used, const model::Quantities& totals) {
  Dominant most;
  used.for_each([&](const model::Name& name, model::Millis amount) {
    const model::Millis total = totals.get(name);
    if (total <= 0 || amount <= 0) return;
    const double share = static_cast<double>(amount) / static_cast<double>(total);
    if (share > most.share) most = {share, name.str()};
  });
  return most;
}

}  // namespace

Result<Observation> parse_observation(std::string_view slaves, std::string_view frameworks) {
  TRY(const json::array agents, list_in(slaves, "slaves"));
  TRY(const json::array users, list_in(frameworks, "frameworks"));
  Observation observation;
  for (const json::value& user : users) {
    if (!user.is_object()) continue;
    FrameworkUsage usage = usage_of(user.get_object());
    if (!usage.id.empty()) observation.frameworks.push_back(std::move(usage));
  }
  for (const json::value& agent : agents) {
    if (!agent.is_object() || !true_unless_false(agent.get_object(), "active")) continue;
    observation.totals += capacity_of(agent.get_object(), observation.frameworks);
  }
  return observation;
}

double dominant_share(const model::Quantities& used, const model::Quantities& totals) {
  return dominant(used, totals).share;
}

std::string dominant_resource(const model::Quantities& used, const model::Quantities& totals) {
  return dominant(used, totals).name;
}

}  // namespace mesolith::frameworks::drf_demo
