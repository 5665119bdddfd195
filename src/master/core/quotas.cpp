// SPDX-License-Identifier: Apache-2.0
// Quotas as the operator sets them (mesos-api.md 3.1, 7.4): checked against the cluster's capacity
// and what is consumed, made durable, given to the allocator; offers in the way are rescinded.
#include <fmt/format.h>

#include "master/core/operator_calls.hpp"
#include "master/core/snapshot.hpp"
#include "model/roles.hpp"

namespace mesolith::master {
namespace {

using mesos::v1::quota::QuotaConfig;
using QuotaMap = google::protobuf::Map<std::string, mesos::v1::Value::Scalar>;

std::map<std::string, double> sorted(const QuotaMap& map) {
  std::map<std::string, double> out;
  for (const auto& [name, scalar] : map) out[name] = scalar.value();
  return out;
}

std::string describe(const QuotaMap& map) {
  std::string text;
  for (const auto& [name, value] : sorted(map)) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name,
                        model::format_millis(model::to_millis(value)));
  }
  return "{ " + text + " }";
}

allocator::Quota quota_of(const QuotaConfig& config) {
  allocator::Quota quota;
  for (const auto& [name, value] : sorted(config.guarantees())) {
    quota.guarantees.set(name, model::to_millis(value));
  }
  for (const auto& [name, value] : sorted(config.limits())) {
    quota.limits[name] = model::to_millis(value);
  }
  return quota;
}

std::optional<std::string> problem_of(const State& state, const QuotaConfig& config) {
  const std::string& role = config.role();
  if (auto valid = model::roles::validate(role); !valid) {
    return fmt::format("Invalid QuotaConfig: invalid role '{}': {}", role, valid.error().message);
  }
  if (role == "*") return std::string("Invalid QuotaConfig: quota on role '*' is not supported");
  if (role.find('/') != std::string::npos) {
    return fmt::format("Updating quota on nested role '{}' is not supported yet", role);
  }
  if (!state.options.role_whitelist.empty() && !state.options.role_whitelist.contains(role)) {
    return fmt::format("Invalid QuotaConfig: role '{}' is not present in the master's --roles",
                       role);
  }
  for (const QuotaMap* map : {&config.guarantees(), &config.limits()}) {
    for (const auto& [name, value] : sorted(*map)) {
      if (name.empty()) return std::string("Invalid QuotaConfig: a resource without a name");
      if (!(value >= 0 && value <= 1e12)) {
        return fmt::format("Invalid QuotaConfig: {} of '{}' is not between 0 and 1e12", value,
                           name);
      }
    }
  }
  for (const auto& [name, value] : sorted(config.guarantees())) {
    const auto limit = config.limits().find(name);
    if (limit == config.limits().end() || value <= limit->second.value()) continue;
    return fmt::format(
        "Invalid QuotaConfig: 'QuotaConfig.guarantees' {} is not contained within the "
        "'QuotaConfig.limits' {}",
        describe(config.guarantees()), describe(config.limits()));
  }
  return std::nullopt;
}

model::Quantities capacity(const State& state) {
  model::Quantities sum;
  for (const auto& [id, agent] : state.agents) {
    sum += agent.total.non_revocable().quantities();
  }
  return sum;
}

bool in_role(const std::string& role, const std::string& top) {
  return model::roles::is_self_or_descendant(role, top);
}

// What a role consumes when all its offers are rescinded.
model::Quantities used_by(const State& state, const std::string& role) {
  model::Quantities sum = state.allocator.consumed(role);
  for (const auto& [id, offer] : state.offers) {
    if (in_role(offer.role, role)) sum -= unreserved_of(offer);
  }
  return sum;
}

const QuotaConfig* find(const registry::Cluster& cluster, const std::string& role) {
  for (const auto& one : cluster.quotas()) {
    if (one.role() == role) return &one;
  }
  return nullptr;
}

void put(registry::Cluster& cluster, const QuotaConfig& config) {
  for (auto& one : *cluster.mutable_quotas()) {
    if (one.role() != config.role()) continue;
    one = config;
    return;
  }
  *cluster.add_quotas() = config;
}

// Total guarantees with these changes, or why that is too much.
std::optional<std::string> beyond_capacity(const State& state, const registry::Cluster& wanted) {
  model::Quantities total;
  for (const auto& one : wanted.quotas()) total += quota_of(one).guarantees;
  const model::Quantities all = capacity(state);
  if (all.contains(total)) return std::nullopt;
  return fmt::format(
      "Invalid QuotaConfig: total quota guarantees '{}' exceed cluster capacity '{}' (use 'force' "
      "flag to bypass this check)",
      total.describe(), all.describe());
}

std::optional<std::string> below_use(const State& state, const QuotaConfig& config) {
  const model::Quantities used = used_by(state, config.role());
  for (const auto& [name, limit] : quota_of(config).limits) {
    if (used.get(name) <= limit) continue;
    return fmt::format(
        "Invalid QuotaConfig: role '{}' consumes '{}' already, more than the requested limits {} "
        "(use 'force' flag to bypass this check)",
        config.role(), used.positive().describe(), describe(config.limits()));
  }
  return std::nullopt;
}

