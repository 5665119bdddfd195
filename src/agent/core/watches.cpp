// SPDX-License-Identifier: Apache-2.0
// The checks and health checks of tasks whose executor the agent plays (mesos-api.md 2.6): when to
// look, what a look has found, and what follows from it. A COMMAND look is a container of its own
// in the task's sandbox; an HTTP or TCP look is a ProbePort. Both are given up at their timeout, by
// a timer here, and with the task.
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::CheckInfo;
using mesos::v1::CheckStatusInfo;
using mesos::v1::HealthCheck;
using mesos::v1::TaskStatus;

// However short an interval a task asks for.
constexpr Duration interval_min = std::chrono::milliseconds(100);

// What a look is to do, of a check or a health check alike.
struct Aim {
  const mesos::v1::CommandInfo* command = nullptr;  // else a port
  uint32_t port = 0;
  bool ipv6 = false, tls = false;
  std::optional<std::string> http_path;
  Duration delay{}, interval{}, timeout{};
};

Duration seconds(double value) {
  return seconds_or(value, Duration::max());
}

std::string path_of(const std::string& path) {
  return path.empty() ? "/" : path;
}

template <class Check>
Aim aim_with_times(const Check& check) {
  Aim aim;
  aim.delay = seconds(check.delay_seconds());
  aim.interval = std::max(seconds(check.interval_seconds()), interval_min);
  aim.timeout = seconds(check.timeout_seconds());
  return aim;
}

Aim aim_of(const CheckInfo& check) {
  Aim aim = aim_with_times(check);
  if (check.type() == CheckInfo::COMMAND) {
    aim.command = &check.command().command();
  } else if (check.type() == CheckInfo::HTTP) {
    aim.port = check.http().port();
    aim.http_path = path_of(check.http().path());
  } else {
    aim.port = check.tcp().port();
  }
  return aim;
}

Aim aim_of(const HealthCheck& check) {
  Aim aim = aim_with_times(check);
  if (check.type() == HealthCheck::COMMAND) {
    aim.command = &check.command();
  } else if (check.type() == HealthCheck::HTTP) {
    aim.port = check.http().port();
    aim.ipv6 = check.http().protocol() == mesos::v1::NetworkInfo::IPv6;
    aim.tls = check.http().scheme() == "https";
    aim.http_path = path_of(check.http().path());
  } else {
    aim.port = check.tcp().port();
    aim.ipv6 = check.tcp().protocol() == mesos::v1::NetworkInfo::IPv6;
  }
  return aim;
}

Aim aim_of(const Task& task, Timer watch) {
  return watch == Timer::check ? aim_of(task.info.check()) : aim_of(task.info.health_check());
}

Watch& watch_of(Command& command, Timer watch) {
  return watch == Timer::check ? command.check : command.health;
}

void set_due(Context& context, Command& command, Timer watch, Time due) {
  set_timer(context.state, command.container_id, watch, watch_of(command, watch).due, due);
}

// What one look has found.
struct Finding {
  std::optional<int> wait_status;  // of a command
  std::optional<bool> connected;   // to a TCP port
  std::optional<int> http_status;
  bool lost = false;    // the launcher died meanwhile: it says nothing
  std::string problem;  // why there is none of these
};

bool is_good(const Finding& found) {
  constexpr int http_good_min = 200, http_bad_min = 400;
  if (found.wait_status) return *found.wait_status == 0;
  if (found.http_status) {
    return *found.http_status >= http_good_min && *found.http_status < http_bad_min;
  }
  return found.connected.value_or(false);
}

CheckStatusInfo result_of(const CheckInfo& check, const Finding& found) {
  CheckStatusInfo result = empty_result(check);
  if (found.wait_status && (*found.wait_status & 0x7f) == 0) {  // it was not ended by a signal
    result.mutable_command()->set_exit_code((*found.wait_status >> 8) & 0xff);
  }
  if (found.http_status) {
    result.mutable_http()->set_status_code(static_cast<uint32_t>(*found.http_status));
  }
  if (found.connected) result.mutable_tcp()->set_succeeded(*found.connected);
  return result;
}

