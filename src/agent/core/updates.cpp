// SPDX-License-Identifier: Apache-2.0
// The status update manager (mesos-api.md 5.6): one stream per task, only its head in flight,
// repeated until the scheduler acknowledges it.
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

void set_retry(State& state, const TaskKey& key, UpdateStream& stream, Time value) {
  if (stream.retry_at != never) state.retries.erase({stream.retry_at, key});
  stream.retry_at = value;
  if (value != never) state.retries.emplace(value, key);
}

Task* find_task(State& state, const TaskKey& key) {
  Framework* framework = find_framework(state, key.first);
  Executor* executor = framework ? executor_of_task(*framework, key.second) : nullptr;
  return executor ? &executor->tasks.at(key.second) : nullptr;
}

const char* counter_of(mesos::v1::TaskState state) {
  switch (state) {
    case mesos::v1::TASK_FINISHED:
      return "slave/tasks_finished";
    case mesos::v1::TASK_FAILED:
      return "slave/tasks_failed";
    case mesos::v1::TASK_KILLED:
      return "slave/tasks_killed";
    case mesos::v1::TASK_GONE:
      return "slave/tasks_gone";
    default:
      return "slave/tasks_lost";
  }
}

void transmit(Context& context, const TaskKey& key, UpdateStream& stream) {
  State& state = context.state;
  const mesos::v1::TaskStatus& status = stream.updates.front().status;
  protocol::AgentCall call;
  call.set_type(protocol::AgentCall::UPDATE);
  auto* update = call.mutable_update();
  *update->mutable_framework_id() = model::to_proto(key.first);
  *update->mutable_status() = status;
  // What is not durable is not told yet.
  const auto latest = std::find_if(stream.updates.rbegin(), stream.updates.rend(),
                                   [](const auto& each) { return each.durable; });
  update->set_latest_state(latest->status.state());
  if (Task* task = find_task(state, key)) {
    task->status_update_state = status.state();
    task->status_update_uuid = status.uuid();
  }
  send(context, std::move(call));
}

// Whether the agent itself made it for a check of a task that runs.
bool is_of_watch(const UpdateStream& stream, const mesos::v1::TaskStatus& status) {
  return !stream.received.contains(status.uuid()) && status.state() == mesos::v1::TASK_RUNNING &&
         (status.reason() == mesos::v1::TaskStatus::REASON_TASK_CHECK_STATUS_UPDATED ||
          status.reason() == mesos::v1::TaskStatus::REASON_TASK_HEALTH_CHECK_STATUS_UPDATED);
}

}  // namespace

mesos::v1::TaskStatus make_status(Context& context, const TaskId& task_id,
                                  const ExecutorId& executor_id, mesos::v1::TaskState state,
                                  mesos::v1::TaskStatus::Source source, std::string message) {
  mesos::v1::TaskStatus status;
  *status.mutable_task_id() = model::to_proto(task_id);
  status.set_state(state);
  if (!message.empty()) status.set_message(std::move(message));
  status.set_source(source);
  *status.mutable_agent_id() = model::to_proto(context.state.id);
  if (!executor_id.empty()) *status.mutable_executor_id() = model::to_proto(executor_id);
  status.set_timestamp(to_seconds(context.now));
  status.set_uuid(context.state.rng.uuid_bytes());
  return status;
}

void report(Context& context, const TaskKey& key, bool checkpoint, mesos::v1::TaskStatus status) {
  State& state = context.state;
  UpdateStream& stream = state.updates[key];
  if (stream.terminal) return;
  stream.checkpoint = checkpoint;
  if (status.has_executor_id()) stream.executor_id = model::id_of(status.executor_id());
  stream.terminal = model::is_terminal(status.state());
  stream.latest = status;
  stream.latest->clear_data();
  const std::string uuid = status.uuid();
  if (stream.updates.size() >= watch_updates_max && is_of_watch(stream, status) &&
      is_of_watch(stream, stream.updates.back().status)) {
    stream.updates.pop_back();  // not the head, so not in flight
  }
  stream.updates.push_back({std::move(status), !checkpoint});
  if (checkpoint) {
    put_updates(context, key, stream);
    when_durable(context, UpdateDurable{key, uuid});
  } else {
    update_durable(context, {key, uuid});
  }
}

