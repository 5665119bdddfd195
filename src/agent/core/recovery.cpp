// SPDX-License-Identifier: Apache-2.0
// After a restart: what was durable is matched with the containers that the launcher still holds
// (mesos-api.md 5.8). Tasks that run go on; what ended meanwhile is told as it ended; containers
// that no record names belong to nobody and are destroyed.
#include <algorithm>
#include <cmath>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "google/protobuf/util/message_differencer.h"
#include "mesolith/checkpoint.pb.h"
#include "model/ids.hpp"
#include "model/operations.hpp"
#include "model/resources.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using Phase = Executor::Phase;
using Listings = std::map<ContainerId, ContainerListing>;

struct Records {
  std::optional<checkpoint::Agent> agent;
  std::optional<checkpoint::Resources> resources;
  std::vector<checkpoint::Operation> operations;
  std::vector<checkpoint::Framework> frameworks;
  std::vector<checkpoint::Executor> executors;
  std::vector<checkpoint::Task> tasks;
  std::vector<checkpoint::Updates> updates;
};

Result<Records> parse(const std::vector<std::pair<std::string, std::string>>& stored) {
  Records records;
  for (const auto& [key, bytes] : stored) {
    const std::string_view kind = std::string_view(key).substr(0, key.find('/'));
    bool good = false;
    if (kind == "agent") {
      good = records.agent.emplace().ParseFromString(bytes);
    } else if (kind == "resources") {
      good = records.resources.emplace().ParseFromString(bytes);
    } else if (kind == "operation") {
      good = records.operations.emplace_back().ParseFromString(bytes);
    } else if (kind == "framework") {
      good = records.frameworks.emplace_back().ParseFromString(bytes);
    } else if (kind == "executor") {
      good = records.executors.emplace_back().ParseFromString(bytes);
    } else if (kind == "task") {
      good = records.tasks.emplace_back().ParseFromString(bytes);
    } else if (kind == "updates") {
      good = records.updates.emplace_back().ParseFromString(bytes);
    }
    if (!good) return failure(Code::corrupt, "the record '" + key + "' cannot be understood");
  }
  return records;
}

Time time_of(double seconds) {
  return Time(Duration(static_cast<int64_t>(std::llround(seconds * 1e9))));
}

void add_executor(Context& context, const checkpoint::Executor& record) {
  State& state = context.state;
  Framework* framework = find_framework(state, model::id_of(record.framework_id()));
  if (!framework) return;
  Executor executor;
  executor.id = model::id_of(record.executor_id());
  executor.framework_id = framework->id;
  executor.container_id = ContainerId(record.container_id());
  executor.directory = record.directory();
  executor.kind = Executor::Kind::command;
  if (record.has_info()) {
    executor.info = record.info();
    const bool is_group = executor.info.type() == mesos::v1::ExecutorInfo::DEFAULT;
    executor.kind = is_group ? Executor::Kind::group : Executor::Kind::custom;
    if (is_group) executor.phase = Phase::running;
    if (record.terminating()) executor.phase = Phase::terminating;
  }
  executor.container_requested = executor.kind != Executor::Kind::group;
  state.containers.emplace(executor.container_id, Owner{framework->id, executor.id, TaskId()});
  framework->executors.emplace(executor.id, std::move(executor));
}

Command restored(const Executor& executor, const checkpoint::Command& record) {
  Command command;
  command.container_id = ContainerId(record.container_id());
  command.directory =
      executor.is_command() ? executor.directory : nested_directory(executor, command.container_id);
  command.requested = true;
  command.completion_reached = record.completion_reached();
  command.killed = record.has_kill_started() && !command.completion_reached;
  command.unhealthy = record.unhealthy();
  command.failures_in_a_row = record.failures_in_a_row();
  if (record.has_started()) command.started = time_of(record.started());
  if (record.has_kill_started()) command.kill_started = time_of(record.kill_started());
  return command;
}

void add_task(State& state, const checkpoint::Task& record) {
  Framework* framework = find_framework(state, model::id_of(record.framework_id()));
  Executor* executor =
      framework ? find_executor(*framework, model::id_of(record.executor_id())) : nullptr;
  if (!executor) return;
  Task task;
  task.info = record.info();
  task.durable = true;
  task.delivered = true;
  const TaskId id = model::id_of(record.info().task_id());
  if (record.has_command()) {
    task.group = record.command().group();
    executor->groups = std::max(executor->groups, task.group);
    Command& command = task.command.emplace(restored(*executor, record.command()));
    state.containers[command.container_id] = Owner{framework->id, executor->id, id};
    if (record.command().has_kill_grace()) {
      const Duration grace = seconds_or(record.command().kill_grace(), {});
      set_timer(state, command.container_id, Timer::kill, command.kill_deadline,
                saturating_add(command.kill_started, grace));
    }
  }
  framework->tasks.emplace(id, executor->id);
  executor->tasks.emplace(id, std::move(task));
}

