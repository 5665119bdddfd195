// SPDX-License-Identifier: Apache-2.0
// What executors say (mesos-api.md 2.1): subscribing, updates, messages. The stream may have been
// replaced or its executor ended since the request was looked at; then nothing happens.
#include <algorithm>

#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

using mesos::v1::TaskStatus;
using mesos::v1::executor::Call;
using ExecutorEvent = mesos::v1::executor::Event;
using Phase = Executor::Phase;

void send_acknowledged(Context& context, const Executor& executor, const TaskStatus& status) {
  ExecutorEvent event;
  event.set_type(ExecutorEvent::ACKNOWLEDGED);
  *event.mutable_acknowledged()->mutable_task_id() = status.task_id();
  event.mutable_acknowledged()->set_uuid(status.uuid());
  send(context, executor, std::move(event));
}

// What the executor leaves to the agent.
void complete(Context& context, const Executor& executor, TaskStatus& status) {
  const State& state = context.state;
  *status.mutable_agent_id() = model::to_proto(state.id);
  *status.mutable_executor_id() = model::to_proto(executor.id);
  status.set_source(TaskStatus::SOURCE_EXECUTOR);
  if (!status.has_timestamp()) status.set_timestamp(to_seconds(context.now));
  auto* container = status.mutable_container_status();
  if (!container->has_container_id()) {
    *container->mutable_container_id() = model::to_proto(executor.container_id);
  }
  if (container->network_infos().empty()) {
    auto* address = container->add_network_infos()->add_ip_addresses();
    address->set_protocol(mesos::v1::NetworkInfo::IPv4);
    address->set_ip_address(state.options.ip);
  }
  if (!container->has_executor_pid() && executor.pid > 0) {
    container->set_executor_pid(static_cast<uint32_t>(executor.pid));
  }
}

bool is_completed(const Executor& executor, const mesos::v1::TaskID& id) {
  return std::ranges::any_of(executor.completed_tasks, [&](const mesos::v1::Task& each) {
    return each.task_id().value() == id.value();
  });
}

void on_update(Context& context, Framework& framework, Executor& executor, TaskStatus status) {
  State& state = context.state;
  const TaskId id = model::id_of(status.task_id());
  const TaskKey key{framework.id, id};
  if (framework.terminating) return;
  executor.ever_delivered = true;
  const auto stream = state.updates.find(key);
  if (stream != state.updates.end() && stream->second.received.contains(status.uuid())) {
    const auto& updates = stream->second.updates;
    const bool waiting = std::ranges::any_of(updates, [&](const UpdateStream::Update& each) {
      return !each.durable && each.status.uuid() == status.uuid();
    });
    if (!waiting) send_acknowledged(context, executor, status);
    return;
  }
  count(state, "slave/valid_status_updates");
  const auto task = executor.tasks.find(id);
  const bool ended = task != executor.tasks.end() ? model::is_terminal(task->second.state)
                                                  : is_completed(executor, status.task_id());
  // A task that has ended stays as it ended; the executor need not say it again.
  if (ended || (stream != state.updates.end() && stream->second.terminal)) {
    send_acknowledged(context, executor, status);
    return;
  }
  complete(context, executor, status);
  UpdateStream& known = state.updates[key];
  known.received.insert(status.uuid());
  if (task == executor.tasks.end()) {
    report(context, key, framework.checkpoint, std::move(status));
    return;
  }
  const bool terminal = model::is_terminal(status.state());
  update_task(context, framework, executor, task->second, std::move(status));
  if (terminal) context.effects.push_back(size_of(executor));
}

// Tasks that were on their way when the agent or the executor restarted; whether there were any.
bool drop_unknown(Context& context, Framework& framework, Executor& executor,
                  const Call::Subscribe& subscribe) {
  bool any = false;
  for (auto& [id, task] : executor.tasks) {
    if (!task.delivered || task.state != mesos::v1::TASK_STAGING) continue;
    const bool known = std::ranges::any_of(
        subscribe.unacknowledged_tasks(),
        [&](const mesos::v1::TaskInfo& each) { return each.task_id().value() == id.value; });
    if (known) continue;
    TaskStatus status =
        make_status(context, id, executor.id, dropped(&framework), TaskStatus::SOURCE_AGENT,
                    "Task launched before the executor or the agent restarted is not known to the "
                    "executor");
    status.set_reason(TaskStatus::REASON_AGENT_RESTARTED);
    update_task(context, framework, executor, task, std::move(status));
    any = true;
  }
  return any;
}

