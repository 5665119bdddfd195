// SPDX-License-Identifier: Apache-2.0
// Command tasks: the agent plays their executor (mesos-api.md 2.4). STARTING and RUNNING are told
// when the launcher has started the command, so that both carry its pid.
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

Task& task_of(Executor& executor) {
  CHECK(executor.tasks.size() == 1);
  return executor.tasks.begin()->second;
}

TaskStatus status_of(Context& context, const Executor& executor, const Task& task,
                     mesos::v1::TaskState state, std::string message = "") {
  TaskStatus status = make_status(context, model::id_of(task.info.task_id()), executor.id, state,
                                  TaskStatus::SOURCE_EXECUTOR, std::move(message));
  auto* container = status.mutable_container_status();
  *container->mutable_container_id() = model::to_proto(executor.container_id);
  auto* address = container->add_network_infos()->add_ip_addresses();
  address->set_protocol(mesos::v1::NetworkInfo::IPv4);
  address->set_ip_address(context.state.options.ip);
  if (executor.pid > 0) container->set_executor_pid(static_cast<uint32_t>(executor.pid));
  if (task.info.has_check()) {  // no result yet: the kind alone
    const mesos::v1::CheckInfo::Type type = task.info.check().type();
    status.mutable_check_status()->set_type(type);
    if (type == mesos::v1::CheckInfo::COMMAND) status.mutable_check_status()->mutable_command();
    if (type == mesos::v1::CheckInfo::HTTP) status.mutable_check_status()->mutable_http();
    if (type == mesos::v1::CheckInfo::TCP) status.mutable_check_status()->mutable_tcp();
  }
  return status;
}

void killed_during_launch(Context& context, Framework& framework, Executor& executor) {
  Task& task = task_of(executor);
  TaskStatus status =
      make_status(context, model::id_of(task.info.task_id()), executor.id, mesos::v1::TASK_KILLED,
                  TaskStatus::SOURCE_AGENT, "Killed before the task was launched");
  status.set_reason(TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  update_task(context, framework, executor, task, std::move(status));
}

// Of a framework that is being ended nobody waits for acknowledgements.
void finish(Context& context, Framework& framework, Executor& executor) {
  end_container(context, framework, executor);
  if (framework.terminating) {
    complete_task(context, framework, executor, TaskId(executor.tasks.begin()->first));
  }
}

void begin_kill(Context& context, const Framework& framework, Executor& executor, Duration grace) {
  executor.command->kill_started = context.now;
  set_timer(context.state, executor, Timer::completion, executor.command->completion_deadline,
            never);
  set_timer(context.state, executor, Timer::kill, executor.command->kill_deadline,
            saturating_add(context.now, grace));
  put_executor(context, framework, executor);
  context.effects.push_back(SignalContainer{executor.container_id, sigterm});
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

void start_command(Context& context, Framework& framework, Executor& executor) {
  Task& task = task_of(executor);
  task.delivered = true;
  request_container(context, framework, executor);
}

void command_launched(Context& context, Framework& framework, Executor& executor) {
  Command& command = *executor.command;
  if (command.killed && !command.launched) {
    context.effects.push_back(DestroyContainer{executor.container_id});
    return;
  }
  if (command.launched) return;
  command.launched = true;
  executor.phase = Executor::Phase::running;
  Task& task = task_of(executor);
  for (const auto state : {mesos::v1::TASK_STARTING, mesos::v1::TASK_RUNNING}) {
    update_task(context, framework, executor, task, status_of(context, executor, task, state));
  }
  if (task.info.has_max_completion_time()) {
    const Duration most(std::max<int64_t>(task.info.max_completion_time().nanoseconds(), 0));
    set_timer(context.state, executor, Timer::completion, command.completion_deadline,
              saturating_add(context.now, most));
  }
}

void kill_command(Context& context, Framework& framework, Executor& executor,
                  const std::optional<mesos::v1::KillPolicy>& policy) {
  Command& command = *executor.command;
  if (executor.phase == Executor::Phase::terminated) return;
  Task& task = task_of(executor);
  if (!executor.container_requested) {
    killed_during_launch(context, framework, executor);
    finish(context, framework, executor);
    return;
  }
  if (!command.launched) {
    if (!command.killed) context.effects.push_back(DestroyContainer{executor.container_id});
    command.killed = true;
    put_executor(context, framework, executor);
    return;
  }
  const Duration grace = kill_grace(task, policy);
  if (command.killed || command.completion_reached) {
    const Time deadline = saturating_add(command.kill_started, grace);
    if (deadline < command.kill_deadline) {
      set_timer(context.state, executor, Timer::kill, command.kill_deadline,
                std::max(deadline, context.now));
      put_executor(context, framework, executor);
    }
    return;
  }
  command.killed = true;
  begin_kill(context, framework, executor, grace);
  if (framework.task_killing) {
    update_task(context, framework, executor, task,
                status_of(context, executor, task, mesos::v1::TASK_KILLING));
  }
}

void command_completion_reached(Context& context, Framework& framework, Executor& executor) {
  Command& command = *executor.command;
  if (command.killed || executor.phase == Executor::Phase::terminated) return;
  command.completion_reached = true;
  begin_kill(context, framework, executor, completion_grace);
}

void command_ended(Context& context, Framework& framework, Executor& executor,
                   const ContainerExited& exit) {
  Command& command = *executor.command;
  if (!command.launched && !command.killed) command_launched(context, framework, executor);
  Task& task = task_of(executor);
  if (!command.launched) {
    killed_during_launch(context, framework, executor);
    finish(context, framework, executor);
    return;
  }
  mesos::v1::TaskState state = mesos::v1::TASK_FAILED;
  if (command.killed) {
    state = mesos::v1::TASK_KILLED;
  } else if (!command.completion_reached && !exit.memory_limit_bytes && exit.status == 0) {
    state = mesos::v1::TASK_FINISHED;
  }
  TaskStatus status = status_of(context, executor, task, state, describe_end(exit.status));
  if (exit.memory_limit_bytes && !command.killed) {
    status.set_source(TaskStatus::SOURCE_AGENT);
    status.set_reason(limitation_of(status, *exit.memory_limit_bytes));
  } else if (command.completion_reached && !command.killed) {
    status.set_reason(TaskStatus::REASON_MAX_COMPLETION_TIME_REACHED);
  }
  update_task(context, framework, executor, task, std::move(status));
  finish(context, framework, executor);
}

}  // namespace mesolith::agent
