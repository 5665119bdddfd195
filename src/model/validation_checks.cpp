// SPDX-License-Identifier: Apache-2.0
// Checks, health checks, and the times a task gives.
#include <fmt/format.h>

#include "model/validation.hpp"

namespace mesolith::model::validation {

namespace {

using mesos::v1::CheckInfo;
using mesos::v1::HealthCheck;

Result<void> command_of(const mesos::v1::CommandInfo& command_info, std::string_view kind,
                        std::string_view owner) {
  if (!command_info.has_value()) {
    return failure(Code::invalid,
                   fmt::format("{} must contain {}", kind,
                               command_info.shell() ? "'shell command'" : "'executable path'"));
  }
  if (auto valid = command(command_info); !valid) {
    return failure(Code::invalid,
                   fmt::format("{}'s `CommandInfo` is invalid: {}", owner, valid.error().message));
  }
  return {};
}

Result<void> path(const std::string& path, std::string_view kind) {
  if (path.starts_with('/')) return {};
  return failure(Code::invalid, fmt::format("The path '{}' of {} must start with '/'", path, kind));
}

// NaN is refused as well: it is not a time.
Result<void> not_negative(double seconds, std::string_view field) {
  if (seconds >= 0) return {};
  return failure(Code::invalid, fmt::format("Expecting '{}' to be non-negative", field));
}

template <class Check>
Result<void> times(const Check& check) {
  TRY_VOID(not_negative(check.delay_seconds(), "delay_seconds"));
  TRY_VOID(not_negative(check.interval_seconds(), "interval_seconds"));
  return not_negative(check.timeout_seconds(), "timeout_seconds");
}

Result<void> expecting(bool present, std::string_view field, std::string_view kind) {
  if (present) return {};
  return failure(Code::invalid, fmt::format("Expecting '{}' to be set for {}", field, kind));
}

}  // namespace

Result<void> check(const CheckInfo& check) {
  if (!check.has_type()) return failure(Code::invalid, "CheckInfo must specify 'type'");
  switch (check.type()) {
    case CheckInfo::COMMAND: {
      TRY_VOID(expecting(check.has_command(), "command", "COMMAND check"));
      TRY_VOID(command_of(check.command().command(), "Command check", "Check"));
      break;
    }
    case CheckInfo::HTTP: {
      TRY_VOID(expecting(check.has_http(), "http", "HTTP check"));
      if (check.http().has_path()) TRY_VOID(path(check.http().path(), "HTTP check"));
      break;
    }
    case CheckInfo::TCP: {
      TRY_VOID(expecting(check.has_tcp(), "tcp", "TCP check"));
      break;
    }
    default:
      return failure(Code::invalid, "'UNKNOWN' is not a valid check type");
  }
  return times(check);
}

Result<void> health_check(const HealthCheck& check) {
  if (!check.has_type()) return failure(Code::invalid, "HealthCheck must specify 'type'");
  switch (check.type()) {
    case HealthCheck::COMMAND: {
      TRY_VOID(expecting(check.has_command(), "command", "COMMAND health check"));
      TRY_VOID(command_of(check.command(), "Command health check", "Health check"));
      break;
    }
    case HealthCheck::HTTP: {
      TRY_VOID(expecting(check.has_http(), "http", "HTTP health check"));
      const auto& http = check.http();
      if (http.has_scheme() && http.scheme() != "http" && http.scheme() != "https") {
        return failure(Code::invalid,
                       fmt::format("Unsupported HTTP health check scheme: '{}'", http.scheme()));
      }
      if (http.has_path()) TRY_VOID(path(http.path(), "HTTP health check"));
      break;
    }
    case HealthCheck::TCP: {
      TRY_VOID(expecting(check.has_tcp(), "tcp", "TCP health check"));
      break;
    }
    default:
      return failure(Code::invalid, "'UNKNOWN' is not a valid health check type");
  }
  TRY_VOID(times(check));
  return not_negative(check.grace_period_seconds(), "grace_period_seconds");
}

Result<void> check_status(const mesos::v1::CheckStatusInfo& status) {
  if (!status.has_type()) return failure(Code::invalid, "CheckStatusInfo must specify 'type'");
  switch (status.type()) {
    case CheckInfo::COMMAND:
      return expecting(status.has_command(), "command", "COMMAND check's status");
    case CheckInfo::HTTP:
      return expecting(status.has_http(), "http", "HTTP check's status");
    case CheckInfo::TCP:
      return expecting(status.has_tcp(), "tcp", "TCP check's status");
    default:
      return failure(Code::invalid, "'UNKNOWN' is not a valid check's status type");
  }
}

Result<void> group_task_checks(const mesos::v1::TaskInfo& task) {
  if (task.container().network_infos_size() == 0 || !task.has_health_check()) return {};
  if (task.health_check().type() == HealthCheck::HTTP) {
    return failure(Code::invalid,
                   "HTTP health checks are not supported for nested containers "
                   "joining a different network than their parent");
  }
  if (task.health_check().type() == HealthCheck::TCP) {
    return failure(Code::invalid,
                   "TCP health checks are not supported for nested containers "
                   "joining a different network than their parent");
  }
  return {};
}

Result<void> kill_policy(const mesos::v1::TaskInfo& task) {
  if (task.kill_policy().grace_period().nanoseconds() >= 0) return {};
  return failure(Code::invalid, "Task's 'kill_policy.grace_period' must be non-negative");
}

Result<void> max_completion_time(const mesos::v1::TaskInfo& task) {
  if (task.max_completion_time().nanoseconds() >= 0) return {};
  return failure(Code::invalid, "Task's 'max_completion_time' must be non-negative");
}

Result<void> shutdown_grace_period(const mesos::v1::ExecutorInfo& executor) {
  if (executor.shutdown_grace_period().nanoseconds() >= 0) return {};
  return failure(Code::invalid, "ExecutorInfo's 'shutdown_grace_period' must be non-negative");
}

}  // namespace mesolith::model::validation
