// SPDX-License-Identifier: Apache-2.0
#include "sim/framework_node.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "model/framework_info.hpp"
#include "sim/describe.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {

namespace driver = frameworks::driver;

namespace {

// What the last partition held back arrives soon after it has healed.
constexpr Duration late_by_max = std::chrono::seconds(3);

}  // namespace

FrameworkNode::FrameworkNode(World& world, uint32_t number, const FrameworkPlan& plan)
    : world_(world),
      node_(1 + world.scenario.agents + number),
      name_(fmt::format("framework-{}", number)),
      plan_(plan),
      media_(world.rng.chance(0.5) ? wire::Media::json : wire::Media::protobuf),
      timer_(world.schedule, [this] {
        if (driver::next_deadline(*state_) <= world_.now()) {
          if (timer_.spinning()) return world_.fail("timers", name_ + "'s deadline never moves");
          step(driver::Tick{});
        } else {
          timer_.set(driver::next_deadline(*state_));
        }
      }) {
  switch (plan.behavior) {
    case Behavior::random:
      workload_ = make_random_workload(world, *this, plan);
      break;
    case Behavior::hungry:
      workload_ = make_hungry_workload(world, *this, plan);
      break;
    case Behavior::demo:
      workload_ = make_demo_workload(world, *this, plan);
      break;
  }
  info_ = workload_->info();
}

const driver::State& FrameworkNode::state() const {
  CHECK(state_);
  return *state_;
}

void FrameworkNode::start() {
  CHECK(!state_);
  if (workload_->over()) return;
  world_.trace.note(world_.now(), "start", name_);
  ++life_;
  ++starts_;
  driver::Options options;
  options.info = info_;
  if (!framework_id_.empty()) options.info.mutable_id()->set_value(framework_id_.value);
  options.masters = {MasterNode::address()};
  options.backoff_max = std::chrono::seconds(2);
  options.kill_retry = std::chrono::seconds(2);
  options.reconcile_retry_min = std::chrono::seconds(1);
  state_ = std::make_unique<driver::State>(std::move(options), world_.rng.next());
  step(driver::Started{});
  workload_->started();
}

void FrameworkNode::crash() {
  if (!state_) return;
  world_.trace.note(world_.now(), "crash", name_);
  go_down();
  if (workload_->resumes()) return;
  if (!framework_id_.empty()) ended_.insert(framework_id_);
  framework_id_ = {};
}

void FrameworkNode::end() {
  if (!state_) return;
  world_.trace.note(world_.now(), "end", name_);
  go_down();
  if (!framework_id_.empty()) ended_.insert(framework_id_);
  framework_id_ = {};
  removal_expected_ = false;
}

void FrameworkNode::go_down() {
  session_.reset();
  world_.network.down(node_);
  timer_.cancel();
  waiting_.clear();
  state_.reset();
  workload_->stopped();
}

void FrameworkNode::call(mesos::v1::scheduler::Call call) {
  if (!up()) return;
  record_request(call);
  if (call.type() == mesos::v1::scheduler::Call::TEARDOWN) removal_expected_ = true;
  step(driver::Requested{std::move(call)});
}

void FrameworkNode::later(Duration wait, Schedule::Action action) {
  world_.schedule.after(wait, [this, life = life_, action = std::move(action)]() mutable {
    if (life == life_ && up() && !world_.failed()) action();
  });
}

void FrameworkNode::step(driver::Event event) {
  waiting_.push_back(std::move(event));
  if (stepping_) return;
  stepping_ = true;
  while (!waiting_.empty() && up() && !world_.failed()) {
    const driver::Event next = std::move(waiting_.front());
    waiting_.pop_front();
    world_.trace.note(world_.now(), "step", name_, kind_of(next), [&] { return describe(next); });
    driver::Effects effects;
    driver::step(*state_, world_.now(), next, effects);
    for (driver::Effect& effect : effects) {
      if (up()) perform(effect);
    }
  }
  stepping_ = false;
  if (up()) timer_.set(driver::next_deadline(*state_));
}

void FrameworkNode::perform(driver::Effect& effect) {
  std::visit([&](const auto& out) { perform(out); }, effect);
}

