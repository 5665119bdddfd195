// SPDX-License-Identifier: Apache-2.0
// Draining (mesos-api.md 3.1, DRAIN_AGENT): all tasks are killed, none is taken. The master keeps
// it durable and tells it anew at each registration, so nothing is written here.
#include "agent/core/internal.hpp"
#include "base/log.hpp"
#include "model/ids.hpp"
#include "model/task_state.hpp"

namespace mesolith::agent {
namespace {

// The shorter of the task's own grace and the drain's; nothing: the task's own.
std::optional<mesos::v1::KillPolicy> policy_for(const Task& task,
                                                const mesos::v1::DrainConfig& config) {
  if (!config.has_max_grace_period()) return std::nullopt;
  const bool own = task.command || task.info.kill_policy().has_grace_period();
  const Duration most(config.max_grace_period().nanoseconds());
  if (own && kill_grace(task, std::nullopt) <= most) return std::nullopt;
  mesos::v1::KillPolicy policy;
  *policy.mutable_grace_period() = config.max_grace_period();
  return policy;
}

std::vector<TaskKey> live_tasks(const State& state) {
  std::vector<TaskKey> tasks;
  for (const auto& [framework_id, framework] : state.frameworks) {
    for (const auto& [executor_id, executor] : framework.executors) {
      for (const auto& [id, task] : executor.tasks) {
        if (!model::is_terminal(task.state)) tasks.emplace_back(framework_id, id);
      }
    }
  }
  return tasks;
}

}  // namespace

void set_drain(Context& context, const mesos::v1::DrainConfig* config) {
  State& state = context.state;
  if (!config) {
    state.drain.reset();
    return;
  }
  if (!state.drain) {
    state.drain_started = context.now;
    log::info("draining: all tasks are killed, and none is taken");
  }
  state.drain = *config;
  for (const TaskKey& key : live_tasks(state)) {
    Framework* framework = find_framework(state, key.first);
    Executor* executor = framework ? executor_of_task(*framework, key.second) : nullptr;
    if (!executor) continue;  // ended with another of its group
    Task& task = executor->tasks.at(key.second);
    kill_task(context, *framework, *executor, task, policy_for(task, *config));
  }
}

void explain_drain(const State& state, const Framework& framework, mesos::v1::TaskStatus& status) {
  const bool killed = status.state() == mesos::v1::TASK_KILLED;
  if (!state.drain || (!killed && status.state() != mesos::v1::TASK_KILLING)) return;
  status.set_reason(mesos::v1::TaskStatus::REASON_AGENT_DRAINING);
  if (killed && state.drain->mark_gone() && framework.partition_aware) {
    status.set_state(mesos::v1::TASK_GONE_BY_OPERATOR);
  }
}

}  // namespace mesolith::agent