// The task runs still, and something new is known of it: its last status again, with that.
TaskStatus said_again(Context& context, const Task& task, TaskStatus::Reason reason) {
  CHECK(!task.statuses.empty());
  TaskStatus status = task.statuses.back();
  status.set_timestamp(to_seconds(context.now));
  status.set_uuid(context.state.rng.uuid_bytes());
  status.set_source(TaskStatus::SOURCE_EXECUTOR);
  status.set_reason(reason);
  return status;
}

void on_check(Context& context, Framework& framework, Executor& executor, Task& task,
              const Finding& found) {
  CheckStatusInfo result = result_of(task.info.check(), found);
  const CheckStatusInfo& before = task.statuses.back().check_status();
  if (result.SerializeAsString() == before.SerializeAsString()) return;
  TaskStatus status = said_again(context, task, TaskStatus::REASON_TASK_CHECK_STATUS_UPDATED);
  *status.mutable_check_status() = std::move(result);
  update_task(context, framework, executor, task, std::move(status));
}

void on_health(Context& context, Framework& framework, Executor& executor, Task& task,
               const Finding& found) {
  const HealthCheck& check = task.info.health_check();
  Command& command = *task.command;
  const bool good = is_good(found);
  if (good && command.was_healthy && command.failures_in_a_row == 0) return;
  if (!good && !command.was_healthy) {
    const Duration grace = seconds(check.grace_period_seconds());
    if (grace > Duration::zero() && context.now - command.started <= grace) return;
  }
  command.failures_in_a_row = good ? 0 : command.failures_in_a_row + 1;
  command.was_healthy = command.was_healthy || good;
  TaskStatus status =
      said_again(context, task, TaskStatus::REASON_TASK_HEALTH_CHECK_STATUS_UPDATED);
  status.set_healthy(good);
  update_task(context, framework, executor, task, std::move(status));
  put_command(context, framework, executor, task);
  if (good || command.failures_in_a_row < check.consecutive_failures()) return;
  log::info("task {} of framework {} is unhealthy and is killed: {}", task.info.task_id().value(),
            framework.id.value, found.problem);
  command.unhealthy = true;
  kill_command(context, framework, executor, task, kill_grace(task, std::nullopt));
}

// The look under way is over; the next one comes an interval later.
void conclude(Context& context, Framework& framework, Executor& executor, Task& task, Timer watch,
              const Finding& found) {
  Command& command = *task.command;
  context.state.probes.erase(watch_of(command, watch).probe);
  watch_of(command, watch).probe = ContainerId();
  set_due(context, command, watch, saturating_add(context.now, aim_of(task, watch).interval));
  if (task.state != mesos::v1::TASK_RUNNING || found.lost) return;
  if (!found.problem.empty()) {
    log::debug("{} of task {}: {}", watch == Timer::check ? "check" : "health check",
               task.info.task_id().value(), found.problem);
  }
  if (watch == Timer::check) {
    on_check(context, framework, executor, task, found);
  } else {
    on_health(context, framework, executor, task, found);
  }
}

void give_up(Context& context, Watch& watch) {
  if (watch.probe.empty()) return;
  if (watch.is_container) {
    context.effects.push_back(DestroyContainer{watch.probe});
  } else {
    context.effects.push_back(CancelProbe{watch.probe});
  }
  context.state.probes.erase(watch.probe);
  watch.probe = ContainerId();
}

void look(Context& context, Framework& framework, Executor& executor, Task& task, Timer watch) {
  constexpr uint32_t port_max = 65535;
  State& state = context.state;
  Command& command = *task.command;
  const Aim aim = aim_of(task, watch);
  if (!aim.command && (aim.port == 0 || aim.port > port_max)) {
    Finding found;
    found.problem = "there is no port " + std::to_string(aim.port);
    conclude(context, framework, executor, task, watch, found);
    return;
  }
  const ContainerId probe(state.rng.uuid_text());
  watch_of(command, watch).probe = probe;
  watch_of(command, watch).is_container = aim.command != nullptr;
  state.probes.emplace(probe, Look{command.container_id, watch});
  set_due(context, command, watch,
          aim.timeout > Duration::zero() ? saturating_add(context.now, aim.timeout) : never);
  if (aim.command) {
    context.effects.push_back(
        container_for_look(state, framework, executor, task, *aim.command, probe));
  } else {
    context.effects.push_back(
        ProbePort{probe, aim.ipv6, static_cast<uint16_t>(aim.port), aim.http_path, aim.tls});
  }
}

