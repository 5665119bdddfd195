// SPDX-License-Identifier: Apache-2.0
// What the files of this room share. Every function works within one step. What may remove a task,
// an executor or a framework says so: references to them end there.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "agent/core/state.hpp"
#include "agent/core/step.hpp"
#include "google/protobuf/message.h"

namespace mesolith::agent {

struct Context {
  State& state;
  Time now;
  Effects& effects;
};

// checkpoint.cpp: the step's one Persist.
std::string framework_key(const FrameworkId& id);
std::string executor_key(const Executor& executor);
std::string task_key(const TaskKey& key);
std::string updates_key(const TaskKey& key);
void put(Context& context, std::string key, const google::protobuf::Message& value);
void erase(Context& context, std::string key);
void when_durable(Context& context, Pending pending);
void flush(Context& context);
void on_persisted(Context& context, uint64_t ticket);
void put_framework(Context& context, const Framework& framework);
void put_executor(Context& context, const Framework& framework, const Executor& executor);
void put_task(Context& context, const Executor& executor, const Task& task);
// put_task(), of a framework that checkpoints, for what its command has come to.
void put_command(Context& context, const Framework& framework, const Executor& executor,
                 const Task& task);
void put_updates(Context& context, const TaskKey& key, const UpdateStream& stream);

void put_resources(Context& context);
void put_operation(Context& context, const Operation& operation);
std::string operation_key(const std::string& uuid);

// operations.cpp: reservations and volumes, and what is told of them.
void apply_operation(Context& context, const protocol::MasterEvent::ApplyOperation& event);
void drop_operation(Context& context, const protocol::MasterEvent::ApplyOperation& event,
                    std::string message);  // reliably told as DROPPED
void operation_durable(Context& context, const std::string& uuid);
void flush_operations(Context& context);
void resend_operation(Context& context, const std::string& uuid);
void acknowledge_operation(Context& context,
                           const protocol::MasterEvent::AcknowledgeOperation& event);

// volumes.cpp: where they lie, and how they come into a sandbox.
void volumes_durable(Context& context, const VolumesDurable& durable);
void removals_durable(Context& context, const RemovalsDurable& durable);
void resume_volumes(Context& context);  // after a restart
std::string volume_directory(const State& state, const model::Entry& volume);
RemovedVolume removed_volume(State& state, const model::Entry& volume);
std::vector<VolumeLink> volume_links(const State& state, const model::RepeatedResource& resources);
bool has_volumes(const model::RepeatedResource& resources);
// The reservations and volumes of a task that are not the agent's; empty when all are.
std::string unknown_resources(const State& state, const mesos::v1::TaskInfo& task);
void link_volumes(Context& context, const Framework& framework, const Executor& executor,
                  const mesos::v1::TaskInfo& task);

// frameworks.cpp: finding, and ending.
Framework* find_framework(State& state, const FrameworkId& id);
Executor* find_executor(Framework& framework, const ExecutorId& id);
Executor* executor_of_task(Framework& framework, const TaskId& id);
Framework& framework_for(Context& context, const mesos::v1::FrameworkInfo& info);
void set_info(Framework& framework, const mesos::v1::FrameworkInfo& info);
// May remove the executor and the framework.
void complete_task(Context& context, Framework& framework, Executor& executor, const TaskId& id);
void remove_if_done(Context& context, Framework& framework, const ExecutorId& id);
void remove_framework_if_idle(Context& context, const FrameworkId& id);
void shut_down_framework(Context& context, const FrameworkId& id);
void stop(Context& context, int exit_code, std::string message);

// timers.cpp
void set_timer(State& state, const ContainerId& id, Timer kind, Time& field, Time value);
void cancel_timers(State& state, Executor& executor);
void cancel_timers(State& state, Command& command);
void on_tick(Context& context);

// updates.cpp: the status update manager.
mesos::v1::TaskStatus make_status(Context& context, const TaskId& task_id,
                                  const ExecutorId& executor_id, mesos::v1::TaskState state,
                                  mesos::v1::TaskStatus::Source source, std::string message);
void report(Context& context, const TaskKey& key, bool checkpoint, mesos::v1::TaskStatus status);
// Of a task that this agent holds: its state follows, then report().
void update_task(Context& context, Framework& framework, Executor& executor, Task& task,
                 mesos::v1::TaskStatus status);
void send_head(Context& context, const TaskKey& key, UpdateStream& stream);
void resend(Context& context, const TaskKey& key);
void flush_updates(Context& context);
void drop_updates(Context& context, const FrameworkId& id);
void update_durable(Context& context, const UpdateDurable& durable);
void acknowledge(Context& context, const TaskKey& key, const std::string& uuid);

// tasks.cpp: launching.
void launch(Context& context, const mesos::v1::FrameworkInfo& info, const mesos::v1::TaskInfo& task,
            std::optional<bool> launch_executor);
void launch_group(Context& context, const protocol::MasterEvent::LaunchGroup& launch);
void record_durable(Context& context, const TaskKey& key);
void kill(Context& context, const protocol::MasterEvent::Kill& call);
mesos::v1::TaskState dropped(const Framework* framework);  // or LOST

// command.cpp: the agent as the executor of a task.
void start_command(Context& context, const Framework& framework, Executor& executor, Task& task);
void command_launched(Context& context, Framework& framework, Executor& executor, Task& task);
// Its checks and its max_completion_time, from when it was launched.
void start_timing(Context& context, Task& task);
bool is_timed(const Task& task);  // there are such
mesos::v1::TaskStatus command_status(Context& context, const Executor& executor, const Task& task,
                                     mesos::v1::TaskState state, std::string message = "");
void command_completion_reached(Context& context, const Framework& framework,
                                const Executor& executor, Task& task);
// These may remove the task, the executor and the framework.
void kill_command(Context& context, Framework& framework, Executor& executor, Task& task,
                  Duration grace);
void command_ended(Context& context, Framework& framework, Executor& executor, Task& task,
                   const ContainerExited& exit);
void command_launch_failed(Context& context, Framework& framework, Executor& executor, Task& task,
                           const ContainerLaunchFailed& event);
void command_lost(Context& context, Framework& framework, Executor& executor, Task& task);
Duration kill_grace(const Task& task, const std::optional<mesos::v1::KillPolicy>& policy);
std::string describe_end(int status);

// watches.cpp: checks and health checks.
void start_watching(Context& context, Task& task);
void stop_watching(Context& context, Command& command);
void watch_due(Context& context, Framework& framework, Executor& executor, Task& task, Timer watch);
// Whether the container is that of a look.
bool look_ended(Context& context, const ContainerExited& exit);
bool look_failed(Context& context, const ContainerLaunchFailed& event);
void on_probed(Context& context, const Probed& event);
mesos::v1::CheckStatusInfo empty_result(const mesos::v1::CheckInfo& check);  // the kind alone

// task_groups.cpp: the agent as the executor of task groups.
void start_groups(Context& context, Framework& framework, Executor& executor);
void group_task_ended(Context& context, Framework& framework, Executor& executor, const Task& task);
void shut_down_groups(Context& context, Framework& framework, Executor& executor);
void end_when_idle(Context& context, const Executor& executor);
void group_executor_idle(Context& context, const ContainerId& id);
bool is_idle(const Executor& executor);  // none of its tasks waits or runs

// executors.cpp: custom executors.
void start_executor(Context& context, Framework& framework, Executor& executor);
void deliver(Context& context, Framework& framework, Executor& executor);
void kill_task(Context& context, Framework& framework, Executor& executor, Task& task,
               const std::optional<mesos::v1::KillPolicy>& policy);
// The next three may remove the executor and the framework.
void shut_down_executor(Context& context, Framework& framework, Executor& executor);
void end_executor(Context& context, Framework& framework, Executor& executor, int status,
                  std::optional<uint64_t> memory_limit_bytes);
void destroy_executor(Context& context, Framework& framework, Executor& executor,
                      Termination termination);

// executor_calls.cpp
void on_subscribing(Context& context, const ExecutorSubscribing& event);
void on_called(Context& context, const mesos::v1::executor::Call& call);
void on_closed(Context& context, StreamId stream);
void send(Context& context, const Executor& executor, mesos::v1::executor::Event event);
void close_stream(Context& context, Executor& executor);

// containers.cpp
// The executor whose container it is, and its framework.
struct Owned {
  Framework& framework;
  Executor& executor;
  Task* task;  // null: the container is the executor's own
};
std::optional<Owned> owner_of(State& state, const ContainerId& id);
void on_launched(Context& context, const ContainerLaunched& event);
void on_launch_failed(Context& context, const ContainerLaunchFailed& event);
void on_exited(Context& context, const ContainerExited& event);
// A container is no more; the launcher, if it has `known` it, may forget it once what this step
// changes is durable.
void release_container(Context& context, const Framework& framework, const ContainerId& id,
                       bool known);
void end_container(Context& context, const Framework& framework, Executor& executor);
Termination failure_of(const Framework& framework, const ContainerLaunchFailed& event);
mesos::v1::TaskStatus::Reason limitation_of(mesos::v1::TaskStatus& status, uint64_t bytes);

// environment.cpp: what a container is given.
LaunchContainer container_for(const State& state, const Framework& framework,
                              const Executor& executor, const mesos::v1::CommandInfo& command);
std::string user_of(const State& state, const Framework& framework,
                    const mesos::v1::CommandInfo& command);
LaunchContainer container_for(const State& state, const Framework& framework,
                              const Executor& executor, const Task& task);
// One run of a check's command, with what the task has.
LaunchContainer container_for_look(const State& state, const Framework& framework,
                                   const Executor& executor, const Task& task,
                                   const mesos::v1::CommandInfo& command, ContainerId id);
std::string sandbox_directory(const State& state, const Executor& executor);
// Of a task of a group.
std::string nested_directory(const Executor& executor, const ContainerId& id);
Duration shutdown_grace(const State& state, const Executor& executor);
ResizeContainer size_of(const Executor& executor);

// fetching.cpp: between what a container needs and its launch.
void request_container(Context& context, const Framework& framework, Executor& executor);
void request_container(Context& context, const Framework& framework, const Executor& executor,
                       const Task& task);
void on_uris_fetched(Context& context, const UrisFetched& event);

// garbage.cpp: sandboxes after their time.
void watch_garbage(Context& context);  // from now on
void leave_sandbox(Context& context, const Executor& executor);
void collect_garbage(Context& context);
void on_disk_measured(Context& context, const DiskMeasured& event);
void on_sandboxes_found(Context& context, const SandboxesFound& event);
void on_sandboxes_removed(Context& context, const SandboxesRemoved& event);
Time garbage_deadline(const State& state);

// master.cpp
void on_detected(Context& context);
void on_disconnected(Context& context, uint64_t connection);
void on_master_event(Context& context, const MasterEventReceived& event);
void subscribe(Context& context);
void send(Context& context, protocol::AgentCall call);

// drain.cpp
// Begins, changes or ends the drain; may remove executors and frameworks.
void set_drain(Context& context, const mesos::v1::DrainConfig* config);
// Says why a task is killed while the agent is drained.
void explain_drain(const State& state, const Framework& framework, mesos::v1::TaskStatus& status);

// recovery.cpp
void on_recovered(Context& context, const Recovered& event);

inline void count(State& state, const char* counter) {
  ++state.counters[counter];
}

}  // namespace mesolith::agent