void update_task(Context& context, Framework& framework, Executor& executor, Task& task,
                 mesos::v1::TaskStatus status) {
  const TaskId id = model::id_of(task.info.task_id());
  explain_drain(context.state, framework, status);
  task.state = status.state();
  if (model::is_terminal(task.state)) count(context.state, counter_of(task.state));
  mesos::v1::TaskStatus stored = status;
  stored.clear_data();
  if (!task.statuses.empty() && task.statuses.back().state() == stored.state()) {
    task.statuses.back() = std::move(stored);
  } else {
    task.statuses.push_back(std::move(stored));
  }
  if (!framework.terminating) {
    report(context, {framework.id, id}, framework.checkpoint, std::move(status));
  }
}

void send_head(Context& context, const TaskKey& key, UpdateStream& stream) {
  State& state = context.state;
  if (!state.registered || stream.in_flight || stream.updates.empty() ||
      !stream.updates.front().durable) {
    return;
  }
  stream.in_flight = true;
  stream.retry_interval = state.options.status_update_retry_min;
  set_retry(state, key, stream, saturating_add(context.now, stream.retry_interval));
  transmit(context, key, stream);
}

void resend(Context& context, const TaskKey& key) {
  State& state = context.state;
  UpdateStream& stream = state.updates.at(key);
  if (!state.registered) {  // flush_updates() sends it again
    set_retry(state, key, stream, never);
    return;
  }
  stream.retry_interval =
      std::min(stream.retry_interval * 2, state.options.status_update_retry_max);
  set_retry(state, key, stream, saturating_add(context.now, stream.retry_interval));
  transmit(context, key, stream);
}

void flush_updates(Context& context) {
  for (auto& [key, stream] : context.state.updates) {
    stream.in_flight = false;
    send_head(context, key, stream);
  }
}

void drop_updates(Context& context, const FrameworkId& id) {
  State& state = context.state;
  auto each = state.updates.lower_bound({id, TaskId()});
  while (each != state.updates.end() && each->first.first == id) {
    set_retry(state, each->first, each->second, never);
    if (each->second.checkpoint) erase(context, updates_key(each->first));
    each = state.updates.erase(each);
  }
}

void update_durable(Context& context, const UpdateDurable& durable) {
  State& state = context.state;
  const auto found = state.updates.find(durable.task);
  if (found == state.updates.end()) return;  // the framework is being ended
  UpdateStream& stream = found->second;
  const auto update = std::find_if(
      stream.updates.begin(), stream.updates.end(),
      [&](const UpdateStream::Update& each) { return each.status.uuid() == durable.uuid; });
  if (update == stream.updates.end()) return;
  update->durable = true;
  if (stream.received.contains(durable.uuid)) {
    Framework* framework = find_framework(state, durable.task.first);
    Executor* executor = framework ? find_executor(*framework, stream.executor_id) : nullptr;
    if (executor) {
      mesos::v1::executor::Event event;
      event.set_type(mesos::v1::executor::Event::ACKNOWLEDGED);
      *event.mutable_acknowledged()->mutable_task_id() = model::to_proto(durable.task.second);
      event.mutable_acknowledged()->set_uuid(durable.uuid);
      send(context, *executor, std::move(event));
    }
  }
  send_head(context, durable.task, stream);
}

void acknowledge(Context& context, const TaskKey& key, const std::string& uuid) {
  State& state = context.state;
  const auto found = state.updates.find(key);
  if (found == state.updates.end()) return;
  UpdateStream& stream = found->second;
  if (stream.updates.empty() || stream.updates.front().status.uuid() != uuid) {
    log::debug("acknowledgement of another update than the one in flight for task {}",
               key.second.value);
    return;
  }
  stream.updates.pop_front();
  stream.in_flight = false;
  set_retry(state, key, stream, never);
  if (!stream.terminal || !stream.updates.empty()) {
    if (stream.checkpoint) put_updates(context, key, stream);
    send_head(context, key, stream);
    return;
  }
  if (stream.checkpoint) erase(context, updates_key(key));
  state.updates.erase(found);
  Framework* framework = find_framework(state, key.first);
  Executor* executor = framework ? executor_of_task(*framework, key.second) : nullptr;
  if (executor) complete_task(context, *framework, *executor, TaskId(key.second));
}

}  // namespace mesolith::agent