// Where the look of that name belongs; nothing when it was given up.
struct Place {
  Framework& framework;
  Executor& executor;
  Task& task;
  Timer watch;
};
std::optional<Place> place_of(State& state, const ContainerId& probe) {
  const auto found = state.probes.find(probe);
  if (found == state.probes.end()) return std::nullopt;
  const Owner& owner = state.containers.at(found->second.container_id);
  Framework& framework = state.frameworks.at(owner.framework);
  Executor& executor = framework.executors.at(owner.executor);
  return Place{framework, executor, executor.tasks.at(owner.task), found->second.watch};
}

}  // namespace

CheckStatusInfo empty_result(const CheckInfo& check) {
  CheckStatusInfo result;
  result.set_type(check.type());
  if (check.type() == CheckInfo::COMMAND) result.mutable_command();
  if (check.type() == CheckInfo::HTTP) result.mutable_http();
  if (check.type() == CheckInfo::TCP) result.mutable_tcp();
  return result;
}

void start_watching(Context& context, Task& task) {
  Command& command = *task.command;
  for (const Timer watch : {Timer::check, Timer::health}) {
    const bool has = watch == Timer::check ? task.info.has_check() : task.info.has_health_check();
    if (!has) continue;
    const Aim aim = aim_of(task, watch);
    Time due = saturating_add(command.started, aim.delay);
    // After a restart of the agent nobody knows when the last look was.
    if (due <= context.now && command.started < context.now) {
      due = saturating_add(context.now, aim.interval);
    }
    set_due(context, command, watch, due);
  }
}

void stop_watching(Context& context, Command& command) {
  for (const Timer watch : {Timer::check, Timer::health}) set_due(context, command, watch, never);
  for (Watch* watch : {&command.check, &command.health}) give_up(context, *watch);
}

void watch_due(Context& context, Framework& framework, Executor& executor, Task& task,
               Timer watch) {
  Watch& due = watch_of(*task.command, watch);
  if (due.probe.empty()) {
    look(context, framework, executor, task, watch);
    return;
  }
  give_up(context, due);
  Finding found;
  found.problem = "no answer within " + format_duration(aim_of(task, watch).timeout);
  conclude(context, framework, executor, task, watch, found);
}

bool look_ended(Context& context, const ContainerExited& exit) {
  auto place = place_of(context.state, exit.container_id);
  if (!place) return false;
  context.effects.push_back(AcknowledgeContainer{exit.container_id});
  Finding found;
  if (exit.memory_limit_bytes) {
    found.problem = "it used too much memory";
  } else {
    found.lost = exit.status == -1;
    found.wait_status = exit.status;
    if (exit.status != 0) found.problem = describe_end(exit.status);
  }
  conclude(context, place->framework, place->executor, place->task, place->watch, found);
  return true;
}

bool look_failed(Context& context, const ContainerLaunchFailed& event) {
  auto place = place_of(context.state, event.container_id);
  if (!place) return false;
  Finding found;
  found.problem = event.message;
  conclude(context, place->framework, place->executor, place->task, place->watch, found);
  return true;
}

void on_probed(Context& context, const Probed& event) {
  auto place = place_of(context.state, event.probe);
  if (!place) return;
  Finding found;
  found.problem = event.problem;
  if (aim_of(place->task, place->watch).http_path) {
    found.http_status = event.http_status;
  } else {
    found.connected = event.connected;
  }
  conclude(context, place->framework, place->executor, place->task, place->watch, found);
}

}  // namespace mesolith::agent
