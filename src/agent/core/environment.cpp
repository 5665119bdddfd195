// SPDX-License-Identifier: Apache-2.0
// What a container is given: its sandbox, its program, its environment (mesos-api.md 2.2), and how
// much it may use.
#include <algorithm>
#include <cmath>

#include "agent/core/internal.hpp"
#include "base/check.hpp"

namespace mesolith::agent {
namespace {

constexpr double mebibyte = 1024.0 * 1024.0;
constexpr const char* default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// What the original's command executor needs after its task has been killed.
constexpr Duration command_shutdown_margin = std::chrono::seconds(2);

template <class Resources>
double amount(const Resources& resources, std::string_view name) {
  double sum = 0;
  for (const mesos::v1::Resource& resource : resources) {
    if (resource.name() == name) sum += resource.scalar().value();
  }
  return sum;
}

struct Size {
  double cpus = 0, mem_bytes = 0, disk_bytes = 0;

  template <class Resources>
  void add(const Resources& resources) {
    cpus += amount(resources, "cpus");
    mem_bytes += amount(resources, "mem") * mebibyte;
    disk_bytes += amount(resources, "disk") * mebibyte;
  }
};

Size total_of(const Executor& executor) {
  Size size;
  if (!executor.is_command()) size.add(executor.info.resources());
  for (const auto& [id, task] : executor.tasks) {
    if (task.state == mesos::v1::TASK_STAGING || task.state == mesos::v1::TASK_STARTING ||
        task.state == mesos::v1::TASK_RUNNING || task.state == mesos::v1::TASK_KILLING) {
      size.add(task.info.resources());
    }
  }
  return size;
}

std::string allocation_role(const mesos::v1::TaskInfo& task) {
  return task.resources().empty() ? "" : task.resources(0).allocation_info().role();
}

using Environment = std::map<std::string, std::string>;

void add_variables(Environment& out, const mesos::v1::CommandInfo& command) {
  for (const auto& variable : command.environment().variables()) {
    out[variable.name()] = variable.type() == mesos::v1::Environment::Variable::SECRET
                               ? variable.secret().value().data()
                               : variable.value();
  }
}

// Of an executor, and of a command task, which takes the place of one.
Environment environment_for(const State& state, const Framework& framework,
                            const Executor& executor) {
  const Options& options = state.options;
  Environment out = options.executor_environment;
  out.try_emplace("PATH", default_path);
  const std::string address = options.ip + ":" + std::to_string(options.info.port());
  if (!options.libprocess_ip.empty()) out["LIBPROCESS_IP"] = options.libprocess_ip;
  out["LIBPROCESS_PORT"] = "0";
  out["MESOS_FRAMEWORK_ID"] = framework.id.value;
  out["MESOS_EXECUTOR_ID"] = executor.id.value;
  out["MESOS_SLAVE_ID"] = state.id.value;
  out["MESOS_SLAVE_PID"] = "slave(1)@" + address;
  out["MESOS_AGENT_ENDPOINT"] = address;
  out["MESOS_DIRECTORY"] = executor.directory;
  out["MESOS_SANDBOX"] = executor.directory;
  out["MESOS_CHECKPOINT"] = framework.checkpoint ? "1" : "0";
  if (framework.checkpoint) {
    out["MESOS_RECOVERY_TIMEOUT"] = format_duration(options.recovery_timeout);
    out["MESOS_SUBSCRIPTION_BACKOFF_MAX"] =
        format_duration(options.executor_reregistration_timeout);
  }
  out["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] = format_duration(shutdown_grace(state, executor));
  out["MESOS_HTTP_COMMAND_EXECUTOR"] = options.http_command_executor ? "1" : "0";
  return out;
}

// Of a task of a group (mesos-api.md 2.2 and transcripts).
Environment group_environment(const State& state, const Command& command) {
  Environment out;
  out["PATH"] = default_path;
  out["MESOS_SANDBOX"] = command.directory;
  out["MESOS_CONTAINER_IP"] = state.options.ip;
  return out;
}

Environment environment_for(const State& state, const Framework& framework,
                            const Executor& executor, const Task& task) {
  Environment out = executor.is_command() ? environment_for(state, framework, executor)
                                          : group_environment(state, *task.command);
  out["MESOS_ALLOCATION_ROLE"] = allocation_role(task.info);
  add_variables(out, task.info.command());
  return out;
}

std::optional<double> limit_of(const mesos::v1::TaskInfo& task, const std::string& name) {
  const auto found = task.limits().find(name);
  return found == task.limits().end() ? std::nullopt : std::optional(found->second.value());
}

void set_program(LaunchContainer& out, const mesos::v1::CommandInfo& command) {
  if (command.shell()) {
    out.program = "/bin/sh";
    out.arguments = {"sh", "-c", command.value()};
    return;
  }
  out.program = command.value();
  out.arguments.assign(command.arguments().begin(), command.arguments().end());
  if (out.arguments.empty()) out.arguments.push_back(command.value());
}

void set_size(LaunchContainer& out, const Size& size) {
  out.cpus = size.cpus;
  out.mem_bytes = size.mem_bytes;
  out.disk_bytes = size.disk_bytes;
}

void set_limits(LaunchContainer& out, const mesos::v1::TaskInfo& task) {
  out.cpus_limit = limit_of(task, "cpus");
  if (const auto mem = limit_of(task, "mem")) out.mem_limit_bytes = *mem * mebibyte;
}

}  // namespace

std::string sandbox_directory(const State& state, const Executor& executor) {
  return state.options.work_dir + "/slaves/" + state.id.value + "/frameworks/" +
         executor.framework_id.value + "/executors/" + executor.id.value + "/runs/" +
         executor.container_id.value;
}

std::string nested_directory(const Executor& executor, const ContainerId& id) {
  return executor.directory + "/containers/" + id.value;
}

Duration shutdown_grace(const State& state, const Executor& executor) {
  if (executor.is_command()) {
    const Task& task = executor.tasks.begin()->second;
    if (task.info.has_kill_policy()) {
      return kill_grace(task, std::nullopt) + command_shutdown_margin;
    }
  } else if (executor.info.has_shutdown_grace_period()) {
    return Duration(std::max<int64_t>(executor.info.shutdown_grace_period().nanoseconds(), 0));
  }
  return state.options.executor_shutdown_grace_period;
}

ResizeContainer size_of(const Executor& executor) {
  const Size size = total_of(executor);
  return {executor.container_id, size.cpus, size.mem_bytes};
}

std::string user_of(const State& state, const Framework& framework,
                    const mesos::v1::CommandInfo& command) {
  if (!state.options.switch_user) return "";
  return command.has_user() ? command.user() : framework.info.user();
}

LaunchContainer container_for(const State& state, const Framework& framework,
                              const Executor& executor, const mesos::v1::CommandInfo& command) {
  LaunchContainer out;
  out.container_id = executor.container_id;
  out.sandbox = executor.directory;
  set_program(out, command);
  out.environment = environment_for(state, framework, executor);
  add_variables(out.environment, command);
  out.user = user_of(state, framework, command);
  set_size(out, total_of(executor));
  out.volumes = volume_links(state, executor.info.resources());
  if (executor.info.has_container()) out.container = executor.info.container();
  return out;
}

LaunchContainer container_for(const State& state, const Framework& framework,
                              const Executor& executor, const Task& task) {
  const mesos::v1::CommandInfo& command = task.info.command();
  LaunchContainer out =
      container_for_look(state, framework, executor, task, command, task.command->container_id);
  out.volumes = volume_links(state, task.info.resources());
  if (!executor.is_command()) {
    out.link = executor.directory + "/tasks/" + task.info.task_id().value();
  }
  return out;
}

LaunchContainer container_for_look(const State& state, const Framework& framework,
                                   const Executor& executor, const Task& task,
                                   const mesos::v1::CommandInfo& command, ContainerId id) {
  LaunchContainer out;
  out.container_id = std::move(id);
  out.sandbox = task.command->directory;
  set_program(out, command);
  out.environment = environment_for(state, framework, executor, task);
  add_variables(out.environment, command);
  out.user = user_of(state, framework, task.info.command());
  Size size;
  size.add(task.info.resources());
  set_size(out, size);
  set_limits(out, task.info);
  if (task.info.has_container()) out.container = task.info.container();
  return out;
}

mesos::v1::ExecutorInfo executor_info(const Executor& executor) {
  if (!executor.is_command() || executor.tasks.empty()) return executor.info;
  constexpr size_t whole_max = 15;  // longer commands are cut
  constexpr size_t cut = 12;
  constexpr double overhead_cpus = 0.1;
  constexpr double overhead_mem = 32;
  const mesos::v1::TaskInfo& task = executor.tasks.begin()->second.info;
  const mesos::v1::CommandInfo& command = task.command();
  mesos::v1::ExecutorInfo info;
  info.mutable_executor_id()->set_value(executor.id.value);
  info.mutable_framework_id()->set_value(executor.framework_id.value);
  std::string what;
  if (command.shell()) {
    what = "sh -c '" +
           (command.value().size() > whole_max ? command.value().substr(0, cut) + "..."
                                               : command.value()) +
           "'";
  } else {
    what = "[" + command.value();
    for (const std::string& argument : command.arguments()) what += ", " + argument;
    what += "]";
  }
  info.set_name("Command Executor (Task: " + executor.id.value + ") (Command: " + what + ")");
  info.set_source(executor.id.value);
  *info.mutable_command() = command;
  for (const auto& [name, value] : {std::pair("cpus", overhead_cpus), {"mem", overhead_mem}}) {
    mesos::v1::Resource* resource = info.add_resources();
    resource->set_name(name);
    resource->set_type(mesos::v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(value);
    if (const std::string role = allocation_role(task); !role.empty()) {
      resource->mutable_allocation_info()->set_role(role);
    }
  }
  if (task.has_labels()) *info.mutable_labels() = task.labels();
  if (task.has_discovery()) *info.mutable_discovery() = task.discovery();
  if (task.has_container()) *info.mutable_container() = task.container();
  if (task.has_kill_policy()) {
    info.mutable_shutdown_grace_period()->set_nanoseconds(
        (kill_grace(executor.tasks.begin()->second, std::nullopt) + command_shutdown_margin)
            .count());
  }
  return info;
}

}  // namespace mesolith::agent
