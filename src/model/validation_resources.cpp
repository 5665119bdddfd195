// SPDX-License-Identifier: Apache-2.0
// The resources of tasks and executors, and limits.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "model/validation.hpp"

namespace mesolith::model::validation {

namespace {

Result<void> invalid(std::string message) {
  return failure(Code::invalid, std::move(message));
}

Result<void> prefixed(std::string_view prefix, Result<void> result) {
  if (result) return result;
  return invalid(fmt::format("{}{}", prefix, result.error().message));
}

Result<void> disk_info(const Entry& entry) {
  const auto& disk = *entry.traits->disk;
  if (disk.has_persistence()) {
    if (entry.revocable()) {
      return invalid("Persistent volumes cannot be created from revocable resources");
    }
    if (!entry.reserved()) {
      return invalid("Persistent volumes cannot be created from unreserved resources");
    }
    if (!disk.has_volume()) return invalid("Expecting 'volume' to be set for persistent volume");
    if (disk.volume().has_host_path()) {
      return invalid("Expecting 'host_path' to be unset for persistent volume");
    }
    return {};
  }
  if (disk.has_volume()) return invalid("Non-persistent volume not supported");
  if (!disk.has_source()) return invalid("DiskInfo is set but empty");
  return {};
}

Result<void> disk_infos(const Resources& parsed) {
  for (const Entry& entry : parsed.entries()) {
    if (entry.traits && entry.traits->disk) TRY_VOID(disk_info(entry));
  }
  return {};
}

Result<void> limit(const std::string& name, double most, const Resources& requested) {
  const bool cpu = name == "cpus";
  if (!cpu && name != "mem") {
    return invalid(
        fmt::format("Invalid resource limit '{}': only 'cpus' and 'mem' can be limited", name));
  }
  const Millis request = requested.scalar(name);
  if (request <= 0) {
    return invalid(fmt::format("When a {} limit is specified, a {} request must also be specified",
                               cpu ? "CPU" : "memory", cpu ? "CPU" : "memory"));
  }
  if (std::isinf(most) && most > 0) return {};
  if (std::isnan(most) || to_millis(most) < request) {
    const std::string_view what = cpu ? "cpu" : "memory";
    return invalid(
        fmt::format("The {} limit must be greater than or equal to the {} request", what, what));
  }
  return {};
}

}  // namespace

Result<void> gpus(const mesos::v1::TaskInfo& task) {
  for (const auto& resource : task.resources()) {
    if (resource.name() != "gpus") continue;
    const double value = resource.scalar().value();
    if (resource.type() != mesos::v1::Value::SCALAR || !(value >= 0) ||
        value != std::floor(value)) {
      return invalid("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer");
    }
  }
  return {};
}

Result<void> unique_persistence_ids(const Resources& parsed) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const Entry& entry : parsed.entries()) {
    if (!entry.persistent()) continue;
    const std::string& id = entry.traits->disk->persistence().id();
    if (!seen.emplace(entry.reservation_role(), id).second) {
      return invalid(fmt::format("Persistence ID '{}' is not unique", id));
    }
  }
  return {};
}

Result<void> one_allocation_role(const Resources& parsed) {
  const auto roles = parsed.allocation_roles();
  if (roles.size() <= 1) return {};
  return invalid(fmt::format(
      "The resources have multiple allocation roles ('{}') but only one allocation role is allowed",
      fmt::join(roles, "', '")));
}

Result<void> no_revocable_mix(const Resources& parsed) {
  std::map<Name, std::pair<bool, bool>> kinds;  // revocable, non-revocable
  for (const Entry& entry : parsed.entries()) {
    auto& [revocable, firm] = kinds[entry.name];
    (entry.revocable() ? revocable : firm) = true;
    if (revocable && firm) {
      return invalid(fmt::format(
          "Cannot use both revocable and non-revocable '{}' at the same time", entry.name.text()));
    }
  }
  return {};
}

Result<void> resources(const Resources& parsed) {
  TRY_VOID(prefixed("Invalid DiskInfo: ", disk_infos(parsed)));
  TRY_VOID(prefixed("Duplicate persistence ID: ", unique_persistence_ids(parsed)));
  TRY_VOID(one_allocation_role(parsed));
  return prefixed("Invalid revocable resources: ", no_revocable_mix(parsed));
}

Result<void> limits(const mesos::v1::TaskInfo& task) {
  if (task.limits().empty()) return {};
  TRY(Resources requested, Resources::parse(task.resources()));
  // A protobuf map has no order of its own; the first fault must be the same on every run.
  std::map<std::string, double> ordered;
  for (const auto& [name, value] : task.limits()) ordered[name] = value.value();
  for (const auto& [name, most] : ordered) TRY_VOID(limit(name, most, requested));
  return {};
}

}  // namespace mesolith::model::validation
