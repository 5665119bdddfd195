// SPDX-License-Identifier: Apache-2.0
// Maintenance (mesos-api.md 3.1, 7.6): a schedule of machines and when they are not available. A
// scheduled machine is DRAINING until it is taken DOWN: its agents are shut down and may not come
// back until it is UP again, which takes it from the schedule.
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <set>

#include "master/core/operator_calls.hpp"
#include "master/core/snapshot.hpp"
#include "model/machines.hpp"

namespace mesolith::master {
namespace {

using google::protobuf::util::MessageDifferencer;
using mesos::v1::MachineInfo;
using mesos::v1::maintenance::Schedule;
constexpr size_t machines_max = 10'000;  // of a schedule

using Machines = google::protobuf::RepeatedPtrField<mesos::v1::MachineID>;

const MachineInfo* find(const registry::Cluster& cluster, const mesos::v1::MachineID& id) {
  for (const MachineInfo& machine : cluster.machines()) {
    if (model::same_machine(machine.id(), id)) return &machine;
  }
  return nullptr;
}

// The machine of an agent, if it is scheduled.
const MachineInfo* machine_of(const State& state, const std::string& hostname,
                              const std::string& ip) {
  for (const MachineInfo& machine : state.cluster.machines()) {
    if (model::is_machine(machine.id(), hostname, ip)) return &machine;
  }
  return nullptr;
}

std::optional<std::string> problem_of(const registry::Cluster& cluster, const Schedule& schedule) {
  std::set<std::string> seen;
  for (const auto& window : schedule.windows()) {
    if (window.machine_ids().empty()) {
      return std::string("List of machines in the maintenance window is empty");
    }
    if (window.unavailability().duration().nanoseconds() < 0) {
      return std::string("Unavailability duration is negative");
    }
    for (const auto& id : window.machine_ids()) {
      if (auto valid = model::validate_machine(id); !valid) return valid.error().message;
      if (seen.size() == machines_max) {
        return fmt::format("A schedule holds at most {} machines", machines_max);
      }
      if (!seen.insert(model::machine_key(id)).second) {
        return fmt::format("Machine '{}' appears more than once in the schedule",
                           model::describe_machine(id));
      }
    }
  }
  for (const MachineInfo& machine : cluster.machines()) {
    if (machine.mode() != MachineInfo::DOWN || seen.contains(model::machine_key(machine.id()))) {
      continue;
    }
    return fmt::format("Machine '{}' is down and cannot be removed from the schedule",
                       model::describe_machine(machine.id()));
  }
  return std::nullopt;
}

// All of them must be in that mode; why not, if not.
std::optional<std::string> problem_of(const registry::Cluster& cluster, const Machines& machines,
                                      MachineInfo::Mode mode, const char* otherwise) {
  if (machines.empty()) return std::string("List of machines is empty");
  for (const auto& id : machines) {
    if (auto valid = model::validate_machine(id); !valid) return valid.error().message;
    const MachineInfo* known = find(cluster, id);
    if (!known) {
      return fmt::format("Machine '{}' is not part of a maintenance schedule",
                         model::describe_machine(id));
    }
    if (known->mode() != mode) {
      return fmt::format("Machine '{}' is not in {} mode and cannot be brought {}",
                         model::describe_machine(id), MachineInfo::Mode_Name(mode), otherwise);
    }
  }
  return std::nullopt;
}

void take_from_schedule(registry::Cluster& cluster, const mesos::v1::MachineID& gone) {
  auto& machines = *cluster.mutable_machines();
  machines.erase(std::remove_if(machines.begin(), machines.end(),
                                [&](const MachineInfo& machine) {
                                  return model::same_machine(machine.id(), gone);
                                }),
                 machines.end());
  auto& windows = *cluster.mutable_schedule()->mutable_windows();
  for (auto& window : windows) {
    auto& ids = *window.mutable_machine_ids();
    ids.erase(std::remove_if(ids.begin(), ids.end(),
                             [&](const auto& id) { return model::same_machine(id, gone); }),
              ids.end());
  }
  windows.erase(std::remove_if(windows.begin(), windows.end(),
                               [](const auto& window) { return window.machine_ids().empty(); }),
                windows.end());
}

// Its machine's window has begun, changed or gone: what was offered was offered otherwise.
void set_unavailability(Turn turn, Agent& agent,
                        const std::optional<mesos::v1::Unavailability>& unavailability) {
  const bool same =
      agent.unavailability.has_value() == unavailability.has_value() &&
      (!unavailability || MessageDifferencer::Equals(*agent.unavailability, *unavailability));
  if (same) return;
  for (const OfferId& id : std::set<OfferId>(agent.offers)) rescind(turn, id);
  drop_inverse_offers(turn, agent);
  agent.unavailability = unavailability;
  if (unavailability) {
    turn.state.unavailable_agents.insert(agent.id);
    turn.state.inverse_offers_due = true;
  } else {
    turn.state.unavailable_agents.erase(agent.id);
  }
}

}  // namespace

void begin_schedule(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const Schedule& schedule = called.call.update_maintenance_schedule().schedule();
  if (const auto problem = problem_of(state.cluster, schedule)) {
    return answer(turn, called.request, 400, *problem);
  }
  registry::Cluster wanted = state.cluster;
  *wanted.mutable_schedule() = schedule;
  wanted.clear_machines();
  for (const auto& window : schedule.windows()) {
    for (const auto& id : window.machine_ids()) {
      MachineInfo& machine = *wanted.add_machines();
      const MachineInfo* known = find(state.cluster, id);
      *machine.mutable_id() = id;
      machine.set_mode(known ? known->mode() : MachineInfo::DRAINING);
      *machine.mutable_unavailability() = window.unavailability();
    }
  }
  persist_cluster(turn, called, std::move(wanted));
}

void begin_machines_down(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const auto& machines = called.call.start_maintenance().machines();
  if (const auto problem = problem_of(state.cluster, machines, MachineInfo::DRAINING, "down")) {
    return answer(turn, called.request, 400, *problem);
  }
  registry::Cluster wanted = state.cluster;
  for (MachineInfo& machine : *wanted.mutable_machines()) {
    for (const auto& id : machines) {
      if (model::same_machine(machine.id(), id)) machine.set_mode(MachineInfo::DOWN);
    }
  }
  persist_cluster(turn, called, std::move(wanted));
}

void begin_machines_up(Turn turn, const OperatorCalled& called) {
  State& state = turn.state;
  const auto& machines = called.call.stop_maintenance().machines();
  if (const auto problem = problem_of(state.cluster, machines, MachineInfo::DOWN, "up")) {
    return answer(turn, called.request, 400, *problem);
  }
  registry::Cluster wanted = state.cluster;
  for (const auto& id : machines) take_from_schedule(wanted, id);
  persist_cluster(turn, called, std::move(wanted));
}

void apply_maintenance(Turn turn) {
  State& state = turn.state;
  std::vector<AgentId> down;
  for (auto& [id, agent] : state.agents) {
    if (is_down(state, agent.info.hostname(), agent.ip)) {
      down.push_back(id);
    } else {
      set_unavailability(turn, agent, unavailability_of(state, agent));
    }
  }
  for (const AgentId& id : down) {
    MasterEvent event;
    event.set_type(MasterEvent::SHUTDOWN);
    event.mutable_shutdown()->set_message("Its machine is down for maintenance");
    send(turn, state.agents.at(id), std::move(event));
    remove_agent(turn, id, "its machine is down for maintenance");
  }
}

std::optional<mesos::v1::Unavailability> unavailability_of(const State& state, const Agent& agent) {
  const MachineInfo* machine = machine_of(state, agent.info.hostname(), agent.ip);
  if (!machine || !machine->has_unavailability()) return std::nullopt;
  return machine->unavailability();
}

void note_unavailability(Turn turn, Agent& agent) {
  set_unavailability(turn, agent, unavailability_of(turn.state, agent));
}

bool is_down(const State& state, const std::string& hostname, const std::string& ip) {
  const MachineInfo* machine = machine_of(state, hostname, ip);
  return machine && machine->mode() == MachineInfo::DOWN;
}

mesos::v1::maintenance::ClusterStatus maintenance_status(const State& state) {
  mesos::v1::maintenance::ClusterStatus status;
  for (const MachineInfo& machine : state.cluster.machines()) {
    if (machine.mode() == MachineInfo::DOWN) {
      *status.add_down_machines() = machine.id();
      continue;
    }
    auto& draining = *status.add_draining_machines();
    *draining.mutable_id() = machine.id();
    for (const AgentId& id : state.unavailable_agents) {
      const Agent& agent = state.agents.at(id);
      if (!model::is_machine(machine.id(), agent.info.hostname(), agent.ip)) continue;
      for (const auto& [framework, inverse] : agent.inverse_offers) {
        if (inverse.status) *draining.add_statuses() = *inverse.status;
      }
    }
  }
  return status;
}

}  // namespace mesolith::master
