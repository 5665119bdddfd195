// SPDX-License-Identifier: Apache-2.0
// Weights of roles, as the operator sets them; what the registry holds wins over the flag.
#include <fmt/format.h>

#include <cmath>

#include "master/core/operator_calls.hpp"
#include "model/roles.hpp"

namespace mesolith::master {
namespace {

std::optional<std::string> problem_of(const State& state, const mesos::v1::WeightInfo& info) {
  if (auto valid = model::roles::validate(info.role()); !valid) return valid.error().message;
  if (!state.options.role_whitelist.empty() &&
      !state.options.role_whitelist.contains(info.role())) {
    return fmt::format("Role '{}' is not present in the master's --roles", info.role());
  }
  if (!(info.weight() > 0)) {
    return fmt::format("Invalid weight '{}': Weights must be positive", info.weight());
  }
  if (!std::isfinite(info.weight())) return std::string("Invalid weight: it must be finite");
  return std::nullopt;
}

bool has_frameworks(const State& state, const std::string& role) {
  for (const auto& [id, framework] : state.frameworks) {
    if (framework.roles.contains(role)) return true;
  }
  return false;
}

}  // namespace

void begin_weights(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const auto& infos = called.call.update_weights().weight_infos();
  for (const auto& info : infos) {
    if (const auto problem = problem_of(state, info)) {
      return answer(turn, called.request, 400,
                    fmt::format("Failed to validate update weights request JSON for role '{}': {}",
                                info.role(), *problem));
    }
  }
  registry::Cluster wanted = state.cluster;
  std::map<std::string, double> weights = state.weights;
  for (const auto& one : wanted.weights()) weights[one.role()] = one.weight();
  for (const auto& info : infos) weights[info.role()] = info.weight();
  wanted.clear_weights();
  for (const auto& [role, weight] : weights) {
    auto& out = *wanted.add_weights();
    out.set_role(role);
    out.set_weight(weight);
  }
  persist_cluster(turn, called, std::move(wanted));
}

void set_weights(Turn turn, const OperatorCall::UpdateWeights& update) {
  State& state = turn.state;
  bool felt = false;
  for (const auto& info : update.weight_infos()) {
    state.weights[info.role()] = info.weight();
    state.allocator.set_weight(info.role(), info.weight());
    felt = felt || has_frameworks(state, info.role());
  }
  if (!felt) return;
  while (!state.offers.empty()) rescind(turn, OfferId(state.offers.begin()->first));
}

void recover_weights(State& state) {
  if (state.cluster.weights().empty()) return;
  for (const auto& [role, weight] : state.weights) state.allocator.set_weight(role, 1);
  state.weights.clear();
  for (const auto& info : state.cluster.weights()) {
    state.weights[info.role()] = info.weight();
    state.allocator.set_weight(info.role(), info.weight());
  }
}

}  // namespace mesolith::master
