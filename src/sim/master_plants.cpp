// SPDX-License-Identifier: Apache-2.0
// Bugs of a master, made on purpose around its core (scenario.hpp, Plant).
#include <algorithm>

#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {

namespace {

bool is_shutdown(const master::Effect& effect) {
  const auto* out = std::get_if<master::SendToAgent>(&effect);
  return out && out->event.type() == protocol::MasterEvent::SHUTDOWN_FRAMEWORK;
}

}  // namespace

// What a task uses is freed at once, as if it had ended, so that it is offered to others; or the
// first agent that should hear of a framework's end does not.
void MasterNode::plant_after(const master::Event& event, master::Effects& effects) {
  using mesos::v1::scheduler::Call;
  if (world_.scenario.plant == Plant::teardown_unheard && !planted_) {
    const auto unheard = std::ranges::find_if(effects, is_shutdown);
    if (unheard == effects.end()) return;
    effects.erase(unheard);
    planted_ = true;
    return;
  }
  if (world_.scenario.plant != Plant::freed_twice || planted_) return;
  const auto* called = std::get_if<master::FrameworkCalled>(&event);
  if (!called || called->call.type() != Call::ACCEPT) return;
  const FrameworkId framework_id(called->call.framework_id().value());
  const auto framework = state_->frameworks.find(framework_id);
  if (framework == state_->frameworks.end()) return;
  for (const auto& operation : called->call.accept().operations()) {
    for (const auto& info : operation.launch().task_infos()) {
      const auto task = framework->second.tasks.find(TaskId(info.task_id().value()));
      if (task == framework->second.tasks.end() || !task->second.holds_resources) continue;
      state_->allocator.recover(world_.now(), framework_id, AgentId(info.agent_id().value()),
                                task->second.resources, Duration::zero());
      planted_ = true;
      return;
    }
  }
}

void MasterNode::drop_update(const master::SendToFramework& out) {
  planted_ = true;
  const auto framework = state_->framework_streams.find(out.stream);
  if (framework == state_->framework_streams.end()) return;
  master::FrameworkCalled called;
  const auto& status = out.event.update().status();
  called.call.set_type(mesos::v1::scheduler::Call::ACKNOWLEDGE);
  called.call.mutable_framework_id()->set_value(framework->second.value);
  *called.call.mutable_acknowledge()->mutable_agent_id() = status.agent_id();
  *called.call.mutable_acknowledge()->mutable_task_id() = status.task_id();
  called.call.mutable_acknowledge()->set_uuid(status.uuid());
  world_.schedule.after(Duration::zero(), [this, life = life_, called] {
    if (life == life_ && up()) step(called);
  });
}

void MasterNode::invent_update(const master::SendToFramework& out) {
  if (out.event.update().status().state() != mesos::v1::TASK_RUNNING) return;
  planted_ = true;
  mesos::v1::scheduler::Event event = out.event;
  event.mutable_update()->mutable_status()->set_state(mesos::v1::TASK_FINISHED);
  event.mutable_update()->mutable_status()->clear_uuid();
  send(out.stream, event);
}

}  // namespace mesolith::sim