void FrameworkNode::perform(const driver::Connect& connect) {
  SessionCallbacks callbacks;
  callbacks.on_subscribed = [this] { step(driver::Opened{}); };
  callbacks.on_record = [this](const std::string& record) {
    driver::Received received;
    if (auto decoded = wire::decode(media_, record, received.event); !decoded) {
      return world_.fail("codec", decoded.error().message);
    }
    world_.trace.note(world_.now(), "receive", name_, record);
    step(std::move(received));
  };
  callbacks.on_refused = [this](const wire::Response& response) {
    step(driver::Refused{response.status, "", response.body});
  };
  callbacks.on_closed = [this](const std::string& reason) { step(driver::Closed{reason}); };
  SessionOptions options;
  options.client = node_;
  options.server = MasterNode::node;
  options.path = "/api/v1/scheduler";
  options.media = media_;
  session_ = std::make_unique<RecordSession>(world_.schedule, world_.network, world_.rng,
                                             std::move(options), std::move(callbacks));
  session_->subscribe(wire::encode(media_, connect.subscribe));
}

void FrameworkNode::perform(const driver::Send& out) {
  if (session_) session_->send(wire::encode(media_, out.call));
}

void FrameworkNode::perform(const driver::Deliver& deliver) {
  using SchedulerEvent = mesos::v1::scheduler::Event;
  const SchedulerEvent& event = deliver.event;
  switch (event.type()) {
    case SchedulerEvent::SUBSCRIBED: {
      const FrameworkId id(event.subscribed().framework_id().value());
      if (!framework_id_.empty() && id != framework_id_) {
        return world_.fail("identity", name_ + " was " + framework_id_.value + " and was told " +
                                           "that it is " + id.value);
      }
      framework_id_ = id;
      break;
    }
    case SchedulerEvent::OFFERS:
      last_offers_ = world_.now();
      break;
    case SchedulerEvent::UPDATE:
      record_update(event.update().status());
      break;
    default:
      break;
  }
  workload_->on_event(event);
}

void FrameworkNode::perform(const driver::Disconnected& disconnected) {
  workload_->on_disconnected(disconnected.reason);
}

void FrameworkNode::perform(const driver::Abort& abort) {
  const Time heard_by = world_.start + world_.scenario.faults_to + late_by_max;
  if (starts_ > 1 && world_.now() < heard_by && abort.message == "Framework failed over") {
    world_.trace.note(world_.now(), "aborted", name_);
    return later(std::chrono::seconds(1), [this] {
      crash();
      start();
    });
  }
  if (workload_->on_aborted(abort.message)) return;
  world_.fail("identity", name_ + " was turned away: " + abort.message);
}

void FrameworkNode::record_request(const mesos::v1::scheduler::Call& call) {
  if (call.type() == mesos::v1::scheduler::Call::KILL) {
    TaskRecord& killed = world_.ledger[{framework_id_, TaskId(call.kill().task_id().value())}];
    killed.kill_requested = true;
    if (killed.group.empty()) return;
    for (auto& [key, record] : world_.ledger) {
      if (key.first == framework_id_ && record.group == killed.group) record.kill_requested = true;
    }
    return;
  }
  for (const auto& operation : call.accept().operations()) {
    for (const auto& task : operation.launch().task_infos()) record_launch(task, "");
    const auto& group = operation.launch_group().task_group().tasks();
    for (const auto& task : group) record_launch(task, group[0].task_id().value());
  }
}

void FrameworkNode::record_launch(const mesos::v1::TaskInfo& task, const std::string& group) {
  using Capability = mesos::v1::FrameworkInfo::Capability;
  TaskRecord& record = world_.ledger[{framework_id_, TaskId(task.task_id().value())}];
  record.requested = world_.now();
  record.agent_id = AgentId(task.agent_id().value());
  record.checkpoint = info_.checkpoint();
  record.partition_aware = model::has_capability(info_, Capability::PARTITION_AWARE);
  record.by_executor = task.has_executor();
  if (task.has_health_check()) record.kill_requested = true;  // may come at any time
  record.group = group;
}

void FrameworkNode::record_update(const mesos::v1::TaskStatus& status) {
  const TaskKey task{framework_id_, TaskId(status.task_id().value())};
  world_.ledger[task].told.push_back({world_.now(), status.state(), status.uuid()});
  world_.check([&](Checker& each) { return each.told(*this, task); });
}

}  // namespace mesolith::sim
