// SPDX-License-Identifier: Apache-2.0
// The fair-sharing demo as it ships: its core on the driver's, watching the master's public JSON
// every few seconds. While there are faults some runs are short: so many tasks, so many seconds, or
// until somebody stops them; the supervisor starts the next run soon. The last one goes on until
// launches end.
#include <fmt/format.h>

#include <deque>
#include <optional>

#include "frameworks/drf_demo/core/drf_demo.hpp"
#include "model/task_state.hpp"
#include "sim/framework_node.hpp"
#include "sim/master_node.hpp"
#include "sim/workload.hpp"
#include "sim/workloads/tasks.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

namespace drf_demo = frameworks::drf_demo;

// Less often than the real one, which asks each second: the documents are most of a run's cost.
constexpr Duration watch_interval = std::chrono::seconds(3);
constexpr Duration shortest_run = std::chrono::seconds(3);
constexpr Duration tasks_patience = std::chrono::seconds(15);

class DemoWorkload : public Workload {
 public:
  DemoWorkload(World& world, FrameworkNode& node, const FrameworkPlan& plan);

  mesos::v1::FrameworkInfo info() override {
    return drf_demo::framework_info(options_, "root", "host");
  }
  void started() override;
  void on_event(const mesos::v1::scheduler::Event& event) override;
  void on_disconnected(const std::string& reason) override { step(drf_demo::Disconnected{reason}); }
  bool on_aborted(const std::string& message) override;
  void stopped() override;
  bool resumes() const override { return false; }
  bool over() const override { return left() < shortest_run; }

 private:
  Duration left() const {  // until launches end
    return world_.start + world_.scenario.launches_to - world_.now();
  }
  drf_demo::Options options_of_run();
  void step(drf_demo::Event event);
  void perform(drf_demo::Effect& effect);
  void finish(int exit_status);
  void watch();
  void ask(const std::string& path);
  void on_answer(const Message& message);
  bool drops(const mesos::v1::scheduler::Event& event);

  World& world_;
  Rng rng_;
  FrameworkNode& node_;
  drf_demo::Options options_;
  std::optional<drf_demo::State> state_;
  std::deque<drf_demo::Event> waiting_;  // came while a step was carried out
  bool stepping_ = false, aborted_ = false, planted_ = false;
  Timer timer_;
  ConnectionId watching_ = 0;  // 0: nothing is asked
  std::string slaves_;         // the first of two answers
};

DemoWorkload::DemoWorkload(World& world, FrameworkNode& node, const FrameworkPlan& plan)
    : world_(world), rng_(world.rng.next()), node_(node), timer_(world.schedule, [this] {
        if (timer_.spinning()) return world_.fail("timers", node_.name() + "'s demo spins");
        step(drf_demo::Tick{});
      }) {
  options_.name = node.name();
  options_.role = plan.role;
  options_.task = size_of(plan);
  options_.duration_min = world.scenario.task_duration_max / 2;
  options_.duration_max = options_.duration_min * 3;
  options_.refuse = std::chrono::milliseconds(500);
}

drf_demo::Options DemoWorkload::options_of_run() {
  drf_demo::Options options = options_;
  options.seed = rng_.next();
  options.wait_for_tasks = rng_.chance(0.5);
  options.run_time = left();
  const uint64_t kind = world_.quiet() ? 3 : rng_.below(4);
  if (kind == 3) return options;
  if (rng_.chance(0.3)) options.tasks_per_launch = 1 + rng_.below(3);
  options.hold = std::chrono::milliseconds(rng_.chance(0.5) ? rng_.below(2000) : 0);
  switch (kind) {
    case 0:  // if that takes too long, the time ends it
      options.tasks = 1 + rng_.below(12);
      options.run_time = tasks_patience;
      break;
    case 1:
      options.run_time = shortest_run + std::chrono::milliseconds(rng_.below(9000));
      break;
    default: {
      const auto wait = shortest_run + std::chrono::milliseconds(rng_.below(9000));
      node_.later(wait, [this] { step(drf_demo::StopRequested{}); });
      if (rng_.chance(0.2)) node_.later(wait * 2, [this] { step(drf_demo::StopRequested{}); });
      break;
    }
  }
  return options;
}

void DemoWorkload::started() {
  state_.emplace(options_of_run());
  aborted_ = false;
  node_.later(watch_interval, [this] { watch(); });
}

