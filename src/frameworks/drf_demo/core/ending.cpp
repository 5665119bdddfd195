// SPDX-License-Identifier: Apache-2.0
// The end of a run: no more launches, then no more tasks, then no more framework.
#include <fmt/format.h>

#include "frameworks/drf_demo/core/internal.hpp"
#include "model/ids.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

using SchedulerCall = mesos::v1::scheduler::Call;

constexpr Duration kill_patience = std::chrono::seconds(10);  // TEARDOWN kills what is left
constexpr Duration wait_patience = std::chrono::seconds(10);  // beyond the longest task
constexpr Duration leave_patience = std::chrono::seconds(2);  // for TEARDOWN's answer

}  // namespace

void end_run(State& state, Time now, const std::string& why, Effects& effects) {
  if (state.phase != Phase::connecting && state.phase != Phase::running) return;
  effects.push_back(PrintLine{fmt::format("Ending: {}; {} tasks are {}.", why, state.tasks.size(),
                                          state.options.wait_for_tasks ? "waited for" : "killed")});
  const bool subscribed = state.phase == Phase::running;
  state.phase = Phase::draining;
  state.ended = now;
  if (!subscribed) return leave(state, now, effects);
  release_held_offers(state, effects);
  Call suppress;
  suppress.call.set_type(SchedulerCall::SUPPRESS);
  effects.push_back(std::move(suppress));
  if (state.tasks.empty()) return leave(state, now, effects);
  if (state.options.wait_for_tasks) {
    state.leave_deadline = saturating_add(now, state.options.duration_max + wait_patience);
    return;
  }
  state.leave_deadline = saturating_add(now, kill_patience);
  for (const auto& [id, task] : state.tasks) {
    Call kill;
    kill.call.set_type(SchedulerCall::KILL);
    *kill.call.mutable_kill()->mutable_task_id() = model::to_proto(id);
    *kill.call.mutable_kill()->mutable_agent_id() = model::to_proto(task.agent_id);
    effects.push_back(std::move(kill));
  }
}

void leave(State& state, Time now, Effects& effects) {
  state.phase = Phase::leaving;
  if (state.framework_id.empty()) return finish(state, effects);
  state.leave_deadline = saturating_add(now, leave_patience);
  Call teardown;
  teardown.call.set_type(SchedulerCall::TEARDOWN);
  effects.push_back(std::move(teardown));
}

void finish(State& state, Effects& effects) {
  if (state.phase == Phase::finished) return;
  state.phase = Phase::finished;
  state.leave_deadline = never;
  state.held.clear();
  effects.push_back(Finish{state.exit_status});
}

}  // namespace mesolith::frameworks::drf_demo
