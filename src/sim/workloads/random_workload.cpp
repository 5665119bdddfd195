// SPDX-License-Identifier: Apache-2.0
// A framework that does anything a framework may do, by chance: it launches tasks of any size and
// duration, some of which fail, with and without executors, in groups; kills; declines with filters
// of any length; sits on offers until they may be void; suppresses and revives; asks for
// reconciliation. Where the scenario has endings it may tear itself down, says so again until it is
// told that it has been removed, and comes back as another framework.
#include <fmt/format.h>

#include <map>
#include <optional>

#include "model/task_state.hpp"
#include "sim/framework_node.hpp"
#include "sim/workload.hpp"
#include "sim/workloads/operations.hpp"
#include "sim/workloads/tasks.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

using mesos::v1::FrameworkInfo;
using mesos::v1::scheduler::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

class RandomWorkload : public Workload {
 public:
  RandomWorkload(World& world, FrameworkNode& node, FrameworkPlan plan)
      : world_(world), rng_(world.rng.next()), node_(node), plan_(std::move(plan)) {}

  FrameworkInfo info() override;
  void started() override;
  void on_event(const SchedulerEvent& event) override;
  bool on_aborted(const std::string& message) override;

 private:
  enum class Standing { asked, running, ended };

  Duration random_wait(double seconds_max) {
    return seconds_or(rng_.uniform() * seconds_max, Duration::zero());
  }
  void on_offer(const mesos::v1::Offer& offer);
  void answer(const mesos::v1::Offer& offer);
  void launch(const mesos::v1::Offer& offer);
  std::optional<mesos::v1::TaskInfo> cut(const mesos::v1::Offer& offer, model::Quantities& left);
  bool cut_executor(model::Quantities& left);
  void on_update(const mesos::v1::TaskStatus& status);
  void fidget();
  void kill_one();
  void reconcile(bool implicitly);
  void tear_down();

  World& world_;
  Rng rng_;
  FrameworkNode& node_;
  FrameworkPlan plan_;
  uint32_t launched_ = 0, accepted_ = 0;
  bool suppressed_ = false;
  bool leaving_ = false;
  const model::Quantities executor_size_{
      {model::cpus, 100}, {model::mem, 32'000}, {model::disk, 1'000}};
  std::map<TaskId, Standing> tasks_;
};

FrameworkInfo RandomWorkload::info() {
  using Capability = FrameworkInfo::Capability;
  FrameworkInfo info;
  info.set_user("root");
  info.set_name(node_.name());
  // A master that restarts forgets who was removed, and waits for it so long.
  info.set_failover_timeout(world_.scenario.endings ? 20 : 1e6);
  info.set_checkpoint(rng_.chance(0.8));
  if (rng_.chance(0.7)) {
    info.add_roles(plan_.role);
    info.add_capabilities()->set_type(Capability::MULTI_ROLE);
  } else {
    info.set_role(plan_.role);
  }
  if (rng_.chance(0.6)) info.add_capabilities()->set_type(Capability::PARTITION_AWARE);
  if (rng_.chance(0.5)) info.add_capabilities()->set_type(Capability::TASK_KILLING_STATE);
  if (rng_.chance(0.5)) info.add_capabilities()->set_type(Capability::RESERVATION_REFINEMENT);
  return info;
}

// A driver remembers what is suppressed over reconnections, but not over restarts.
void RandomWorkload::started() {
  suppressed_ = false;
  node_.later(random_wait(1.0), [this] { fidget(); });
}

void RandomWorkload::on_event(const SchedulerEvent& event) {
  if (leaving_) {
    if (event.type() == SchedulerEvent::SUBSCRIBED) tear_down();
    return;
  }
  if (event.type() == SchedulerEvent::OFFERS) {
    for (const auto& offer : event.offers().offers()) on_offer(offer);
  } else if (event.type() == SchedulerEvent::UPDATE) {
    on_update(event.update().status());
  } else if (event.type() == SchedulerEvent::UPDATE_OPERATION_STATUS) {
    const auto& status = event.update_operation_status().status();
    if (status.has_uuid()) node_.call(make_operation_acknowledgement(status));
  } else if (event.type() == SchedulerEvent::SUBSCRIBED && rng_.chance(0.5)) {
    reconcile(rng_.chance(0.5));
  }
}

void RandomWorkload::on_offer(const mesos::v1::Offer& offer) {
  if (rng_.chance(0.8)) return answer(offer);
  // By then it may have been rescinded.
  node_.later(random_wait(rng_.chance(0.2) ? 5.0 : 0.5), [this, offer] { answer(offer); });
}

void RandomWorkload::answer(const mesos::v1::Offer& offer) {
  if (world_.launching() && launched_ < world_.scenario.tasks_max && rng_.chance(0.75)) {
    return launch(offer);
  }
  node_.call(make_decline(offer, rng_.chance(0.3) ? 0.0 : rng_.uniform() * 4));
}

