// SPDX-License-Identifier: Apache-2.0
// The hands of a simulated agent: what its core asks of containers, and what they tell it.
#include <fmt/format.h>

#include "base/check.hpp"
#include "sim/agent_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

// Beyond those of every node that a scenario counts; each agent has its own thousands.
constexpr NodeId executor_nodes = 1'000'000, executors_per_agent = 10'000;

model::Quantities quantities(double cpus, double mem_bytes) {
  return {{model::cpus, model::to_millis(cpus)},
          {model::mem, model::to_millis(mem_bytes / (1 << 20))}};
}

Duration up_to(Rng& rng, Duration most) {
  return Duration(static_cast<int64_t>(rng.below(static_cast<uint64_t>(most.count()) + 1)));
}

}  // namespace

void AgentNode::perform(const agent::FetchUris& out) {
  preparing_[out.container_id] = {};
  const Duration wait = up_to(world_.rng, std::chrono::milliseconds(40));
  world_.schedule.after(wait, [this, life = life_, id = out.container_id] {
    if (life != life_ || !up()) return;
    using Failed = agent::ContainerLaunchFailed;
    const bool destroyed = preparing_.at(id).destroyed;
    preparing_.erase(id);
    if (destroyed) return notify(Failed{id, Failed::Cause::destroyed, "destroyed"});
    const bool faulty = world_.scenario.faults && !world_.quiet();
    if (faulty && world_.rng.chance(0.1)) {
      return notify(Failed{id, Failed::Cause::fetch_failed, "nobody answers"});
    }
    notify(agent::UrisFetched{id});
  });
}

void AgentNode::perform(const agent::MakeVolume& made) {
  volumes_.insert(made.path);
}

void AgentNode::perform(const agent::RemoveVolume& removed) {
  if (trash_.insert(removed.trash).second) volumes_.erase(removed.path);
}

void AgentNode::perform(const agent::LaunchContainer& out) {
  if (state_->probes.contains(out.container_id)) {  // a check of a task, whose answer is made up
    notify(agent::ContainerLaunched{out.container_id, 1});
    notify(agent::ContainerExited{out.container_id, world_.rng.chance(0.2) ? 256 : 0, {}});
    return;
  }
  for (const agent::VolumeLink& link : out.volumes) {
    if (volumes_.contains(link.volume)) continue;
    world_.fail("volumes", name_ + " starts a task on " + link.volume + ", which is not there");
  }
  Preparation preparation;
  const auto owner = state_->containers.find(out.container_id);
  if (owner == state_->containers.end()) return;  // a checker has complained
  const auto& [framework_id, executor_id, task_id] = owner->second;
  const agent::Framework& framework = state_->frameworks.at(framework_id);
  preparation.executor = task_id.empty();
  preparation.task = {framework_id, preparation.executor ? TaskId(executor_id.value) : task_id};
  preparation.checkpoint = framework.checkpoint;
  preparing_[out.container_id] = preparation;
  const Duration wait = up_to(world_.rng, std::chrono::milliseconds(40));
  world_.schedule.after(wait, [this, life = life_, out] {
    if (life == life_ && up()) launch(out);
  });
}

void AgentNode::launch(const agent::LaunchContainer& out) {
  using Failed = agent::ContainerLaunchFailed;
  const Preparation preparation = preparing_.at(out.container_id);
  preparing_.erase(out.container_id);
  const auto fail = [&](Failed::Cause cause, const char* message) {
    notify(Failed{out.container_id, cause, message});
  };
  if (preparation.destroyed) return fail(Failed::Cause::destroyed, "destroyed");
  if (!preparation.executor && !program_of(out.arguments)) {
    return fail(Failed::Cause::exec_failed, "no such program");
  }
  const bool faulty = world_.scenario.faults && !world_.quiet();
  if (faulty && world_.rng.chance(0.04)) {
    return fail(world_.rng.chance(0.5) ? Failed::Cause::fetch_failed : Failed::Cause::system,
                "the disk said no");
  }
  spawn(out, preparation);
  if (world_.scenario.plant == Plant::started_twice && world_.rng.chance(0.1)) {
    spawn(out, preparation);
  }
}