void send_subscribed(Context& context, const Framework& framework, const Executor& executor) {
  ExecutorEvent event;
  event.set_type(ExecutorEvent::SUBSCRIBED);
  auto* subscribed = event.mutable_subscribed();
  *subscribed->mutable_executor_info() = executor.info;
  *subscribed->mutable_framework_info() = framework.info;
  *subscribed->mutable_agent_info() = context.state.info;
  *subscribed->mutable_container_id() = model::to_proto(executor.container_id);
  send(context, executor, std::move(event));
}

void turn_away(Context& context, StreamId stream) {
  ExecutorEvent event;
  event.set_type(ExecutorEvent::SHUTDOWN);
  context.effects.push_back(SendToExecutor{stream, std::move(event)});
  context.effects.push_back(CloseStream{stream});
}

}  // namespace

void send(Context& context, const Executor& executor, ExecutorEvent event) {
  if (executor.stream == 0) return;
  context.effects.push_back(SendToExecutor{executor.stream, std::move(event)});
}

void close_stream(Context& context, Executor& executor) {
  if (executor.stream == 0) return;
  context.effects.push_back(CloseStream{executor.stream});
  context.state.streams.erase(executor.stream);
  executor.stream = 0;
}

void on_subscribing(Context& context, const ExecutorSubscribing& event) {
  State& state = context.state;
  Framework* framework = find_framework(state, model::id_of(event.call.framework_id()));
  Executor* executor =
      framework ? find_executor(*framework, model::id_of(event.call.executor_id())) : nullptr;
  if (!executor || !executor->is_custom() || framework->terminating || state.stopping ||
      executor->phase == Phase::terminating || executor->phase == Phase::terminated) {
    turn_away(context, event.stream);
    return;
  }
  close_stream(context, *executor);
  executor->stream = event.stream;
  executor->phase = Phase::running;
  executor->recovered = false;
  state.streams.emplace(event.stream, executor->container_id);
  set_timer(state, executor->container_id, Timer::registration, executor->registration_deadline,
            never);
  set_timer(state, executor->container_id, Timer::heartbeat, executor->next_heartbeat,
            saturating_add(context.now, state.options.executor_heartbeat_interval));
  const Call::Subscribe& subscribe = event.call.subscribe();
  for (const Call::Update& update : subscribe.unacknowledged_updates()) {
    on_update(context, *framework, *executor, update.status());
  }
  const bool any_dropped = drop_unknown(context, *framework, *executor, subscribe);
  const bool idle =
      executor->queued.empty() && std::ranges::all_of(executor->tasks, [](const auto& each) {
        return model::is_terminal(each.second.state);
      });
  if (idle && (any_dropped || !executor->ever_delivered)) {
    shut_down_executor(context, *framework, *executor);
    return;
  }
  send_subscribed(context, *framework, *executor);
  deliver(context, *framework, *executor);
  for (auto& [id, task] : executor->tasks) {
    if (task.kill_pending) {
      kill_task(context, *framework, *executor, task,
                std::optional<mesos::v1::KillPolicy>(task.kill_policy));
    }
  }
}

void on_called(Context& context, const Call& call) {
  State& state = context.state;
  Framework* framework = find_framework(state, model::id_of(call.framework_id()));
  Executor* executor =
      framework ? find_executor(*framework, model::id_of(call.executor_id())) : nullptr;
  if (!executor || !executor->is_custom() || executor->phase == Phase::terminated) return;
  if (call.type() == Call::UPDATE) {
    if (call.update().status().state() == mesos::v1::TASK_STAGING) {
      count(state, "slave/invalid_status_updates");
      shut_down_executor(context, *framework, *executor);
      return;
    }
    on_update(context, *framework, *executor, call.update().status());
  } else if (call.type() == Call::MESSAGE) {
    protocol::AgentCall out;
    out.set_type(protocol::AgentCall::MESSAGE);
    *out.mutable_message()->mutable_framework_id() = call.framework_id();
    *out.mutable_message()->mutable_executor_id() = call.executor_id();
    out.mutable_message()->set_data(call.message().data());
    send(context, std::move(out));
  }
}

void on_closed(Context& context, StreamId stream) {
  State& state = context.state;
  const auto found = state.streams.find(stream);
  if (found == state.streams.end()) return;
  const Owner& owner = state.containers.at(found->second);
  state.streams.erase(found);
  Executor& executor = state.frameworks.at(owner.framework).executors.at(owner.executor);
  executor.stream = 0;
  set_timer(state, executor.container_id, Timer::heartbeat, executor.next_heartbeat, never);
}

}  // namespace mesolith::agent