std::optional<mesos::v1::TaskInfo> RandomWorkload::cut(const mesos::v1::Offer& offer,
                                                       model::Quantities& left) {
  const model::Quantities size{
      {model::cpus, 100 * static_cast<model::Millis>(1 + rng_.below(12))},
      {model::mem, 1000 * static_cast<model::Millis>(32 + rng_.below(900))}};
  if (!left.contains(size)) return std::nullopt;
  left -= size;
  const auto most =
      std::chrono::duration_cast<std::chrono::milliseconds>(world_.scenario.task_duration_max);
  Program program;
  program.duration = std::chrono::milliseconds(rng_.below(static_cast<uint64_t>(most.count())));
  program.exit_code = rng_.chance(0.15) ? 1 : 0;
  program.heeds_sigterm = rng_.chance(0.8);
  const TaskId id(fmt::format("{}.{}", node_.name(), launched_++));
  tasks_[id] = Standing::asked;
  mesos::v1::TaskInfo task = make_task(offer, id.value, size, program);
  if (rng_.chance(0.15)) add_health_check(task, rng_.chance(0.5));
  return task;
}

// Which may run already: what it uses is set aside all the same.
bool RandomWorkload::cut_executor(model::Quantities& left) {
  if (!left.contains(executor_size_)) return false;
  left -= executor_size_;
  return true;
}

void RandomWorkload::launch(const mesos::v1::Offer& offer) {
  model::Quantities left = unreserved_of(offer);
  Call accept = make_accept(offer, rng_.uniform() * 3);
  if (world_.scenario.operations) {
    add_operations(rng_, offer, plan_.role, fmt::format("{}.op-{}", node_.name(), ++accepted_),
                   left, accept);
  }
  const bool custom = rng_.chance(0.2) && cut_executor(left);
  const std::string executor_id =
      fmt::format("{}.executor-{}", node_.name(), custom ? rng_.below(2) : launched_ + 2);
  for (uint64_t count = rng_.below(4); count > 0; --count) {
    auto task = cut(offer, left);
    if (!task) break;
    if (world_.scenario.operations) use_volume(rng_, offer, *task);
    if (custom) give_to(make_executor(offer, executor_id, executor_size_, false), *task);
    add_launch(accept, *std::move(task));
  }
  if (!custom && rng_.chance(0.2) && cut_executor(left)) {
    std::vector<mesos::v1::TaskInfo> group;
    for (uint64_t count = 1 + rng_.below(3); count > 0; --count) {
      if (auto task = cut(offer, left)) group.push_back(*std::move(task));
    }
    if (!group.empty()) {
      const auto executor = make_executor(offer, executor_id, executor_size_, true);
      add_launch_group(accept, executor, group);
    }
  }
  node_.call(std::move(accept));
}

void RandomWorkload::on_update(const mesos::v1::TaskStatus& status) {
  const auto found = tasks_.find(TaskId(status.task_id().value()));
  if (found == tasks_.end()) return;
  const bool ended = model::is_terminal(status.state());
  if (ended && is_definite(status.state())) {
    tasks_.erase(found);
  } else {
    found->second = ended ? Standing::ended : Standing::running;
  }
}

void RandomWorkload::kill_one() {
  if (tasks_.empty()) return;
  auto chosen = tasks_.begin();
  std::advance(chosen, rng_.below(tasks_.size()));
  Call call;
  call.set_type(Call::KILL);
  call.mutable_kill()->mutable_task_id()->set_value(chosen->first.value);
  if (rng_.chance(0.3)) {
    const auto grace = static_cast<int64_t>(rng_.below(2'000'000'000));
    call.mutable_kill()->mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(grace);
  }
  node_.call(std::move(call));
}

void RandomWorkload::reconcile(bool implicitly) {
  Call call;
  call.set_type(Call::RECONCILE);
  call.mutable_reconcile();
  if (!implicitly) {
    for (const auto& [id, standing] : tasks_) {
      call.mutable_reconcile()->add_tasks()->mutable_task_id()->set_value(id.value);
    }
    if (call.reconcile().tasks().empty()) return;
  }
  node_.call(std::move(call));
}

void RandomWorkload::tear_down() {
  leaving_ = true;
  Call call;
  call.set_type(Call::TEARDOWN);
  node_.call(std::move(call));
}

bool RandomWorkload::on_aborted(const std::string& message) {
  if (message != "Framework has been removed") return false;
  if (!node_.removal_expected() && !world_.scenario.endings) return false;
  node_.end();
  leaving_ = false;
  tasks_.clear();
  world_.schedule.after(random_wait(2.0), [this] {
    if (!node_.up()) node_.start();
  });
  return true;
}

void RandomWorkload::fidget() {
  node_.later(random_wait(2.0), [this] { fidget(); });
  if (node_.state().phase != frameworks::driver::Phase::subscribed || leaving_) return;
  if (world_.scenario.endings && !world_.quiet() && rng_.chance(0.03)) return tear_down();
  if (world_.launching() && rng_.chance(0.25)) kill_one();
  if (rng_.chance(0.25)) reconcile(!world_.quiet() && rng_.chance(0.3));
  if (!world_.launching() ? suppressed_ : rng_.chance(0.1)) {
    Call call;
    call.set_type(suppressed_ ? Call::REVIVE : Call::SUPPRESS);
    suppressed_ = !suppressed_;
    node_.call(std::move(call));
  }
}

}  // namespace

std::unique_ptr<Workload> make_random_workload(World& world, FrameworkNode& node,
                                               const FrameworkPlan& plan) {
  return std::make_unique<RandomWorkload>(world, node, plan);
}

}  // namespace mesolith::sim
