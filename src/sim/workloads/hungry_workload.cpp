// SPDX-License-Identifier: Apache-2.0
// A framework that always wants more: it fills every offer with equal tasks and never declines what
// it can use.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "sim/framework_node.hpp"
#include "sim/workload.hpp"
#include "sim/workloads/tasks.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

using SchedulerEvent = mesos::v1::scheduler::Event;

class HungryWorkload : public Workload {
 public:
  HungryWorkload(World& world, FrameworkNode& node, FrameworkPlan plan)
      : world_(world), rng_(world.rng.next()), node_(node), plan_(std::move(plan)) {}

  mesos::v1::FrameworkInfo info() override;
  void on_event(const SchedulerEvent& event) override;
  bool on_aborted(const std::string&) override { return false; }

 private:
  void fill(const mesos::v1::Offer& offer);
  Duration duration();

  World& world_;
  Rng rng_;
  FrameworkNode& node_;
  FrameworkPlan plan_;
  uint64_t launched_ = 0;
};

mesos::v1::FrameworkInfo HungryWorkload::info() {
  mesos::v1::FrameworkInfo info;
  info.set_user("root");
  info.set_name(node_.name());
  info.set_failover_timeout(1e6);
  info.add_roles(plan_.role);
  info.add_capabilities()->set_type(mesos::v1::FrameworkInfo::Capability::MULTI_ROLE);
  return info;
}

void HungryWorkload::on_event(const SchedulerEvent& event) {
  if (event.type() != SchedulerEvent::OFFERS) return;
  for (const auto& offer : event.offers().offers()) fill(offer);
}

// Normal with a deviation of a third of the mean (Box and Muller 1958), never below a tenth of it.
Duration HungryWorkload::duration() {
  const double mean = to_seconds(world_.scenario.task_duration_max);
  const double radius = std::sqrt(-2 * std::log(1 - rng_.uniform()));
  const double normal = radius * std::cos(2 * std::numbers::pi * rng_.uniform());
  const double seconds = std::max(mean * (1 + normal / 3), mean / 10);
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

void HungryWorkload::fill(const mesos::v1::Offer& offer) {
  const model::Quantities size = size_of(plan_);
  const uint32_t most = world_.scenario.tasks_max;
  if (!world_.launching() || (most != 0 && launched_ >= most)) {
    return node_.call(make_decline(offer, 3600));
  }
  model::Quantities left = amounts_of(offer);
  if (!left.contains(size)) return node_.call(make_decline(offer, 60));
  auto accept = make_accept(offer, 60);
  while (left.contains(size) && (most == 0 || launched_ < most)) {
    left -= size;
    const std::string id = fmt::format("{}.{}", node_.name(), launched_++);
    add_launch(accept, make_task(offer, id, size, {duration(), 0, true}));
  }
  node_.call(std::move(accept));
}

}  // namespace

std::unique_ptr<Workload> make_hungry_workload(World& world, FrameworkNode& node,
                                               const FrameworkPlan& plan) {
  return std::make_unique<HungryWorkload>(world, node, plan);
}

}  // namespace mesolith::sim
