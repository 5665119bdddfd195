// SPDX-License-Identifier: Apache-2.0
// Tasks: launching them, refusing them, and finding who has to kill them (mesos-api.md 5.5, 2.3).
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;

// A task that this agent does not take: a reliable update without a task behind it.
void refuse(Context& context, const Framework& framework, const mesos::v1::TaskInfo& info,
            TaskStatus::Reason reason, std::string message) {
  const TaskId id = model::id_of(info.task_id());
  const ExecutorId executor_id =
      info.has_executor() ? model::id_of(info.executor().executor_id()) : ExecutorId(id.value);
  TaskStatus status = make_status(context, id, executor_id, dropped(&framework),
                                  TaskStatus::SOURCE_AGENT, std::move(message));
  status.set_reason(reason);
  count(context.state, "slave/tasks_lost");
  report(context, {framework.id, id}, framework.checkpoint, std::move(status));
}

// So that the master forgets an executor that is not here.
void tell_exited(Context& context, const FrameworkId& framework_id, const ExecutorId& id) {
  protocol::AgentCall call;
  call.set_type(protocol::AgentCall::EXECUTOR_EXITED);
  *call.mutable_executor_exited()->mutable_framework_id() = model::to_proto(framework_id);
  *call.mutable_executor_exited()->mutable_executor_id() = model::to_proto(id);
  call.mutable_executor_exited()->set_status(-1);
  send(context, std::move(call));
}

// The master heard of its end before, if at all, and may count what it asked for now as held by it.
bool is_gone(const Executor* executor) {
  return !executor || executor->phase == Executor::Phase::terminated;
}

constexpr const char* draining_text = "The agent is being drained";

// Its task was refused: the master must not count it as running.
void tell_if_gone(Context& context, Framework& framework, const mesos::v1::ExecutorInfo& info) {
  const ExecutorId id = model::id_of(info.executor_id());
  if (is_gone(find_executor(framework, id))) tell_exited(context, framework.id, id);
}

// Why a task of a custom executor cannot go to it, if so.
std::optional<std::string> stale(const Executor* executor, std::optional<bool> launch_executor) {
  if (!executor) {
    if (launch_executor && !*launch_executor) return "The executor of the task does not run";
    return std::nullopt;
  }
  if (executor->phase == Executor::Phase::terminating ||
      executor->phase == Executor::Phase::terminated) {
    return "The executor of the task is terminating or has terminated";
  }
  if (launch_executor && *launch_executor) return "An executor of that id is still running";
  return std::nullopt;
}

// May remove the framework.
void refuse_group(Context& context, Framework& framework,
                  const protocol::MasterEvent::LaunchGroup& launch, TaskStatus::Reason reason,
                  const std::string& message) {
  for (const auto& task : launch.task_group().tasks()) {
    refuse(context, framework, task, reason, message);
  }
  tell_if_gone(context, framework, launch.executor());
  remove_framework_if_idle(context, FrameworkId(framework.id));
}

const std::string unknown_text = "The resources used by the task are unknown to the agent: ";

// Reservations or volumes that this agent does not have: the master is told anew what it has.
void refuse_unknown(Context& context, Framework& framework, const mesos::v1::TaskInfo& task,
                    const std::string& unknown) {
  refuse(context, framework, task, TaskStatus::REASON_RESOURCES_UNKNOWN, unknown_text + unknown);
  if (task.has_executor()) tell_if_gone(context, framework, task.executor());
  context.state.subscribe_at = context.now;
  remove_framework_if_idle(context, FrameworkId(framework.id));
}

Executor& add_executor(Context& context, Framework& framework, const ExecutorId& id,
                       Executor::Kind kind) {
  State& state = context.state;
  Executor executor;
  executor.kind = kind;
  executor.id = id;
  executor.framework_id = framework.id;
  executor.container_id = ContainerId(state.rng.uuid_text());
  executor.directory = sandbox_directory(state, executor);
  // That of a command task is its task's.
  const TaskId task(kind == Executor::Kind::command ? id.value : "");
  state.containers.emplace(executor.container_id, Owner{framework.id, id, task});
  return framework.executors.emplace(id, std::move(executor)).first->second;
}

void add_task(Context& context, Framework& framework, Executor& executor,
              const mesos::v1::TaskInfo& info, uint64_t group = 0) {
  State& state = context.state;
  const TaskId id = model::id_of(info.task_id());
  Task task;
  task.info = info;
  task.durable = !framework.checkpoint;
  task.group = group;
  if (executor.is_command()) {
    Command& command = task.command.emplace();
    command.container_id = executor.container_id;
    command.directory = executor.directory;
  } else if (executor.kind == Executor::Kind::group) {
    Command& command = task.command.emplace();
    command.container_id = ContainerId(state.rng.uuid_text());
    command.directory = nested_directory(executor, command.container_id);
    state.containers.emplace(command.container_id, Owner{framework.id, executor.id, id});
  }
  framework.tasks.emplace(id, executor.id);
  const Task& added = executor.tasks.emplace(id, std::move(task)).first->second;
  if (framework.checkpoint) {
    put_task(context, executor, added);
    when_durable(context, RecordDurable{{framework.id, id}});
  }
}

