// SPDX-License-Identifier: Apache-2.0
// The allocator's decisions and refusals in words.
#include <fmt/format.h>

#include <algorithm>

#include "master/core/allocator/internal.hpp"

namespace mesolith::master::allocator {
namespace {

std::string why_in_role(const Allocator::State& state, Time now, const FrameworkId& id,
                        const FrameworkEntry& framework, const std::string& role) {
  if (framework.suppressed.contains(role))
    return "offers are suppressed by the framework; REVIVE brings them back";
  if (!framework.active) return "the framework is not connected";
  if (state.agents.empty()) return "no agent is registered";
  size_t busy = 0;
  std::map<Reason, size_t> refused;
  Time soonest = never;
  for (const auto& [agent_id, agent] : state.agents) {
    if (!agent.active || agent.available.empty()) {
      ++busy;
      continue;
    }
    const Candidate found = candidate(state, state.filters.on(agent_id), agent, framework, role);
    if (found.refused == Reason::none)
      return fmt::format("next in line for what agent {} has free", agent_id.value);
    ++refused[found.refused];
    soonest = std::min(soonest, found.until);
  }
  std::string text = fmt::format("nothing to offer: of {} agents", state.agents.size());
  if (busy > 0) text += fmt::format(" {} have nothing free,", busy);
  for (const auto& [reason, count] : refused) {
    text += fmt::format(" {}: {},", count, describe(now, {id, role, reason, soonest}));
  }
  text.pop_back();
  return text;
}

}  // namespace

std::string describe(Time now, const Passed& passed) {
  switch (passed.reason) {
    case Reason::none:
      return "it may have what is free";
    case Reason::filtered:
      return fmt::format("it declined as much for another {:.1f} s",
                         to_seconds(passed.until - now));
    case Reason::needs_gpu_capability:
      return "the agent has GPUs and it lacks GPU_RESOURCES";
    case Reason::needs_multi_role_agent:
      return "the agent lacks MULTI_ROLE";
    case Reason::constrained:
      return "its offer constraints exclude the agent";
    case Reason::nothing_for_role:
      return "nothing free is for its role";
    case Reason::over_quota:
      return "the quota of its role is used up, or others' guarantees need what is free";
    case Reason::too_small:
      return "less is free than the smallest offer";
  }
  return "";
}

Decision describe(const Record& record) {
  Decision decision;
  decision.number = record.number;
  decision.when = record.when;
  decision.agent_id = record.agent_id;
  decision.resources = record.resources.describe();
  decision.framework_id = record.framework_id;
  decision.role = record.role;
  decision.role_share_before = record.role_before;
  decision.role_share_after = record.role_after;
  decision.framework_share_before = record.framework_before;
  decision.framework_share_after = record.framework_after;
  decision.dominant_resource = record.dominant.str();
  for (const Passed& passed : record.passed_over) {
    decision.passed_over.push_back(
        {passed.framework_id, passed.role, describe(record.when, passed)});
  }
  return decision;
}

std::vector<Decision> Allocator::decisions() const {
  const uint64_t kept = std::min<uint64_t>(state_->next_record - 1, state_->options.decisions_max);
  std::vector<Decision> decisions;
  decisions.reserve(kept);
  for (uint64_t number = state_->next_record - kept; number < state_->next_record; ++number) {
    decisions.push_back(describe(state_->records[number % state_->options.decisions_max]));
  }
  return decisions;
}

std::vector<std::string> Allocator::why(Time now, const FrameworkId& id) const {
  const auto found = state_->frameworks.find(id);
  if (found == state_->frameworks.end() || !found->second.known) return {};
  std::vector<std::string> reasons;
  if (found->second.roles.empty()) reasons.push_back("The framework is subscribed to no role.");
  for (const std::string& role : found->second.roles) {
    reasons.push_back(
        fmt::format("Role {}: {}.", role, why_in_role(*state_, now, id, found->second, role)));
  }
  return reasons;
}

}  // namespace mesolith::master::allocator