void add_updates(State& state, const checkpoint::Updates& record) {
  const TaskKey key{model::id_of(record.framework_id()), model::id_of(record.task_id())};
  UpdateStream& stream = state.updates[key];
  stream.checkpoint = true;
  if (record.has_executor_id()) stream.executor_id = model::id_of(record.executor_id());
  for (const auto& status : record.pending()) stream.updates.push_back({status, true});
  stream.received.insert(record.received().begin(), record.received().end());
  if (!record.has_latest()) return;
  stream.latest = record.latest();
  stream.terminal = model::is_terminal(record.latest().state());
  Framework* framework = find_framework(state, key.first);
  Executor* executor = framework ? executor_of_task(*framework, key.second) : nullptr;
  if (!executor) return;
  Task& task = executor->tasks.at(key.second);
  task.state = record.latest().state();
  task.statuses.push_back(record.latest());
  executor->ever_delivered = true;
  if (!task.command) return;
  task.command->launched = true;
  // Within its grace period a failure is not told.
  task.command->was_healthy = record.latest().has_healthy();
}

// Fails when the agent is now told to have less than what is reserved on it.
Result<void> add_resources(State& state, const checkpoint::Resources& record) {
  TRY(const model::Resources converted, model::Resources::parse(record.converted()));
  TRY(state.total, model::restored(state.total, converted));
  for (const auto& removal : record.removals()) {
    state.removals.push_back({removal.path(), removal.trash()});
  }
  return {};
}

void add_operation(State& state, const checkpoint::Operation& record) {
  Operation& operation = state.operations[record.info().uuid().value()];
  operation.info = record.info();
  operation.durable = true;
}

// The identity of before, if what the agent is now told to be can go on under it.
bool keep_identity(Context& context, const mesos::v1::AgentInfo& before) {
  State& state = context.state;
  mesos::v1::AgentInfo now = state.options.info;
  *now.mutable_id() = before.id();
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_repeated_field_comparison(google::protobuf::util::MessageDifferencer::AS_SET);
  bool keep = differencer.Compare(before, now);
  if (!keep) {
    const auto had = model::Resources::parse(before.resources());
    const auto has = model::Resources::parse(now.resources());
    keep = before.hostname() == now.hostname() && before.port() == now.port() && had && has &&
           has->contains(*had);
  }
  if (!keep) return false;
  state.id = model::id_of(before.id());
  state.info = now;
  return true;
}

void resume_command(Context& context, Framework& framework, Executor& executor, Task& task,
                    const ContainerListing* listing) {
  Command& command = *task.command;
  if (listing) command.pid = listing->pid;
  if (executor.is_command()) executor.pid = command.pid;
  if (model::is_terminal(task.state)) {
    if (listing && !listing->exit_status) {
      context.effects.push_back(DestroyContainer{command.container_id});
      // Its end comes as that of an unknown container.
      command.requested = executor.container_requested = false;
    }
    cancel_timers(context.state, command);
    if (executor.is_command()) {
      end_container(context, framework, executor);
    } else {
      release_container(context, framework, command.container_id, command.requested);
    }
    return;
  }
  if (!listing) {
    command_lost(context, framework, executor, task);
    return;
  }
  if (listing->exit_status) {
    command_ended(context, framework, executor, task,
                  {command.container_id, *listing->exit_status, listing->memory_limit_bytes});
    return;
  }
  if (executor.is_command()) executor.phase = Phase::running;
  if (!command.launched) {
    command_launched(context, framework, executor, task);
  } else if (!command.killed && !command.completion_reached) {
    start_timing(context, task);
  }
}

// Its record alone: nothing was ever told of it, or all of its tasks have been forgotten.
void end_without_tasks(Context& context, Framework& framework, Executor& executor,
                       const ContainerListing* listing) {
  if (listing) context.effects.push_back(DestroyContainer{executor.container_id});
  end_container(context, framework, executor);
  remove_if_done(context, framework, executor.id);
}

void resume_custom(Context& context, Framework& framework, Executor& executor,
                   const ContainerListing* listing) {
  State& state = context.state;
  if (!listing || listing->exit_status) {
    end_executor(context, framework, executor, listing ? *listing->exit_status : -1,
                 listing ? listing->memory_limit_bytes : std::nullopt);
    return;
  }
  executor.recovered = true;
  if (executor.phase == Phase::terminating) {
    context.effects.push_back(DestroyContainer{executor.container_id});
    return;
  }
  set_timer(state, executor.container_id, Timer::registration, executor.registration_deadline,
            saturating_add(context.now, state.options.executor_reregistration_timeout));
}