Executor& executor_for(Context& context, Framework& framework,
                       const mesos::v1::ExecutorInfo& info) {
  const ExecutorId id = model::id_of(info.executor_id());
  if (Executor* known = find_executor(framework, id)) return *known;
  const auto kind = info.type() == mesos::v1::ExecutorInfo::DEFAULT ? Executor::Kind::group
                                                                    : Executor::Kind::custom;
  Executor& executor = add_executor(context, framework, id, kind);
  executor.info = info;
  if (!info.has_framework_id()) {
    *executor.info.mutable_framework_id() = model::to_proto(framework.id);
  }
  put_executor(context, framework, executor);
  return executor;
}

// A task that checkpoints goes on when its record is durable. So does one with a volume, when that
// is there; the rest at once.
void go_on(Context& context, const Framework& framework, const mesos::v1::TaskInfo& info) {
  if (framework.checkpoint) return;
  const TaskKey key{framework.id, model::id_of(info.task_id())};
  if (has_volumes(info.resources()) || has_volumes(info.executor().resources())) {
    when_durable(context, RecordDurable{key});
  } else {
    record_durable(context, key);
  }
}

void launch_command(Context& context, Framework& framework, const mesos::v1::TaskInfo& info) {
  const TaskId id = model::id_of(info.task_id());
  Executor& executor =
      add_executor(context, framework, ExecutorId(id.value), Executor::Kind::command);
  put_executor(context, framework, executor);
  add_task(context, framework, executor, info);
  go_on(context, framework, info);
}

}  // namespace

mesos::v1::TaskState dropped(const Framework* framework) {
  return framework && framework->partition_aware ? mesos::v1::TASK_DROPPED : mesos::v1::TASK_LOST;
}

void launch(Context& context, const mesos::v1::FrameworkInfo& info, const mesos::v1::TaskInfo& task,
            std::optional<bool> launch_executor) {
  State& state = context.state;
  if (state.stopping || model::id_of(task.agent_id()) != state.id) return;
  Framework& framework = framework_for(context, info);
  if (framework.terminating) return;
  const TaskId id = model::id_of(task.task_id());
  if (framework.tasks.contains(id)) {
    log::warning("task {} of framework {} is here already", id.value, framework.id.value);
    return;
  }
  if (state.drain) {
    refuse(context, framework, task, TaskStatus::REASON_AGENT_DRAINING, draining_text);
    if (task.has_executor()) tell_if_gone(context, framework, task.executor());
    remove_framework_if_idle(context, FrameworkId(framework.id));
    return;
  }
  if (const std::string unknown = unknown_resources(state, task); !unknown.empty()) {
    refuse_unknown(context, framework, task, unknown);
    return;
  }
  if (!task.has_executor()) {
    if (find_executor(framework, ExecutorId(id.value))) {
      refuse(context, framework, task, TaskStatus::REASON_TASK_INVALID,
             "An executor with the id of the task is still here");
      return;
    }
    launch_command(context, framework, task);
    return;
  }
  const ExecutorId executor_id = model::id_of(task.executor().executor_id());
  const Executor* known = find_executor(framework, executor_id);
  if (auto reason = stale(known, launch_executor); reason || (known && known->is_command())) {
    refuse(context, framework, task, TaskStatus::REASON_EXECUTOR_TERMINATED,
           reason.value_or("The executor's id is that of a command task"));
    if (is_gone(known)) tell_exited(context, framework.id, executor_id);
    remove_framework_if_idle(context, FrameworkId(framework.id));
    return;
  }
  Executor& executor = executor_for(context, framework, task.executor());
  executor.queued.push_back({{id}, false});
  add_task(context, framework, executor, task);
  go_on(context, framework, task);
}