void rescind_beyond_limits(Turn turn, const QuotaConfig& config) {
  model::Quantities consumed = turn.state.allocator.consumed(config.role());
  const model::Limits limits = quota_of(config).limits;
  const auto over = [&](const model::Quantities& offered) {
    for (const auto& [name, limit] : limits) {
      if (consumed.get(name) > limit && offered.get(name) > 0) return true;
    }
    return false;
  };
  const auto offers = turn.state.offers;
  for (const auto& [id, offer] : offers) {
    if (!in_role(offer.role, config.role())) continue;
    const model::Quantities offered = unreserved_of(offer);
    if (!over(offered)) continue;
    consumed -= offered;
    rescind(turn, id);
  }
}

// Offers of roles without such a guarantee, until what guarantees need is free.
void rescind_for_guarantees(Turn turn) {
  State& state = turn.state;
  const model::Quantities required = state.allocator.required_headroom();
  model::Quantities free = state.allocator.headroom();
  const auto offers = state.offers;
  for (const auto& [id, offer] : offers) {
    if (free.contains(required)) return;
    const QuotaConfig* own = find(state.cluster, std::string(allocator::top_level(offer.role)));
    if (own && !own->guarantees().empty()) continue;
    free += unreserved_of(offer);
    rescind(turn, id);
  }
}

}  // namespace

model::Quantities unreserved_of(const Offer& offer) {
  return offer.resources.unreserved().non_revocable().quantities();
}

void begin_quota_update(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const auto& update = called.call.update_quota();
  registry::Cluster wanted = state.cluster;
  for (const QuotaConfig& config : update.quota_configs()) {
    if (const auto problem = problem_of(state, config)) {
      return answer(turn, called.request, 400, *problem);
    }
    if (!update.force()) {
      if (const auto problem = below_use(state, config)) {
        return answer(turn, called.request, 400, *problem);
      }
    }
    put(wanted, config);
  }
  if (!update.force()) {
    if (const auto problem = beyond_capacity(state, wanted)) {
      return answer(turn, called.request, 400, *problem);
    }
  }
  persist_cluster(turn, called, std::move(wanted));
}

void begin_quota_set(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const auto& request = called.call.set_quota().quota_request();
  const auto refuse = [&](int status, const std::string& why) {
    answer(turn, called.request, status, "Failed to validate set quota request: " + why);
  };
  auto guarantee = model::Resources::parse(request.guarantee());
  if (!guarantee) return refuse(400, guarantee.error().message);
  if (*guarantee != guarantee->unreserved().scalars() || guarantee->empty()) {
    return refuse(400, "QuotaInfo must hold unreserved scalars");
  }
  const QuotaConfig* known = find(state.cluster, request.role());
  if (known && !quota_of(*known).empty()) {
    return refuse(
        400, fmt::format("Cannot set quota for role '{}' which already has quota", request.role()));
  }
  QuotaConfig config;
  config.set_role(request.role());
  guarantee->quantities().for_each([&](const model::Name& name, model::Millis amount) {
    (*config.mutable_guarantees())[name.str()].set_value(model::to_units(amount));
    (*config.mutable_limits())[name.str()].set_value(model::to_units(amount));
  });
  if (const auto problem = problem_of(state, config)) return refuse(400, *problem);
  registry::Cluster wanted = state.cluster;
  put(wanted, config);
  if (!request.force() && beyond_capacity(state, wanted)) {
    return answer(turn, called.request, 409,
                  "Not enough available cluster capacity to reasonably satisfy quota request; the "
                  "force flag can be used to override this check");
  }
  OperatorCalled durable = called;
  durable.call.clear_set_quota();
  durable.call.set_type(OperatorCall::UPDATE_QUOTA);
  *durable.call.mutable_update_quota()->add_quota_configs() = config;
  persist_cluster(turn, durable, std::move(wanted));
}

void begin_quota_removal(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const std::string& role = called.call.remove_quota().role();
  const QuotaConfig* known = find(state.cluster, role);
  if (!known || quota_of(*known).empty()) {
    return answer(turn, called.request, 400,
                  fmt::format("Failed to remove quota: Role '{}' has no quota set", role));
  }
  registry::Cluster wanted = state.cluster;
  for (int i = 0; i < wanted.quotas_size(); ++i) {
    if (wanted.quotas(i).role() != role) continue;
    wanted.mutable_quotas()->DeleteSubrange(i, 1);
    break;
  }
  persist_cluster(turn, called, std::move(wanted));
}

void set_quotas(Turn turn, const OperatorCall::UpdateQuota& update) {
  for (const QuotaConfig& config : update.quota_configs()) {
    turn.state.allocator.set_quota(config.role(), quota_of(config));
  }
  for (const QuotaConfig& config : update.quota_configs()) rescind_beyond_limits(turn, config);
  rescind_for_guarantees(turn);
}

void recover_quotas(State& state) {
  for (const QuotaConfig& config : state.cluster.quotas()) {
    state.allocator.set_quota(config.role(), quota_of(config));
  }
}

mesos::v1::quota::QuotaStatus quota_status(const State& state) {
  mesos::v1::quota::QuotaStatus status;
  for (const QuotaConfig& config : state.cluster.quotas()) {
    *status.add_configs() = config;
    auto& info = *status.add_infos();
    info.set_role(config.role());
    for (const auto& [name, value] : sorted(config.guarantees())) {
      auto& resource = *info.add_guarantee();
      resource.set_name(name);
      resource.set_type(mesos::v1::Value::SCALAR);
      resource.mutable_scalar()->set_value(value);
    }
  }
  return status;
}

}  // namespace mesolith::master
