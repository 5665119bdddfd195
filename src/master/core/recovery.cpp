// SPDX-License-Identifier: Apache-2.0
// The start of a master: its identity, and the agents of the registry. Nothing is served before the
// new incarnation is durable, so that no id is ever given twice.
#include "base/check.hpp"
#include "master/core/operator_calls.hpp"

namespace mesolith::master {
namespace {

// IPv4 as four bytes in network order read little-endian (mesos-api.md 6.2); 0 for anything else.
uint32_t packed_ip(const std::string& ip) {
  uint32_t packed = 0;
  uint32_t part = 0;
  int parts = 0;
  for (const char c : ip + ".") {
    if (c >= '0' && c <= '9') {
      part = part * 10 + static_cast<uint32_t>(c - '0');
    } else if (c == '.' && parts < 4 && part < 256) {
      packed |= part << (8 * parts++);
      part = 0;
    } else {
      return 0;
    }
  }
  return parts == 4 ? packed : 0;
}

mesos::v1::MasterInfo master_info(const Options& options, const std::string& id) {
  mesos::v1::MasterInfo info;
  info.set_id(id);
  info.set_ip(packed_ip(options.ip));
  info.set_port(options.port);
  info.set_pid("master@" + options.ip + ":" + std::to_string(options.port));
  info.set_hostname(options.hostname);
  info.set_version(options.version);
  info.mutable_address()->set_hostname(options.hostname);
  info.mutable_address()->set_ip(options.ip);
  info.mutable_address()->set_port(options.port);
  using Capability = mesos::v1::MasterInfo::Capability;
  for (const auto type :
       {Capability::AGENT_UPDATE, Capability::AGENT_DRAINING, Capability::QUOTA_V2}) {
    info.add_capabilities()->set_type(type);
  }
  return info;
}

}  // namespace

State::State(Options given, uint64_t seed, Time now)
    : options(std::move(given)),
      rng(seed),
      allocator(options.allocator),
      started(now),
      weights(options.weights) {
  for (const auto& [role, weight] : weights) allocator.set_weight(role, weight);
}

void on(Turn turn, const RegistryRecovered& recovered) {
  State& state = turn.state;
  CHECK(!state.recovered && state.pending.empty());
  state.master_id = state.rng.uuid_text();
  if (recovered.master) {
    state.record = *recovered.master;
  } else {
    state.record.set_id(state.master_id);
    state.record.set_agents_admitted(0);
    state.record.set_incarnation(0);
  }
  state.record.set_incarnation(state.record.incarnation() + 1);
  if (recovered.cluster) state.cluster = *recovered.cluster;
  recover_weights(state);
  recover_quotas(state);
  state.info = master_info(state.options, state.master_id);
  for (const registry::Agent& agent : recovered.agents) {
    const AgentId id(agent.info().id().value());
    recover_deactivation(state, agent);
    const Time since{Duration(agent.since().nanoseconds())};
    switch (agent.standing()) {
      case registry::Agent::ADMITTED: {
        const Time deadline = saturating_add(turn.now, state.options.agent_reregister_timeout);
        state.recovered_agents[id] = {agent.info(), deadline};
        state.reregistrations.insert({deadline, id});
        break;
      }
      case registry::Agent::UNREACHABLE:
        state.unreachable_agents[id] = {agent.info(), since};
        break;
      case registry::Agent::GONE:
        state.gone_agents.insert(id);
        break;
    }
  }
  Persist change;
  change.master = state.record;
  persist(turn, std::move(change), PendingStart{});
}

}  // namespace mesolith::master