void DemoWorkload::stopped() {
  state_.reset();
  waiting_.clear();
  timer_.cancel();
  watching_ = 0;
}

// A bug made on purpose: the core never hears of one end.
bool DemoWorkload::drops(const mesos::v1::scheduler::Event& event) {
  if (world_.scenario.plant != Plant::task_miscounted || planted_) return false;
  planted_ = model::is_terminal(event.update().status().state());
  return planted_;
}

void DemoWorkload::on_event(const mesos::v1::scheduler::Event& event) {
  if (event.has_update() && drops(event)) return;
  if (event.type() == mesos::v1::scheduler::Event::ERROR) aborted_ = true;
  step(drf_demo::Delivered{event});
}

// A demo has no failover timeout: whenever the master believes it gone, it removes it.
bool DemoWorkload::on_aborted(const std::string& message) {
  if (message != "Framework has been removed") return false;
  aborted_ = true;
  step(drf_demo::Aborted{message});
  return true;
}

void DemoWorkload::step(drf_demo::Event event) {
  if (!state_) return;
  waiting_.push_back(std::move(event));
  if (stepping_) return;
  stepping_ = true;
  while (!waiting_.empty() && state_ && !world_.failed()) {
    const drf_demo::Event next = std::move(waiting_.front());
    waiting_.pop_front();
    drf_demo::Effects effects;
    drf_demo::step(*state_, world_.now(), next, effects);
    for (drf_demo::Effect& effect : effects) {
      if (state_) perform(effect);
    }
  }
  stepping_ = false;
  if (state_) timer_.set(drf_demo::next_deadline(*state_));
}

void DemoWorkload::perform(drf_demo::Effect& effect) {
  if (auto* out = std::get_if<drf_demo::Call>(&effect)) {
    if (out->call.type() == mesos::v1::scheduler::Call::TEARDOWN) {
      world_.check([&](Checker& each) { return each.demo_leaves(node_, *state_); });
    }
    node_.call(std::move(out->call));
  } else if (const auto* line = std::get_if<drf_demo::PrintLine>(&effect)) {
    world_.trace.note(world_.now(), "print", node_.name(), line->text, [&] { return line->text; });
  } else if (const auto* end = std::get_if<drf_demo::Finish>(&effect)) {
    finish(end->exit_status);
  }
}

void DemoWorkload::finish(int exit_status) {
  world_.check(
      [&](Checker& each) { return each.demo_ends(node_, *state_, {exit_status, aborted_}); });
  node_.end();
  world_.schedule.after(std::chrono::milliseconds(500 + rng_.below(1500)), [this] {
    if (!node_.up()) node_.start();
  });
}

// Asks for the two documents one after the other. What is not answered by the next time is given
// up.
void DemoWorkload::watch() {
  node_.later(watch_interval, [this] { watch(); });
  if (watching_ != 0) world_.network.close(watching_, End::client);
  watching_ = 0;
  if (node_.state().phase != frameworks::driver::Phase::subscribed) return;
  slaves_.clear();
  Handlers handlers;
  handlers.on_message = [this](ConnectionId connection, const Message& message) {
    if (connection == watching_) on_answer(message);
  };
  watching_ = world_.network.connect(node_.node(), MasterNode::node, std::move(handlers));
  ask("/slaves");
}

void DemoWorkload::ask(const std::string& path) {
  wire::Request request;
  request.method = "GET";
  request.target = request.path = path;
  world_.network.send(watching_, End::client, std::move(request));
}

void DemoWorkload::on_answer(const Message& message) {
  const auto* answer = std::get_if<wire::Response>(&message);
  if (!answer || answer->status != 200) return;
  if (slaves_.empty()) {
    slaves_ = answer->body;
    return ask("/frameworks");
  }
  auto observation = drf_demo::parse_observation(slaves_, answer->body);
  if (!observation) return world_.fail("codec", observation.error().message);
  world_.network.close(std::exchange(watching_, 0), End::client);
  step(drf_demo::ClusterObserved{*std::move(observation)});
}

}  // namespace

std::unique_ptr<Workload> make_demo_workload(World& world, FrameworkNode& node,
                                             const FrameworkPlan& plan) {
  return std::make_unique<DemoWorkload>(world, node, plan);
}

}  // namespace mesolith::sim
