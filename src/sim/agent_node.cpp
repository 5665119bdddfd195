// SPDX-License-Identifier: Apache-2.0
#include "sim/agent_node.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "model/resources.hpp"
#include "sim/describe.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

constexpr Duration restart_after_exit = std::chrono::seconds(1);

Duration up_to(Rng& rng, Duration most) {
  return Duration(static_cast<int64_t>(rng.below(static_cast<uint64_t>(most.count()) + 1)));
}

}  // namespace

AgentNode::AgentNode(World& world, uint32_t number)
    : world_(world),
      node_(1 + number),
      name_(fmt::format("agent-{}", number)),
      total_{{model::cpus, model::to_millis(world.scenario.agent_cpus)},
             {model::mem, model::to_millis(world.scenario.agent_mem_mb)}},
      disk_(world.schedule, world.rng),
      containers_(world.schedule, world.rng,
                  [this](const ContainerId& id, const Containers::Container& container) {
                    on_exit(id, container);
                  }),
      timer_(world.schedule, [this] {
        if (agent::next_deadline(*state_, world_.now()) <= world_.now()) {
          if (timer_.spinning()) return world_.fail("timers", name_ + "'s deadline never moves");
          step(agent::Tick{});
        } else {
          timer_.set(agent::next_deadline(*state_, world_.now()));
        }
      }) {}

const agent::State& AgentNode::state() const {
  CHECK(state_);
  return *state_;
}

agent::Options AgentNode::options() const {
  agent::Options options;
  options.ip = fmt::format("10.0.1.{}", node_);
  options.info.set_hostname(name_);
  options.info.set_port(5051);
  model::Resources::of(total_).append_to(options.info.mutable_resources(),
                                         model::Format::pre_reservation_refinement);
  options.work_dir = "/var/lib/mesos";
  options.registration_backoff_factor = std::chrono::milliseconds(500);
  options.status_update_retry_min = std::chrono::seconds(1);
  options.status_update_retry_max = std::chrono::seconds(4);
  options.switch_user = false;
  return options;
}

void AgentNode::start() {
  CHECK(!state_);
  world_.trace.note(world_.now(), "start", name_);
  ++life_;
  ++starts_;
  state_ = std::make_unique<agent::State>(options(), world_.rng.next(), world_.now());
  agent::Recovered recovered;
  recovered.records.assign(disk_.durable().begin(), disk_.durable().end());
  recovered.containers = containers_.listing();
  step(recovered);
  world_.schedule.after(up_to(world_.rng, std::chrono::milliseconds(50)), [this, life = life_] {
    if (life == life_ && up()) step(agent::MasterDetected{});
  });
}

void AgentNode::crash() {
  if (!state_) return;
  world_.trace.note(world_.now(), "crash", name_);
  session_.reset();
  world_.network.down(node_);
  disk_.crash();
  timer_.cancel();
  preparing_.clear();
  state_.reset();
}

void AgentNode::step(const agent::Event& event) {
  if (world_.failed()) return;
  world_.trace.note(world_.now(), "step", name_, kind_of(event), [&] { return describe(event); });
  agent::Effects effects;
  agent::step(*state_, world_.now(), event, effects);
  world_.check([&](Checker& each) { return each.after_agent_step(*this, event, effects); });
  for (agent::Effect& effect : effects) {
    if (state_) perform(effect);
  }
  if (!state_ || (world_.scenario.plant == Plant::timer_lost && starts_ > 1)) return;
  timer_.set(agent::next_deadline(*state_, world_.now()));
}

void AgentNode::perform(agent::Effect& effect) {
  std::visit([&](const auto& out) { perform(out); }, effect);
}

void AgentNode::perform(const agent::SubscribeToMaster& out) {
  SessionCallbacks callbacks;
  const auto guarded = [this, life = life_](agent::Event event) {
    if (life == life_ && up()) step(event);
  };
  callbacks.on_subscribed = [] {};
  callbacks.on_record = [this, guarded, connection = out.connection](const std::string& record) {
    agent::MasterEventReceived received{connection, {}};
    CHECK(received.event.ParseFromString(record));
    world_.trace.note(world_.now(), "receive", name_, record);
    guarded(std::move(received));
  };
  callbacks.on_refused = [guarded, connection = out.connection](const wire::Response&) {
    guarded(agent::MasterDisconnected{connection});
  };
  callbacks.on_closed = [guarded, connection = out.connection](const std::string&) {
    guarded(agent::MasterDisconnected{connection});
  };
  SessionOptions options;
  options.client = node_;
  options.server = MasterNode::node;
  options.path = "/api/mesolith/v1/agent";
  session_ = std::make_unique<RecordSession>(world_.schedule, world_.network, world_.rng,
                                             std::move(options), std::move(callbacks));
  session_->subscribe(out.call.SerializeAsString());
}