void AgentNode::spawn(const agent::LaunchContainer& out, const Preparation& preparation) {
  Program program;
  program.duration = std::chrono::hours(24);
  if (!preparation.executor) program = *program_of(out.arguments);
  const int64_t pid = containers_.spawn(out.container_id, preparation.task, program,
                                        quantities(out.cpus, out.mem_bytes), !preparation.executor);
  const std::string& what = preparation.task.second.value;
  world_.trace.note(world_.now(), "spawn", name_, out.container_id.value,
                    [&] { return out.container_id.value + " for " + what; });
  notify(agent::ContainerLaunched{out.container_id, pid});
  if (preparation.executor) {
    spawn_executor(out.container_id, preparation);
  } else {
    record_start(out.container_id, preparation.task);
  }
}

void AgentNode::spawn_executor(const ContainerId& id, const Preparation& preparation) {
  ExecutorPlace place;
  place.node = executor_nodes + node_ * executors_per_agent + executors_made_++;
  place.agent = node_;
  place.framework_id = preparation.task.first;
  place.executor_id = ExecutorId(preparation.task.second.value);
  place.checkpoint = preparation.checkpoint;
  ExecutorCallbacks callbacks;
  callbacks.task_started = [this, id](const TaskKey& task) {
    world_.ledger[task].by_executor = true;
    record_start(id, task);
  };
  callbacks.task_ended = [this, id](const TaskKey& task, int status) {
    record_end(id, task, status, false);
  };
  callbacks.end_acknowledged = [this](const TaskKey& task) {
    world_.ledger[task].end_acknowledged = true;
  };
  callbacks.exit = [this, id](int code) { containers_.exit(id, (code & 0xff) << 8); };
  executors_[id] = std::make_unique<Executor>(world_, std::move(place), std::move(callbacks));
}

void AgentNode::record_start(const ContainerId& id, const TaskKey& task) {
  world_.ledger[task].containers.push_back({name_, id, world_.now()});
  world_.check([&](Checker& each) { return each.container_started(*this, task); });
}

void AgentNode::record_end(const ContainerId& id, const TaskKey& task, int status, bool destroyed) {
  for (ContainerRecord& record : world_.ledger[task].containers) {
    if (record.container_id != id || record.ended) continue;
    record.ended = world_.now();
    record.status = status;
    record.destroyed = destroyed;
  }
}

void AgentNode::on_exit(const ContainerId& id, const Containers::Container& container) {
  world_.trace.note(world_.now(), "exit", name_, id.value, [&] {
    return fmt::format("{} of {}, status {}", id.value, container.task.second.value,
                       *container.exit_status);
  });
  if (executors_.erase(id) == 0) {
    record_end(id, container.task, *container.exit_status, container.touched);
  } else {  // what it still ran ends with it
    for (auto& [task, record] : world_.ledger) {
      if (record.by_executor) record_end(id, task, *container.exit_status, true);
    }
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

void AgentNode::perform(const agent::ProbePort& out) {
  notify(agent::Probed{out.probe, world_.rng.chance(0.8), std::nullopt, "refused"});
}

void AgentNode::perform(const agent::CancelProbe&) {}

void AgentNode::perform(const agent::SignalContainer& out) {
  containers_.signal(out.container_id, out.signal);
}

void AgentNode::perform(const agent::ResizeContainer& out) {
  containers_.resize(out.container_id, quantities(out.cpus, out.mem_bytes));
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

void AgentNode::perform(const agent::MeasureDisk&) {
  notify(agent::DiskMeasured{0.0});
}

void AgentNode::perform(const agent::FindSandboxes&) {
  notify(agent::SandboxesFound{});
}

void AgentNode::perform(const agent::RemoveSandboxes& out) {
  for (const std::string& directory : out.directories) {
    const ContainerId id(directory.substr(directory.rfind('/') + 1));
    const auto found = containers_.all().find(id);
    CHECK(found == containers_.all().end() || found->second.exit_status);
  }
  notify(agent::SandboxesRemoved{static_cast<uint32_t>(out.directories.size()), 0});
}

}  // namespace mesolith::sim
