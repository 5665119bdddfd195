// SPDX-License-Identifier: Apache-2.0
// Durability: what a step changes is gathered in its batch and goes out as one Persist; what waits
// for it runs when Persisted comes. A wait without a change joins the newest Persist under way, or
// is over at once.
#include "agent/core/internal.hpp"
#include "base/check.hpp"
#include "mesolith/checkpoint.pb.h"
#include "model/ids.hpp"
#include "model/operations.hpp"

namespace mesolith::agent {
namespace {

void run(Context& context, const std::vector<Pending>& pending) {
  for (const Pending& each : pending) {
    if (const auto* record = std::get_if<RecordDurable>(&each)) {
      record_durable(context, record->task);
    } else if (const auto* update = std::get_if<UpdateDurable>(&each)) {
      update_durable(context, *update);
    } else if (const auto* operation = std::get_if<OperationDurable>(&each)) {
      operation_durable(context, operation->uuid);
    } else if (const auto* volumes = std::get_if<VolumesDurable>(&each)) {
      volumes_durable(context, *volumes);
    } else if (const auto* removals = std::get_if<RemovalsDurable>(&each)) {
      removals_durable(context, *removals);
    } else if (const auto* end = std::get_if<EndDurable>(&each)) {
      context.state.ending.erase(end->container_id);
      context.effects.push_back(AcknowledgeContainer{end->container_id});
    } else {
      group_executor_idle(context, std::get<IdleDurable>(each).container_id);
    }
  }
}

}  // namespace

std::string framework_key(const FrameworkId& id) {
  return "framework/" + id.value;
}

std::string executor_key(const Executor& executor) {
  return "executor/" + executor.framework_id.value + "/" + executor.id.value;
}

std::string task_key(const TaskKey& key) {
  return "task/" + key.first.value + "/" + key.second.value;
}

std::string updates_key(const TaskKey& key) {
  return "updates/" + key.first.value + "/" + key.second.value;
}

void put(Context& context, std::string key, const google::protobuf::Message& value) {
  context.state.batch.records[std::move(key)] = value.SerializeAsString();
}

void erase(Context& context, std::string key) {
  context.state.batch.records[std::move(key)] = std::nullopt;
}

void when_durable(Context& context, Pending pending) {
  context.state.batch.pending.push_back(std::move(pending));
}

void flush(Context& context) {
  State& state = context.state;
  while (!state.batch.records.empty() || !state.batch.pending.empty()) {
    Batch batch = std::exchange(state.batch, Batch{});
    if (!batch.records.empty()) {
      Persist persist;
      persist.ticket = state.next_ticket++;
      for (auto& [key, value] : batch.records) {
        if (value) {
          persist.puts.emplace_back(key, std::move(*value));
        } else {
          persist.deletes.push_back(key);
        }
      }
      state.pending.emplace(persist.ticket, std::move(batch.pending));
      context.effects.push_back(std::move(persist));
    } else if (!state.pending.empty()) {
      auto& last = state.pending.rbegin()->second;
      last.insert(last.end(), batch.pending.begin(), batch.pending.end());
    } else {
      run(context, batch.pending);
    }
  }
}

void on_persisted(Context& context, uint64_t ticket) {
  // Tickets become durable in order; a shell may answer for several at once with the newest.
  auto& pending = context.state.pending;
  while (!pending.empty() && pending.begin()->first <= ticket) {
    const std::vector<Pending> done = std::move(pending.begin()->second);
    pending.erase(pending.begin());
    run(context, done);
  }
}

void put_resources(Context& context) {
  checkpoint::Resources record;
  model::converted(context.state.total)
      .append_to(record.mutable_converted(), model::Format::post_reservation_refinement);
  for (const RemovedVolume& removed : context.state.removals) {
    if (removed.moved) continue;
    auto& removal = *record.add_removals();
    removal.set_path(removed.path);
    removal.set_trash(removed.trash);
  }
  if (record.converted().empty() && record.removals().empty()) return erase(context, "resources");
  put(context, "resources", record);
}

std::string operation_key(const std::string& uuid) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string key = "operation/";
  for (const char byte : uuid) {
    key += digits[static_cast<uint8_t>(byte) >> 4];
    key += digits[static_cast<uint8_t>(byte) & 15];
  }
  return key;
}

void put_operation(Context& context, const Operation& operation) {
  checkpoint::Operation record;
  *record.mutable_info() = operation.info;
  put(context, operation_key(operation.info.uuid().value()), record);
}

void put_framework(Context& context, const Framework& framework) {
  checkpoint::Framework record;
  *record.mutable_info() = framework.info;
  put(context, framework_key(framework.id), record);
}

void put_executor(Context& context, const Framework& framework, const Executor& executor) {
  if (!framework.checkpoint) return;
  checkpoint::Executor record;
  *record.mutable_framework_id() = model::to_proto(framework.id);
  *record.mutable_executor_id() = model::to_proto(executor.id);
  record.set_container_id(executor.container_id.value);
  record.set_directory(executor.directory);
  if (!executor.is_command()) {
    *record.mutable_info() = executor.info;
    if (executor.phase == Executor::Phase::terminating) record.set_terminating(true);
  }
  put(context, executor_key(executor), record);
}

void put_task(Context& context, const Executor& executor, const Task& task) {
  checkpoint::Task record;
  *record.mutable_framework_id() = model::to_proto(executor.framework_id);
  *record.mutable_executor_id() = model::to_proto(executor.id);
  *record.mutable_info() = task.info;
  if (task.command) {
    const Command& command = *task.command;
    checkpoint::Command& kept = *record.mutable_command();
    kept.set_container_id(command.container_id.value);
    if (task.group != 0) kept.set_group(task.group);
    if (command.launched && is_timed(task)) kept.set_started(to_seconds(command.started));
    if (command.killed || command.completion_reached) {
      kept.set_kill_started(to_seconds(command.kill_started));
      if (command.kill_deadline != never) {
        kept.set_kill_grace(to_seconds(command.kill_deadline - command.kill_started));
      }
    }
    if (command.completion_reached) kept.set_completion_reached(true);
    if (command.unhealthy) kept.set_unhealthy(true);
    if (command.failures_in_a_row > 0) kept.set_failures_in_a_row(command.failures_in_a_row);
  }
  put(context, task_key({executor.framework_id, model::id_of(task.info.task_id())}), record);
}

void put_command(Context& context, const Framework& framework, const Executor& executor,
                 const Task& task) {
  if (framework.checkpoint) put_task(context, executor, task);
}

void put_updates(Context& context, const TaskKey& key, const UpdateStream& stream) {
  checkpoint::Updates record;
  *record.mutable_framework_id() = model::to_proto(key.first);
  *record.mutable_task_id() = model::to_proto(key.second);
  if (!stream.executor_id.empty()) {
    *record.mutable_executor_id() = model::to_proto(stream.executor_id);
  }
  for (const UpdateStream::Update& update : stream.updates) {
    *record.add_pending() = update.status;
  }
  if (stream.latest) *record.mutable_latest() = *stream.latest;
  for (const std::string& uuid : stream.received) record.add_received(uuid);
  put(context, updates_key(key), record);
}

}  // namespace mesolith::agent