void AgentNode::perform(const agent::SendToMaster& out) {
  if (session_) session_->send(out.call.SerializeAsString());
}

TaskKey AgentNode::task_of(const ContainerId& id) const {
  const auto owner = state_->containers.find(id);
  if (owner == state_->containers.end()) return {};
  return {owner->second.first, TaskId(owner->second.second.value)};
}

void AgentNode::perform(const agent::LaunchContainer& out) {
  const TaskKey task = task_of(out.container_id);
  preparing_[out.container_id] = {task, false};
  const Duration preparation = up_to(world_.rng, std::chrono::milliseconds(40));
  world_.schedule.after(preparation, [this, life = life_, out] {
    if (life == life_ && up()) launch(out);
  });
}

void AgentNode::launch(const agent::LaunchContainer& out) {
  using Failed = agent::ContainerLaunchFailed;
  const Preparation preparation = preparing_.at(out.container_id);
  preparing_.erase(out.container_id);
  const auto fail = [&](Failed::Cause cause, const char* message) {
    if (!preparation.destroyed) world_.ledger[preparation.task].launch_failed = true;
    notify(Failed{out.container_id, cause, message});
  };
  if (preparation.destroyed) return fail(Failed::Cause::destroyed, "destroyed");
  if (!program_of(out.arguments)) return fail(Failed::Cause::exec_failed, "no such program");
  const bool faulty = world_.scenario.faults && !world_.quiet();
  if (faulty && world_.rng.chance(0.04)) {
    return fail(world_.rng.chance(0.5) ? Failed::Cause::fetch_failed : Failed::Cause::system,
                "the disk said no");
  }
  spawn(out, preparation.task);
  if (world_.scenario.plant == Plant::started_twice && world_.rng.chance(0.1)) {
    spawn(out, preparation.task);
  }
}

void AgentNode::spawn(const agent::LaunchContainer& out, const TaskKey& task) {
  const model::Quantities uses{{model::cpus, model::to_millis(out.cpus)},
                               {model::mem, model::to_millis(out.mem_bytes / (1 << 20))}};
  const int64_t pid = containers_.spawn(out.container_id, task, *program_of(out.arguments), uses);
  world_.trace.note(world_.now(), "spawn", name_, out.container_id.value,
                    [&] { return out.container_id.value + " for task " + task.second.value; });
  world_.ledger[task].containers.push_back({name_, out.container_id, world_.now()});
  notify(agent::ContainerLaunched{out.container_id, pid});
  world_.check([&](Checker& each) { return each.container_started(*this, task); });
}

void AgentNode::on_exit(const ContainerId& id, const Containers::Container& container) {
  world_.trace.note(world_.now(), "exit", name_, id.value, [&] {
    return fmt::format("{} of task {}, status {}", id.value, container.task.second.value,
                       *container.exit_status);
  });
  for (ContainerRecord& record : world_.ledger[container.task].containers) {
    if (record.container_id != id) continue;
    record.ended = world_.now();
    record.status = *container.exit_status;
    record.destroyed = container.touched;
  }
  if (up()) notify(agent::ContainerExited{id, *container.exit_status, std::nullopt});
}

void AgentNode::notify(agent::Event event) {
  last_notice_ =
      std::max(last_notice_, world_.now() + up_to(world_.rng, std::chrono::milliseconds(2)));
  world_.schedule.at(last_notice_, [this, life = life_, event = std::move(event)] {
    if (life == life_ && up()) step(event);
  });
}

void AgentNode::perform(const agent::SignalContainer& out) {
  containers_.signal(out.container_id, out.signal);
}

void AgentNode::perform(const agent::DestroyContainer& out) {
  const auto preparing = preparing_.find(out.container_id);
  if (preparing != preparing_.end()) {
    preparing->second.destroyed = true;
  } else {
    containers_.destroy(out.container_id);
  }
}

void AgentNode::perform(const agent::AcknowledgeContainer& out) {
  containers_.acknowledge(out.container_id);
}

void AgentNode::perform(const agent::Persist& persist) {
  for (const auto& [key, value] : persist.puts) {
    world_.trace.note(world_.now(), "persist", name_, value, [&] { return key; });
  }
  disk_.write({persist.puts, persist.deletes}, [this, life = life_, ticket = persist.ticket] {
    if (life == life_ && up()) step(agent::Persisted{ticket});
  });
}

void AgentNode::perform(const agent::Exit& exit) {
  world_.trace.note(world_.now(), "exits", name_, exit.message, [&] { return exit.message; });
  exit_when_durable();
}

void AgentNode::exit_when_durable() {
  world_.schedule.after(std::chrono::milliseconds(5), [this, life = life_] {
    if (life != life_ || !up()) return;
    if (!disk_.idle()) return exit_when_durable();
    crash();
    world_.schedule.after(restart_after_exit, [this] {
      if (!up()) start();
    });
  });
}

}  // namespace mesolith::sim
