// SPDX-License-Identifier: Apache-2.0
// The commands of tasks whose executor the agent plays, alone (mesos-api.md 2.4) or in a group
// (2.5). STARTING and RUNNING are told when the launcher has started the command, so that both
// carry its pid.
#include <algorithm>
#include <array>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;

constexpr int sigterm = 15;
constexpr Duration default_kill_grace = std::chrono::seconds(3);
// Between SIGTERM and the end of a task that has reached its max_completion_time.
constexpr Duration completion_grace = std::chrono::milliseconds(100);

// By number, as strsignal(3) of glibc on Linux says them; a table, so that every run and every
// machine says the same.
constexpr std::array<const char*, 32> signal_descriptions = {"Unknown signal 0",
                                                             "Hangup",
                                                             "Interrupt",
                                                             "Quit",
                                                             "Illegal instruction",
                                                             "Trace/breakpoint trap",
                                                             "Aborted",
                                                             "Bus error",
                                                             "Floating point exception",
                                                             "Killed",
                                                             "User defined signal 1",
                                                             "Segmentation fault",
                                                             "User defined signal 2",
                                                             "Broken pipe",
                                                             "Alarm clock",
                                                             "Terminated",
                                                             "Stack fault",
                                                             "Child exited",
                                                             "Continued",
                                                             "Stopped (signal)",
                                                             "Stopped",
                                                             "Stopped (tty input)",
                                                             "Stopped (tty output)",
                                                             "Urgent I/O condition",
                                                             "CPU time limit exceeded",
                                                             "File size limit exceeded",
                                                             "Virtual timer expired",
                                                             "Profiling timer expired",
                                                             "Window changed",
                                                             "I/O possible",
                                                             "Power failure",
                                                             "Bad system call"};

void killed_during_launch(Context& context, Framework& framework, Executor& executor, Task& task) {
  TaskStatus status =
      make_status(context, model::id_of(task.info.task_id()), executor.id, mesos::v1::TASK_KILLED,
                  TaskStatus::SOURCE_AGENT, "Killed before the task was launched");
  status.set_reason(TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  update_task(context, framework, executor, task, std::move(status));
}

// Its end has been told. Of a framework that is being ended nobody waits for acknowledgements.
void finish(Context& context, Framework& framework, Executor& executor, Task& task) {
  stop_watching(context, *task.command);
  cancel_timers(context.state, *task.command);
  if (!executor.is_command()) {
    release_container(context, framework, task.command->container_id, task.command->requested);
    group_task_ended(context, framework, executor, task);
    return;
  }
  end_container(context, framework, executor);
  if (framework.terminating) {
    complete_task(context, framework, executor, model::id_of(task.info.task_id()));
  }
}

void begin_kill(Context& context, const Executor& executor, Task& task, const Framework& framework,
                Duration grace) {
  State& state = context.state;
  Command& command = *task.command;
  stop_watching(context, command);
  command.kill_started = context.now;
  set_timer(state, command.container_id, Timer::completion, command.completion_deadline, never);
  set_timer(state, command.container_id, Timer::kill, command.kill_deadline,
            saturating_add(context.now, grace));
  put_command(context, framework, executor, task);
  context.effects.push_back(SignalContainer{command.container_id, sigterm});
}

}  // namespace

Duration kill_grace(const Task& task, const std::optional<mesos::v1::KillPolicy>& policy) {
  for (const mesos::v1::KillPolicy* each :
       {policy ? &*policy : nullptr,
        task.info.has_kill_policy() ? &task.info.kill_policy() : nullptr}) {
    if (each && each->has_grace_period()) {
      return Duration(std::max<int64_t>(each->grace_period().nanoseconds(), 0));
    }
  }
  return default_kill_grace;
}

std::string describe_end(int status) {
  const int signal = status & 0x7f;  // wait(2): the low seven bits, 0 for an exit
  if (signal == 0) return "Command exited with status " + std::to_string((status >> 8) & 0xff);
  constexpr int realtime_min = 34;
  std::string name = "Unknown signal " + std::to_string(signal);
  if (static_cast<size_t>(signal) < signal_descriptions.size()) {
    name = signal_descriptions[static_cast<size_t>(signal)];
  } else if (signal >= realtime_min) {
    name = "Real-time signal " + std::to_string(signal - realtime_min);
  }
  return "Command terminated with signal " + name;
}

TaskStatus command_status(Context& context, const Executor& executor, const Task& task,
                          mesos::v1::TaskState state, std::string message) {
  const Command& command = *task.command;
  TaskStatus status = make_status(context, model::id_of(task.info.task_id()), executor.id, state,
                                  TaskStatus::SOURCE_EXECUTOR, std::move(message));
  auto* container = status.mutable_container_status();
  *container->mutable_container_id() = model::to_proto(command.container_id);
  const bool in_group = !executor.is_command();
  if (in_group) {
    *container->mutable_container_id()->mutable_parent() = model::to_proto(executor.container_id);
  }
  // As with the original, a task of a group has lost its container by its end.
  if (!in_group || !model::is_terminal(state)) {
    auto* address = container->add_network_infos()->add_ip_addresses();
    address->set_protocol(mesos::v1::NetworkInfo::IPv4);
    address->set_ip_address(context.state.options.ip);
    if (command.pid > 0) container->set_executor_pid(static_cast<uint32_t>(command.pid));
  }
  if (task.info.has_check()) *status.mutable_check_status() = empty_result(task.info.check());
  return status;
}

