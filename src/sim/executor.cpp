// SPDX-License-Identifier: Apache-2.0
#include "sim/executor.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

using mesos::v1::executor::Call;
using ExecutorEvent = mesos::v1::executor::Event;

constexpr int sigkill = 9, sigterm = 15;
constexpr Duration idle_time = std::chrono::seconds(1);

// Custom tasks carry their program in `data`, those of a group as their command.
Program program_in(const mesos::v1::TaskInfo& info) {
  const auto program = program_of({info.has_data() ? info.data() : info.command().value()});
  return program.value_or(Program{});
}

}  // namespace

Executor::Executor(World& world, ExecutorPlace place, ExecutorCallbacks callbacks)
    : world_(world),
      place_(std::move(place)),
      callbacks_(std::move(callbacks)),
      media_(world.rng.chance(0.5) ? wire::Media::json : wire::Media::protobuf) {
  later(std::chrono::milliseconds(1 + world_.rng.below(100)), [this] { subscribe(); });
  exit_if_idle();
}

Executor::~Executor() {
  *alive_ = false;
}

void Executor::later(Duration wait, std::function<void()> action) {
  world_.schedule.after(wait, [this, alive = alive_, action = std::move(action)] {
    if (*alive && !leaving_ && !world_.failed()) action();
  });
}

Call Executor::make_call(Call::Type type) const {
  Call call;
  call.set_type(type);
  call.mutable_framework_id()->set_value(place_.framework_id.value);
  call.mutable_executor_id()->set_value(place_.executor_id.value);
  return call;
}

void Executor::subscribe() {
  Call call = make_call(Call::SUBSCRIBE);
  for (const auto& [id, task] : tasks_) {
    if (!task.acknowledged) *call.mutable_subscribe()->add_unacknowledged_tasks() = task.info;
  }
  for (const auto& status : unacknowledged_) {
    *call.mutable_subscribe()->add_unacknowledged_updates()->mutable_status() = status;
  }
  call.mutable_subscribe();
  SessionCallbacks callbacks;
  callbacks.on_subscribed = [] {};
  callbacks.on_record = [this](const std::string& record) { on_record(record); };
  callbacks.on_refused = [this](const wire::Response& response) {
    if (response.status == 503) return on_closed();
    shut_down();
  };
  callbacks.on_closed = [this](const std::string&) { on_closed(); };
  SessionOptions options;
  options.client = place_.node;
  options.server = place_.agent;
  options.path = "/api/v1/executor";
  options.media = media_;
  session_ = std::make_unique<RecordSession>(world_.schedule, world_.network, world_.rng,
                                             std::move(options), std::move(callbacks));
  session_->subscribe(wire::encode(media_, call));
}

void Executor::on_closed() {
  if (leaving_) return;
  if (!place_.checkpoint) return shut_down();
  later(std::chrono::milliseconds(50 + world_.rng.below(400)), [this] { subscribe(); });
}

void Executor::on_record(const std::string& record) {
  if (leaving_) return;
  ExecutorEvent event;
  CHECK(wire::decode(media_, record, event).has_value());
  world_.trace.note(world_.now(), "receive", place_.executor_id.value, record,
                    [&] { return event.ShortDebugString(); });
  ++activity_;
  switch (event.type()) {
    case ExecutorEvent::SUBSCRIBED:  // what happened meanwhile, and what it knows, once more
      for (const auto& status : unacknowledged_) send(status);
      return;
    case ExecutorEvent::LAUNCH:
      return launch(event.launch().task());
    case ExecutorEvent::LAUNCH_GROUP:
      for (const auto& info : event.launch_group().task_group().tasks()) launch(info);
      return;
    case ExecutorEvent::KILL:
      return kill(TaskId(event.kill().task_id().value()));
    case ExecutorEvent::ACKNOWLEDGED:
      return acknowledged(event.acknowledged());
    case ExecutorEvent::SHUTDOWN:
    case ExecutorEvent::ERROR:
      return shut_down();
    default:
      return;
  }
}

void Executor::launch(const mesos::v1::TaskInfo& info) {
  const TaskId id(info.task_id().value());
  callbacks_.task_started(key(id));
  Task& task = tasks_[id];
  task.info = info;
  task.program = program_in(info);
  update(id, mesos::v1::TASK_RUNNING);
  const bool well = task.program.exit_code == 0;
  end_after(id, task.program.duration, well ? mesos::v1::TASK_FINISHED : mesos::v1::TASK_FAILED,
            (task.program.exit_code & 0xff) << 8);
}

void Executor::kill(const TaskId& id) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end() || found->second.ended || found->second.killing) return;
  found->second.killing = true;
  const uint64_t longest = found->second.program.heeds_sigterm ? 200 : 3000;
  end_after(id, std::chrono::milliseconds(1 + world_.rng.below(longest)), mesos::v1::TASK_KILLED,
            sigterm);
}

void Executor::end_after(const TaskId& id, Duration wait, mesos::v1::TaskState state, int status) {
  later(wait, [this, id, state, status] { end(id, state, status); });
}

void Executor::end(const TaskId& id, mesos::v1::TaskState state, int status) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end() || found->second.ended) return;
  found->second.ended = true;
  callbacks_.task_ended(key(id), status);
  update(id, state);
}

void Executor::update(const TaskId& id, mesos::v1::TaskState state) {
  mesos::v1::TaskStatus status;
  status.mutable_task_id()->set_value(id.value);
  status.mutable_executor_id()->set_value(place_.executor_id.value);
  status.set_state(state);
  status.set_source(mesos::v1::TaskStatus::SOURCE_EXECUTOR);
  status.set_uuid(world_.rng.uuid_bytes());
  status.set_timestamp(to_seconds(world_.now()));
  unacknowledged_.push_back(status);
  send(status);
}

void Executor::send(const mesos::v1::TaskStatus& status) {
  Call call = make_call(Call::UPDATE);
  *call.mutable_update()->mutable_status() = status;
  if (session_) session_->send(wire::encode(media_, call));
}

void Executor::acknowledged(const ExecutorEvent::Acknowledged& event) {
  const auto found = std::ranges::find_if(
      unacknowledged_, [&](const auto& status) { return status.uuid() == event.uuid(); });
  if (found == unacknowledged_.end()) return;
  const TaskId id(event.task_id().value());
  if (is_definite(found->state())) {
    callbacks_.end_acknowledged(key(id));
    tasks_.erase(id);
  } else if (const auto task = tasks_.find(id); task != tasks_.end()) {
    task->second.acknowledged = true;
  }
  unacknowledged_.erase(found);
}

void Executor::exit_if_idle() {
  later(idle_time, [this, activity = activity_] {
    const bool idle = activity == activity_ && tasks_.empty() && unacknowledged_.empty();
    // Without any activity its agent may only be slow.
    if (idle && activity != 0) return shut_down();
    exit_if_idle();
  });
}

void Executor::shut_down() {
  if (leaving_) return;
  for (auto& [id, task] : tasks_) {
    if (!task.ended) callbacks_.task_ended(key(id), sigkill);
    task.ended = true;
  }
  leaving_ = true;
  world_.schedule.after(std::chrono::milliseconds(1), [this, alive = alive_] {
    if (*alive) callbacks_.exit(0);
  });
}

}  // namespace mesolith::sim
