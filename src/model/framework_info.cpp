// SPDX-License-Identifier: Apache-2.0
#include "model/framework_info.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/ids.hpp"
#include "model/roles.hpp"

namespace mesolith::model {

namespace {

using mesos::v1::FrameworkInfo;

std::string braces(const std::set<std::string>& items) {
  return fmt::format("{{ {} }}", fmt::join(items, ", "));
}

Result<void> validate_roles(const FrameworkInfo& info) {
  if (!has_capability(info, FrameworkInfo::Capability::MULTI_ROLE)) {
    if (info.roles_size() > 0) {
      return failure(
          Code::invalid,
          "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable");
    }
    if (auto valid = roles::validate(info.role()); !valid) {
      return failure(Code::invalid,
                     "'FrameworkInfo.role' is not a valid role: " + valid.error().message);
    }
    return {};
  }
  if (info.has_role()) {
    return failure(Code::invalid,
                   "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable");
  }
  std::set<std::string> seen, duplicates;
  for (const std::string& role : info.roles()) {
    if (!seen.insert(role).second) duplicates.insert(role);
  }
  if (!duplicates.empty()) {
    return failure(Code::invalid,
                   "'FrameworkInfo.roles' contains duplicate items: " + braces(duplicates));
  }
  for (const std::string& role : info.roles()) {
    if (auto valid = roles::validate(role); !valid) {
      return failure(Code::invalid,
                     "'FrameworkInfo.roles' contains invalid role: " + valid.error().message);
    }
  }
  return {};
}

Result<void> validate_offer_filter(const mesos::v1::OfferFilters& filters) {
  for (const auto& quantities : filters.min_allocatable_resources().quantities()) {
    if (quantities.quantities().empty()) {
      return failure(Code::invalid, "Resource quantities must contain at least one quantity");
    }
    const auto wrong = [](const auto& amount) {
      return !std::isfinite(amount.second.value()) || amount.second.value() < 0;
    };
    if (std::ranges::any_of(quantities.quantities(), wrong)) {
      return failure(Code::invalid,
                     "Invalid resource quantity: it must be finite and not negative");
    }
  }
  return {};
}

Result<void> validate_offer_filters(const FrameworkInfo& info) {
  // A protobuf map has no order of its own; the first fault must be the same on every run.
  std::set<std::string> names;
  for (const auto& [role, filters] : info.offer_filters()) names.insert(role);
  for (const std::string& role : names) {
    if (auto valid = roles::validate(role); !valid) {
      return failure(Code::invalid,
                     fmt::format("Invalid role '{}' in 'FrameworkInfo.offer_filters': {}", role,
                                 valid.error().message));
    }
    if (auto valid = validate_offer_filter(info.offer_filters().at(role)); !valid) {
      return failure(Code::invalid, fmt::format("Invalid offer filter for role '{}': {}", role,
                                                valid.error().message));
    }
  }
  return {};
}

Result<void> validate_failover_timeout(const FrameworkInfo& info) {
  const double seconds = info.failover_timeout();
  if (std::isnan(seconds) || std::abs(seconds) * 1e9 >= 9223372036854775807.0) {
    return failure(Code::invalid,
                   fmt::format("The framework failover_timeout ({}) is invalid", seconds));
  }
  return {};
}

}  // namespace

Result<void> validate_framework_info(const FrameworkInfo& info) {
  TRY_VOID(validate_roles(info));
  // An id that is present but empty asks for a new one.
  if (!info.id().value().empty()) TRY_VOID(validate_id(info.id().value()));
  TRY_VOID(validate_offer_filters(info));
  return validate_failover_timeout(info);
}

Result<void> validate_suppressed_roles(const FrameworkInfo& info,
                                       const std::set<std::string>& suppressed) {
  const std::set<std::string> subscribed = roles_of(info);
  std::set<std::string> unknown;
  std::ranges::set_difference(suppressed, subscribed, std::inserter(unknown, unknown.end()));
  if (unknown.empty()) return {};
  return failure(
      Code::invalid,
      fmt::format("Suppressed roles {} are not contained in the set of roles", braces(unknown)));
}

bool has_capability(const FrameworkInfo& info, FrameworkInfo::Capability::Type capability) {
  return std::ranges::any_of(info.capabilities(),
                             [&](const auto& has) { return has.type() == capability; });
}

std::set<std::string> roles_of(const FrameworkInfo& info) {
  if (!has_capability(info, FrameworkInfo::Capability::MULTI_ROLE)) return {info.role()};
  return {info.roles().begin(), info.roles().end()};
}

Duration failover_timeout_of(const FrameworkInfo& info) {
  return std::max(seconds_or(info.failover_timeout(), Duration::zero()), Duration::zero());
}

}  // namespace mesolith::model
