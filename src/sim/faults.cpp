// SPDX-License-Identifier: Apache-2.0
#include "sim/faults.hpp"

#include <cmath>

#include "sim/agent_node.hpp"
#include "sim/framework_node.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

constexpr NodeId operator_node = 999'999;  // beyond those that a scenario counts

template <class Node>
Node& any_of(World& world, const std::vector<std::unique_ptr<Node>>& nodes) {
  return *nodes[world.rng.below(nodes.size())];
}

// Most outages are short; some outlast the timeouts of those who wait.
double outage_seconds(Rng& rng) {
  return rng.chance(0.25) ? 14 : 2;
}

}  // namespace

Duration Faults::up_to(double seconds) {
  return seconds_or(world_.rng.uniform() * seconds, Duration::zero());
}

void Faults::begin() {
  world_.network.weather.spike = world_.rng.chance(0.5) ? 0.03 : 0;
  world_.schedule.at(world_.start + world_.scenario.faults_from, [this] { next(); });
  world_.schedule.at(world_.start + world_.scenario.faults_to, [this] { end(); });
}

void Faults::next() {
  if (over_) return;
  if (world_.scenario.endings && world_.rng.chance(0.3)) {
    end_one();
  } else {
    make_one();
  }
  ++world_.faults_made;
  const double mean = to_seconds(world_.scenario.fault_interval);
  const double wait = -mean * std::log(1 - world_.rng.uniform());
  world_.schedule.after(seconds_or(wait, Duration::zero()), [this] { next(); });
}

void Faults::end() {
  over_ = true;
  world_.network.weather.spike = 0;
  world_.network.heal_all();
  world_.master().disk().set_slowness(1);
  if (!world_.master().up()) world_.master().start();
  for (const auto& agent : world_.agents()) {
    agent->disk().set_slowness(1);
    if (!agent->up()) agent->start();
  }
  for (const auto& framework : world_.frameworks()) {
    if (!framework->up()) framework->start();
  }
}

void Faults::make_one() {
  switch (world_.rng.below(10)) {
    case 0:
      return crash_master();
    case 1:
    case 2:
      return crash_agent();
    case 3:
      return crash_framework();
    case 4:
    case 5:
      return partition(any_of(world_, world_.agents()).node());
    case 6:
      return partition(any_of(world_, world_.frameworks()).node());
    case 7:
      return world_.network.break_any(MasterNode::node, false);
    case 8:
      return world_.network.break_any(MasterNode::node, true);
    default:
      return slow_disk();
  }
}

void Faults::end_one() {
  AgentNode& agent = any_of(world_, world_.agents());
  switch (world_.rng.below(5)) {
    case 0:
      world_.master().stop();
      return restart_master();
    case 1:
      agent.stop();
      return restart(agent);
    case 2:
      return remove_framework();
    default:
      return agent.stop_for_good();
  }
}

void Faults::crash_master() {
  world_.master().crash();
  restart_master();
}

void Faults::restart_master() {
  world_.schedule.after(up_to(3), [this] {
    if (!world_.master().up()) world_.master().start();
  });
}

void Faults::crash_agent() {
  AgentNode& agent = any_of(world_, world_.agents());
  agent.crash();
  restart(agent);
}

void Faults::restart(AgentNode& agent) {
  world_.schedule.after(up_to(outage_seconds(world_.rng)), [&agent] {
    if (!agent.up()) agent.start();
  });
}

// As an operator does it, whose request may never arrive.
void Faults::remove_framework() {
  FrameworkNode& framework = any_of(world_, world_.frameworks());
  if (framework.framework_id().empty()) return;
  framework.expect_removal();
  wire::Request request;
  request.method = "POST";
  request.target = request.path = "/teardown";
  request.body = "frameworkId=" + framework.framework_id().value;
  Handlers handlers;
  handlers.on_message = [this](ConnectionId connection, const Message&) {
    world_.network.close(connection, End::client);
  };
  const ConnectionId connection =
      world_.network.connect(operator_node, MasterNode::node, std::move(handlers));
  world_.network.send(connection, End::client, std::move(request));
}

void Faults::crash_framework() {
  FrameworkNode& framework = any_of(world_, world_.frameworks());
  framework.crash();
  world_.schedule.after(up_to(outage_seconds(world_.rng)), [&framework] {
    if (!framework.up()) framework.start();
  });
}

void Faults::partition(NodeId node) {
  const std::string both = "master and node " + std::to_string(node);
  world_.trace.note(world_.now(), "partition", "network", both, [&] { return std::string(both); });
  world_.network.partition(MasterNode::node, node);
  world_.schedule.after(up_to(outage_seconds(world_.rng)), [this, node, both] {
    world_.trace.note(world_.now(), "heal", "network", both, [&] { return std::string(both); });
    world_.network.heal(MasterNode::node, node);
  });
}

void Faults::slow_disk() {
  Disk& disk =
      world_.rng.chance(0.3) ? world_.master().disk() : any_of(world_, world_.agents()).disk();
  disk.set_slowness(static_cast<uint32_t>(10 + world_.rng.below(90)));
  world_.schedule.after(up_to(5), [&disk] { disk.set_slowness(1); });
}

}  // namespace mesolith::sim