void start_command(Context& context, const Framework& framework, Executor& executor, Task& task) {
  task.delivered = true;
  task.command->requested = true;
  executor.container_requested = executor.is_command();
  request_container(context, framework, executor, task);
}

void command_launched(Context& context, Framework& framework, Executor& executor, Task& task) {
  Command& command = *task.command;
  if (command.killed && !command.launched) {
    context.effects.push_back(DestroyContainer{command.container_id});
    return;
  }
  if (command.launched) return;
  command.launched = true;
  command.started = context.now;
  if (executor.is_command()) executor.phase = Executor::Phase::running;
  for (const auto state : {mesos::v1::TASK_STARTING, mesos::v1::TASK_RUNNING}) {
    update_task(context, framework, executor, task, command_status(context, executor, task, state));
  }
  start_timing(context, task);
  if (is_timed(task)) put_command(context, framework, executor, task);
}

bool is_timed(const Task& task) {
  return task.info.has_max_completion_time() || task.info.has_check() ||
         task.info.has_health_check();
}

void start_timing(Context& context, Task& task) {
  Command& command = *task.command;
  if (task.info.has_max_completion_time()) {
    const Duration most(std::max<int64_t>(task.info.max_completion_time().nanoseconds(), 0));
    set_timer(context.state, command.container_id, Timer::completion, command.completion_deadline,
              saturating_add(command.started, most));
  }
  start_watching(context, task);
}

void kill_command(Context& context, Framework& framework, Executor& executor, Task& task,
                  Duration grace) {
  Command& command = *task.command;
  if (model::is_terminal(task.state)) return;
  if (!command.requested) {
    killed_during_launch(context, framework, executor, task);
    finish(context, framework, executor, task);
    return;
  }
  if (!command.launched) {
    if (!command.killed) context.effects.push_back(DestroyContainer{command.container_id});
    command.killed = true;
    command.kill_started = context.now;
    put_command(context, framework, executor, task);
    return;
  }
  if (command.killed || command.completion_reached) {
    const Time deadline = saturating_add(command.kill_started, grace);
    if (deadline < command.kill_deadline) {
      set_timer(context.state, command.container_id, Timer::kill, command.kill_deadline,
                std::max(deadline, context.now));
      put_command(context, framework, executor, task);
    }
    return;
  }
  command.killed = true;
  begin_kill(context, executor, task, framework, grace);
  if (framework.task_killing) {
    update_task(context, framework, executor, task,
                command_status(context, executor, task, mesos::v1::TASK_KILLING));
  }
}

void command_completion_reached(Context& context, const Framework& framework,
                                const Executor& executor, Task& task) {
  Command& command = *task.command;
  if (command.killed || model::is_terminal(task.state)) return;
  command.completion_reached = true;
  begin_kill(context, executor, task, framework, completion_grace);
}

void command_ended(Context& context, Framework& framework, Executor& executor, Task& task,
                   const ContainerExited& exit) {
  Command& command = *task.command;
  if (!command.launched && !command.killed) command_launched(context, framework, executor, task);
  stop_watching(context, command);
  if (!command.launched) {
    killed_during_launch(context, framework, executor, task);
    finish(context, framework, executor, task);
    return;
  }
  mesos::v1::TaskState state = mesos::v1::TASK_FAILED;
  if (command.killed) {
    state = mesos::v1::TASK_KILLED;
  } else if (!command.completion_reached && !exit.memory_limit_bytes && exit.status == 0) {
    state = mesos::v1::TASK_FINISHED;
  }
  TaskStatus status = command_status(context, executor, task, state, describe_end(exit.status));
  if (exit.memory_limit_bytes && !command.killed) {
    status.set_source(TaskStatus::SOURCE_AGENT);
    status.set_reason(limitation_of(status, *exit.memory_limit_bytes));
  } else if (command.completion_reached && !command.killed) {
    status.set_reason(TaskStatus::REASON_MAX_COMPLETION_TIME_REACHED);
  }
  if (command.killed && command.unhealthy) status.set_healthy(false);
  update_task(context, framework, executor, task, std::move(status));
  finish(context, framework, executor, task);
}

void command_launch_failed(Context& context, Framework& framework, Executor& executor, Task& task,
                           const ContainerLaunchFailed& event) {
  if (task.command->killed) {
    command_ended(context, framework, executor, task, ContainerExited{event.container_id});
    return;
  }
  const Termination termination = failure_of(framework, event);
  TaskStatus status = make_status(context, model::id_of(task.info.task_id()), executor.id,
                                  termination.state, TaskStatus::SOURCE_AGENT, termination.message);
  status.set_reason(termination.reason);
  update_task(context, framework, executor, task, std::move(status));
  finish(context, framework, executor, task);
}

void command_lost(Context& context, Framework& framework, Executor& executor, Task& task) {
  TaskStatus status = make_status(context, model::id_of(task.info.task_id()), executor.id,
                                  mesos::v1::TASK_FAILED, TaskStatus::SOURCE_AGENT,
                                  "The task's container was gone when the agent restarted");
  status.set_reason(TaskStatus::REASON_EXECUTOR_TERMINATED);
  update_task(context, framework, executor, task, std::move(status));
  finish(context, framework, executor, task);
}

}  // namespace mesolith::agent
