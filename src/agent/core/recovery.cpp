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
  executor.container_requested = true;
  if (record.has_info()) {
    executor.info = record.info();
    if (record.terminating()) executor.phase = Phase::terminating;
  } else {
    Command& command = executor.command.emplace();
    command.completion_reached = record.completion_reached();
    command.killed = record.has_kill_started() && !command.completion_reached;
    if (record.has_kill_started()) command.kill_started = time_of(record.kill_started());
    if (record.has_kill_grace()) {
      set_timer(state, executor, Timer::kill, command.kill_deadline,
                saturating_add(command.kill_started, seconds_or(record.kill_grace(), {})));
    }
  }
  state.containers.emplace(executor.container_id, std::pair(framework->id, executor.id));
  framework->executors.emplace(executor.id, std::move(executor));
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
  if (executor->command) executor->command->launched = true;
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

void resume_command(Context& context, Framework& framework, Executor& executor,
                    const ContainerListing* listing) {
  State& state = context.state;
  if (executor.tasks.empty()) {  // its record alone: nothing was ever told of it
    if (listing) context.effects.push_back(DestroyContainer{executor.container_id});
    end_container(context, framework, executor);
    remove_if_done(context, framework, executor.id);
    return;
  }
  Task& task = executor.tasks.begin()->second;
  if (model::is_terminal(task.state)) {
    if (listing && !listing->exit_status) {
      context.effects.push_back(DestroyContainer{executor.container_id});
      executor.container_requested = false;  // its end comes as that of an unknown container
    }
    end_container(context, framework, executor);
    return;
  }
  if (!listing) {
    mesos::v1::TaskStatus status =
        make_status(context, model::id_of(task.info.task_id()), executor.id, mesos::v1::TASK_FAILED,
                    mesos::v1::TaskStatus::SOURCE_AGENT,
                    "The task's container was gone when the agent restarted");
    status.set_reason(mesos::v1::TaskStatus::REASON_EXECUTOR_TERMINATED);
    update_task(context, framework, executor, task, std::move(status));
    end_container(context, framework, executor);
    return;
  }
  if (listing->exit_status) {
    command_ended(context, framework, executor,
                  {executor.container_id, *listing->exit_status, listing->memory_limit_bytes});
    return;
  }
  executor.phase = Phase::running;
  if (!executor.command->launched) {
    command_launched(context, framework, executor);
  } else if (task.info.has_max_completion_time() && !executor.command->killed) {
    const Time since = time_of(task.statuses.back().timestamp());
    set_timer(state, executor, Timer::completion, executor.command->completion_deadline,
              saturating_add(since, Duration(task.info.max_completion_time().nanoseconds())));
  }
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
  set_timer(state, executor, Timer::registration, executor.registration_deadline,
            saturating_add(context.now, state.options.executor_reregistration_timeout));
}

void resume(Context& context, const Listings& listings) {
  State& state = context.state;
  const auto containers = state.containers;
  for (const auto& [container_id, owner] : containers) {
    Framework& framework = state.frameworks.at(owner.first);
    Executor& executor = framework.executors.at(owner.second);
    const auto found = listings.find(container_id);
    const ContainerListing* listing = found == listings.end() ? nullptr : &found->second;
    if (listing) executor.pid = listing->pid;
    if (executor.command) {
      resume_command(context, framework, executor, listing);
    } else {
      resume_custom(context, framework, executor, listing);
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