// What has ended while the agent was away has not ended because of one another.
void mark_gone(State& state, const Listings& listings) {
  for (const auto& [container_id, owner] : state.containers) {
    if (owner.task.empty()) continue;
    const auto found = listings.find(container_id);
    if (found != listings.end() && !found->second.exit_status) continue;
    Executor& executor = state.frameworks.at(owner.framework).executors.at(owner.executor);
    executor.tasks.at(owner.task).command->gone = true;
  }
}

void resume(Context& context, const Listings& listings) {
  State& state = context.state;
  mark_gone(state, listings);
  const auto containers = state.containers;
  for (const auto& [container_id, owner] : containers) {
    Framework& framework = state.frameworks.at(owner.framework);
    Executor& executor = framework.executors.at(owner.executor);
    const auto found = listings.find(container_id);
    const ContainerListing* listing = found == listings.end() ? nullptr : &found->second;
    if (!owner.task.empty()) {
      resume_command(context, framework, executor, executor.tasks.at(owner.task), listing);
      continue;
    }
    if (listing) executor.pid = listing->pid;
    if (executor.is_command()) {
      end_without_tasks(context, framework, executor, listing);
    } else if (executor.is_custom()) {
      resume_custom(context, framework, executor, listing);
    } else {
      end_when_idle(context, executor);
    }
  }
  for (const auto& [container_id, listing] : listings) {
    if (containers.contains(container_id)) continue;
    if (listing.exit_status) {
      context.effects.push_back(AcknowledgeContainer{container_id});
    } else {
      context.effects.push_back(DestroyContainer{container_id});
    }
  }
  std::vector<FrameworkId> frameworks;
  for (const auto& [id, framework] : state.frameworks) frameworks.push_back(id);
  for (const FrameworkId& id : frameworks) remove_framework_if_idle(context, id);
}

// All but reservations and volumes, which outlive the agent's identity.
void forget_all(Context& context, const Recovered& event, Records& records) {
  for (const auto& [key, bytes] : event.records) {
    if (key != "resources") erase(context, key);
  }
  records = Records{.resources = std::move(records.resources)};
}

void refuse_resources(Context& context, const std::string& why) {
  context.state.exited = true;
  context.effects.push_back(Exit{
      1, "the resources of this agent are less than what is reserved on it: " + why +
             ". Start it with at least what it had; reservations and volumes are given back by "
             "UNRESERVE and DESTROY."});
}

void refuse_identity(Context& context, const mesos::v1::AgentInfo& before) {
  State& state = context.state;
  state.exited = true;
  context.effects.push_back(
      Exit{1, "agent " + before.id().value() +
                  " still has tasks here, and its hostname, port or resources are not what they "
                  "were. Start it with what it had (hostname " +
                  before.hostname() + ", port " + std::to_string(before.port()) +
                  ", at least the same resources) until its tasks have ended."});
}

}  // namespace

void on_recovered(Context& context, const Recovered& event) {
  State& state = context.state;
  CHECK(!state.recovered);
  Result<Records> records = parse(event.records);
  if (!records) {
    state.exited = true;
    context.effects.push_back(Exit{1, "recovery failed: " + records.error().message});
    return;
  }
  state.recovered = true;
  if (records->agent && !keep_identity(context, records->agent->info())) {
    if (!records->tasks.empty()) {
      refuse_identity(context, records->agent->info());
      return;
    }
    log::info("the agent's hostname, port or resources have changed; it registers anew");
    forget_all(context, event, *records);
  }
  if (!records->agent) forget_all(context, event, *records);  // ended for good, not to the end
  if (records->resources) {
    if (auto added = add_resources(state, *records->resources); !added) {
      return refuse_resources(context, added.error().message);
    }
  }
  for (const auto& record : records->operations) add_operation(state, record);
  resume_volumes(context);
  for (const auto& record : records->frameworks) {
    Framework framework;
    framework.id = model::id_of(record.info().id());
    framework.checkpoint = true;
    set_info(framework, record.info());
    state.frameworks.emplace(framework.id, std::move(framework));
  }
  for (const auto& record : records->executors) add_executor(context, record);
  for (const auto& record : records->tasks) add_task(state, record);
  for (const auto& record : records->updates) add_updates(state, record);
  Listings listings;
  for (const ContainerListing& each : event.containers) listings[each.container_id] = each;
  resume(context, listings);
  watch_garbage(context);
}

}  // namespace mesolith::agent