void launch_group(Context& context, const protocol::MasterEvent::LaunchGroup& launch) {
  State& state = context.state;
  if (state.stopping || launch.task_group().tasks().empty()) return;
  if (model::id_of(launch.task_group().tasks(0).agent_id()) != state.id) return;
  Framework& framework = framework_for(context, launch.framework());
  if (framework.terminating) return;
  if (state.drain) {
    refuse_group(context, framework, launch, TaskStatus::REASON_AGENT_DRAINING, draining_text);
    return;
  }
  for (const auto& task : launch.task_group().tasks()) {
    const std::string unknown = unknown_resources(state, task);
    if (unknown.empty()) continue;
    state.subscribe_at = context.now;
    refuse_group(context, framework, launch, TaskStatus::REASON_RESOURCES_UNKNOWN,
                 unknown_text + unknown);
    return;
  }
  const Executor* known = find_executor(framework, model::id_of(launch.executor().executor_id()));
  const std::optional<bool> belief =
      launch.has_launch_executor() ? std::optional(launch.launch_executor()) : std::nullopt;
  if (const auto reason = stale(known, belief); reason || (known && known->is_command())) {
    refuse_group(context, framework, launch, TaskStatus::REASON_EXECUTOR_TERMINATED,
                 reason.value_or("The executor's id is that of a command task"));
    return;
  }
  Executor& executor = executor_for(context, framework, launch.executor());
  Executor::Queued group{{}, true};
  ++executor.groups;
  for (const auto& task : launch.task_group().tasks()) {
    const TaskId id = model::id_of(task.task_id());
    if (framework.tasks.contains(id)) continue;
    group.tasks.push_back(id);
    mesos::v1::TaskInfo info = task;
    if (!info.has_executor()) *info.mutable_executor() = executor.info;
    add_task(context, framework, executor, info, executor.groups);
  }
  if (group.tasks.empty()) return;
  executor.queued.push_back(std::move(group));
  const auto& tasks = launch.task_group().tasks();
  const auto with_volume = std::ranges::find_if(
      tasks, [](const mesos::v1::TaskInfo& task) { return has_volumes(task.resources()); });
  go_on(context, framework, with_volume != tasks.end() ? *with_volume : tasks[0]);
}

void record_durable(Context& context, const TaskKey& key) {
  Framework* framework = find_framework(context.state, key.first);
  Executor* executor = framework ? executor_of_task(*framework, key.second) : nullptr;
  if (!executor || executor->phase == Executor::Phase::terminated) return;
  Task& task = executor->tasks.at(key.second);
  task.durable = true;
  if (model::is_terminal(task.state)) return;
  if (executor->is_command()) {
    start_command(context, *framework, *executor, task);
  } else if (executor->kind == Executor::Kind::group) {
    start_groups(context, *framework, *executor);
  } else if (!executor->container_requested) {
    start_executor(context, *framework, *executor);
  } else {
    deliver(context, *framework, *executor);
  }
}

void kill(Context& context, const protocol::MasterEvent::Kill& call) {
  State& state = context.state;
  const FrameworkId framework_id = model::id_of(call.framework_id());
  const TaskId id = model::id_of(call.task_id());
  Framework* framework = find_framework(state, framework_id);
  Executor* executor = framework ? executor_of_task(*framework, id) : nullptr;
  if (!executor) {
    if (state.updates.contains({framework_id, id})) return;  // its end is on its way
    mesos::v1::TaskStatus status = make_status(context, id, ExecutorId(), dropped(framework),
                                               TaskStatus::SOURCE_AGENT, "Cannot find executor");
    status.set_reason(TaskStatus::REASON_EXECUTOR_TERMINATED);
    report(context, {framework_id, id}, framework && framework->checkpoint, std::move(status));
    return;
  }
  const std::optional<mesos::v1::KillPolicy> policy =
      call.has_kill_policy() ? std::optional(call.kill_policy()) : std::nullopt;
  kill_task(context, *framework, *executor, executor->tasks.at(id), policy);
}

mesos::v1::Task to_proto(const Framework& framework, const Executor& executor, const Task& task,
                         const AgentId& agent_id) {
  const mesos::v1::TaskInfo& info = task.info;
  mesos::v1::Task proto;
  proto.set_name(info.name());
  *proto.mutable_task_id() = info.task_id();
  *proto.mutable_framework_id() = model::to_proto(framework.id);
  if (!executor.is_command()) *proto.mutable_executor_id() = model::to_proto(executor.id);
  *proto.mutable_agent_id() = model::to_proto(agent_id);
  proto.set_state(task.state);
  *proto.mutable_resources() = info.resources();
  for (const auto& status : task.statuses) *proto.add_statuses() = status;
  if (task.status_update_state) {
    proto.set_status_update_state(*task.status_update_state);
    proto.set_status_update_uuid(task.status_update_uuid);
  }
  if (info.has_labels()) *proto.mutable_labels() = info.labels();
  if (info.has_discovery()) *proto.mutable_discovery() = info.discovery();
  if (info.has_container()) *proto.mutable_container() = info.container();
  if (info.has_health_check()) *proto.mutable_health_check() = info.health_check();
  if (info.has_kill_policy()) *proto.mutable_kill_policy() = info.kill_policy();
  if (info.command().has_user()) proto.set_user(info.command().user());
  *proto.mutable_limits() = info.limits();
  return proto;
}

}  // namespace mesolith::agent
