// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/core/drf_demo.hpp"

#include <gtest/gtest.h>

#include <set>

#include "frameworks/drf_demo/core/internal.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

using namespace std::chrono_literals;
using SchedulerCall = mesos::v1::scheduler::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

Options options_of(double cpus, double mem) {
  Options options;
  options.name = "Framework A";
  options.task.set(model::cpus, model::to_millis(cpus));
  options.task.set(model::mem, model::to_millis(mem));
  options.duration_min = 1s;
  options.duration_max = 2s;
  options.seed = 7;
  return options;
}

mesos::v1::Resource scalar(const std::string& name, double amount,
                           const std::string& reserved = "") {
  mesos::v1::Resource resource;
  resource.set_name(name);
  resource.set_type(mesos::v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(amount);
  resource.mutable_allocation_info()->set_role(reserved.empty() ? "*" : reserved);
  if (!reserved.empty()) resource.set_role(reserved);
  return resource;
}

mesos::v1::Offer offer(const std::string& id, std::vector<mesos::v1::Resource> resources,
                       const std::string& agent = "S0") {
  mesos::v1::Offer offer;
  offer.mutable_id()->set_value(id);
  offer.mutable_agent_id()->set_value(agent);
  for (auto& resource : resources) *offer.add_resources() = std::move(resource);
  return offer;
}

class DrfDemoTest : public testing::Test {
 protected:
  void start(Options options) {
    state_.emplace(std::move(options));
    Delivered subscribed;
    subscribed.event.set_type(SchedulerEvent::SUBSCRIBED);
    subscribed.event.mutable_subscribed()->mutable_framework_id()->set_value("fw-1");
    step(subscribed);
  }
  Effects step(const Event& event) {
    Effects effects;
    drf_demo::step(*state_, now_, event, effects);
    return effects;
  }
  Effects offers(std::vector<mesos::v1::Offer> given) {
    Delivered delivered;
    delivered.event.set_type(SchedulerEvent::OFFERS);
    for (auto& one : given) *delivered.event.mutable_offers()->add_offers() = std::move(one);
    return step(delivered);
  }
  Effects update(const std::string& id, mesos::v1::TaskState task_state) {
    Delivered delivered;
    delivered.event.set_type(SchedulerEvent::UPDATE);
    auto& status = *delivered.event.mutable_update()->mutable_status();
    status.mutable_task_id()->set_value(id);
    status.set_state(task_state);
    return step(delivered);
  }

  std::optional<State> state_;
  Time now_ = Time(1000s);
};

std::vector<SchedulerCall> calls(const Effects& effects) {
  std::vector<SchedulerCall> found;
  for (const Effect& effect : effects) {
    if (const Call* one = std::get_if<Call>(&effect)) found.push_back(one->call);
  }
  return found;
}

std::vector<mesos::v1::TaskInfo> launched(const SchedulerCall& call) {
  std::vector<mesos::v1::TaskInfo> tasks;
  for (const auto& operation : call.accept().operations()) {
    for (const auto& task : operation.launch().task_infos()) tasks.push_back(task);
  }
  return tasks;
}

const Finish* finish_in(const Effects& effects) {
  for (const Effect& effect : effects) {
    if (const Finish* one = std::get_if<Finish>(&effect)) return one;
  }
  return nullptr;
}

TEST_F(DrfDemoTest, CountsInThousandths) {
  start(options_of(0.1, 1));
  const auto sent = calls(offers({offer("o1", {scalar("cpus", 0.3), scalar("mem", 100)})}));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].type(), SchedulerCall::ACCEPT);
  ASSERT_EQ(sent[0].accept().offer_ids_size(), 1);
  EXPECT_EQ(sent[0].accept().offer_ids(0).value(), "o1");
  const auto tasks = launched(sent[0]);
  ASSERT_EQ(tasks.size(), 3u);  // 0.3 / 0.1 in floating point would be 2
  std::set<std::string> ids;
  for (const auto& task : tasks) {
    ids.insert(task.task_id().value());
    EXPECT_TRUE(task.task_id().value().starts_with("Framework_A_DRFTask_"));
    EXPECT_EQ(task.agent_id().value(), "S0");
    ASSERT_EQ(task.resources_size(), 2);
    EXPECT_EQ(task.resources(0).scalar().value(), 0.1);
    EXPECT_EQ(task.resources(0).allocation_info().role(), "*");
    ASSERT_TRUE(task.command().value().starts_with("sleep "));
    const double seconds = std::stod(task.command().value().substr(6));
    EXPECT_GE(seconds, 1);
    EXPECT_LE(seconds, 2);
  }
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(sent[0].accept().filters().refuse_seconds(), 1.0);
}

TEST_F(DrfDemoTest, SameSeedSameTasks) {
  start(options_of(1, 1));
  const auto first = calls(offers({offer("o1", {scalar("cpus", 4), scalar("mem", 100)})}));
  start(options_of(1, 1));
  const auto second = calls(offers({offer("o1", {scalar("cpus", 4), scalar("mem", 100)})}));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].SerializeAsString(), second.at(0).SerializeAsString());
}

TEST_F(DrfDemoTest, DeclinesWhatDoesNotFitWithAFilter) {
  start(options_of(2, 1000));
  const auto sent = calls(offers({offer("o1", {scalar("cpus", 1.999), scalar("mem", 5000)}),
                                  offer("o2", {scalar("cpus", 4)}, "S1")}));
  ASSERT_EQ(sent.size(), 2u);
  for (const auto& call : sent) {
    EXPECT_EQ(call.type(), SchedulerCall::DECLINE);
    EXPECT_EQ(call.decline().filters().refuse_seconds(), 1.0);
  }
  EXPECT_EQ(state_->counts.launched, 0u);
}

TEST_F(DrfDemoTest, ReservedResourcesAreUsedFirstAndStayReserved) {
  Options options = options_of(1, 100);
  options.role = "dev";
  start(options);
  auto free_cpus = scalar("cpus", 1), free_mem = scalar("mem", 1000);
  free_cpus.mutable_allocation_info()->set_role("dev");
  free_mem.mutable_allocation_info()->set_role("dev");
  const auto sent = calls(offers(
      {offer("o1", {free_cpus, free_mem, scalar("cpus", 1.5, "dev"), scalar("mem", 100, "dev")})}));
  ASSERT_EQ(sent.size(), 1u);
  const auto tasks = launched(sent[0]);
  ASSERT_EQ(tasks.size(), 2u);
  for (const auto& resource : tasks[0].resources()) EXPECT_EQ(resource.role(), "dev");
  double reserved = 0, unreserved = 0;
  for (const auto& task : tasks) {
    for (const auto& resource : task.resources()) {
      EXPECT_EQ(resource.allocation_info().role(), "dev");
      if (resource.name() != "cpus") continue;
      (resource.role() == "dev" ? reserved : unreserved) += resource.scalar().value();
    }
  }
  EXPECT_DOUBLE_EQ(reserved, 1.5);
  EXPECT_DOUBLE_EQ(unreserved, 0.5);
}

TEST_F(DrfDemoTest, RevocableResourcesAreLeftAlone) {
  start(options_of(1, 100));
  auto revocable = scalar("cpus", 8);
  revocable.mutable_revocable();
  const auto sent = calls(offers({offer("o1", {revocable, scalar("mem", 1000)})}));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].type(), SchedulerCall::DECLINE);
}

TEST_F(DrfDemoTest, AHugeOfferIsBounded) {
  start(options_of(0.001, 0.001));
  const auto sent = calls(offers({offer("o1", {scalar("cpus", 1e6), scalar("mem", 1e9)})}));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(launched(sent[0]).size(), tasks_per_launch_max);
  EXPECT_EQ(sent[0].accept().filters().refuse_seconds(), 0.0);  // the rest is welcome again
}

TEST_F(DrfDemoTest, HoldsSmallOffersUntilTheyMakeATask) {
  Options options = options_of(2, 1000);
  options.hold = 3s;
  start(options);
  EXPECT_TRUE(calls(offers({offer("o1", {scalar("cpus", 1), scalar("mem", 500)})})).empty());
  EXPECT_EQ(next_deadline(*state_), now_ + 3s);
  now_ += 1s;
  EXPECT_TRUE(calls(offers({offer("o2", {scalar("cpus", 4), scalar("mem", 10)}, "S1")})).empty());
  const auto sent = calls(offers({offer("o3", {scalar("cpus", 1.5), scalar("mem", 500)})}));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].accept().offer_ids_size(), 2);
  EXPECT_EQ(launched(sent[0]).size(), 1u);
  now_ += 3s;
  const auto expired = calls(step(Tick{}));
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].type(), SchedulerCall::DECLINE);
  EXPECT_EQ(expired[0].decline().offer_ids(0).value(), "o2");
  EXPECT_EQ(next_deadline(*state_), never);
}

TEST_F(DrfDemoTest, ARescindedOfferIsNotUsed) {
  Options options = options_of(2, 1000);
  options.hold = 3s;
  start(options);
  offers({offer("o1", {scalar("cpus", 1), scalar("mem", 500)})});
  Delivered rescind;
  rescind.event.set_type(SchedulerEvent::RESCIND);
  rescind.event.mutable_rescind()->mutable_offer_id()->set_value("o1");
  step(rescind);
  EXPECT_TRUE(calls(offers({offer("o2", {scalar("cpus", 1), scalar("mem", 500)})})).empty());
  EXPECT_EQ(state_->held.size(), 1u);
}

TEST_F(DrfDemoTest, StopsAfterAllItsTasks) {
  Options options = options_of(1, 100);
  options.tasks = 3;
  start(options);
  now_ += 2s;
  auto sent = calls(offers({offer("o1", {scalar("cpus", 8), scalar("mem", 8000)})}));
  const auto tasks = launched(sent.at(0));
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(percentile(state_->waits, 0.5), 2.0);
  EXPECT_EQ(calls(offers({offer("o2", {scalar("cpus", 8), scalar("mem", 8000)})})).at(0).type(),
            SchedulerCall::DECLINE);
  update(tasks[0].task_id().value(), mesos::v1::TASK_RUNNING);
  update(tasks[0].task_id().value(), mesos::v1::TASK_FINISHED);
  update(tasks[1].task_id().value(), mesos::v1::TASK_KILLED);  // by somebody else
  // One that was never started does not count.
  update(tasks[2].task_id().value(), mesos::v1::TASK_DROPPED);
  sent = calls(offers({offer("o3", {scalar("cpus", 8), scalar("mem", 8000)})}));
  const auto again = launched(sent.at(0));
  ASSERT_EQ(again.size(), 1u);
  const auto last = calls(update(again[0].task_id().value(), mesos::v1::TASK_FINISHED));
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0].type(), SchedulerCall::SUPPRESS);
  EXPECT_EQ(last[1].type(), SchedulerCall::TEARDOWN);
  const Effects end = step(Disconnected{"closed"});
  ASSERT_NE(finish_in(end), nullptr);
  EXPECT_EQ(finish_in(end)->exit_status, 0);
  EXPECT_EQ(state_->counts.finished, 2u);
  EXPECT_EQ(state_->counts.killed, 1u);
  EXPECT_EQ(state_->counts.dropped, 1u);
  EXPECT_TRUE(step(Tick{}).empty());
}

TEST_F(DrfDemoTest, KillsItsTasksWhenTheTimeIsOver) {
  Options options = options_of(1, 100);
  options.run_time = 10s;
  start(options);
  const auto sent = calls(offers({offer("o1", {scalar("cpus", 2), scalar("mem", 8000)})}));
  const auto tasks = launched(sent.at(0));
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(next_deadline(*state_), now_ + 10s);
  now_ += 10s;
  const auto ending = calls(step(Tick{}));
  ASSERT_EQ(ending.size(), 3u);
  EXPECT_EQ(ending[0].type(), SchedulerCall::SUPPRESS);
  EXPECT_EQ(ending[1].type(), SchedulerCall::KILL);
  EXPECT_EQ(ending[1].kill().agent_id().value(), "S0");
  EXPECT_EQ(calls(offers({offer("o2", {scalar("cpus", 2), scalar("mem", 8000)})})).at(0).type(),
            SchedulerCall::DECLINE);
  EXPECT_TRUE(calls(update(tasks[0].task_id().value(), mesos::v1::TASK_KILLED)).empty());
  const auto last = calls(update(tasks[1].task_id().value(), mesos::v1::TASK_KILLED));
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].type(), SchedulerCall::TEARDOWN);
  EXPECT_TRUE(offers({offer("o3", {scalar("cpus", 2), scalar("mem", 8000)})}).empty());
  now_ = next_deadline(*state_);
  EXPECT_NE(finish_in(step(Tick{})), nullptr);  // even when the master says nothing
}

TEST_F(DrfDemoTest, WaitsForItsTasksWhenAsked) {
  Options options = options_of(1, 100);
  options.wait_for_tasks = true;
  start(options);
  const auto sent = calls(offers({offer("o1", {scalar("cpus", 1), scalar("mem", 8000)})}));
  const auto ending = calls(step(StopRequested{}));
  ASSERT_EQ(ending.size(), 1u);
  EXPECT_EQ(ending[0].type(), SchedulerCall::SUPPRESS);
  const auto last =
      calls(update(launched(sent.at(0))[0].task_id().value(), mesos::v1::TASK_FINISHED));
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].type(), SchedulerCall::TEARDOWN);
  EXPECT_NE(finish_in(step(StopRequested{})), nullptr);
}

TEST_F(DrfDemoTest, GivesUpWhenTasksFailInARow) {
  start(options_of(0.1, 1));
  const auto sent = calls(offers({offer("o1", {scalar("cpus", 8), scalar("mem", 8000)})}));
  const auto tasks = launched(sent.at(0));
  ASSERT_GE(tasks.size(), failures_in_row_max);
  for (size_t i = 0; i + 1 < failures_in_row_max; ++i) {
    update(tasks[i].task_id().value(), mesos::v1::TASK_FAILED);
  }
  EXPECT_EQ(state_->phase, Phase::running);
  update(tasks[failures_in_row_max - 1].task_id().value(), mesos::v1::TASK_ERROR);
  EXPECT_EQ(state_->phase, Phase::draining);
  EXPECT_EQ(state_->exit_status, 1);
}

TEST_F(DrfDemoTest, ARefusedSubscriptionEndsItAtOnce) {
  state_.emplace(options_of(1, 1));
  const Effects effects = step(Aborted{"no"});
  ASSERT_NE(finish_in(effects), nullptr);
  EXPECT_EQ(finish_in(effects)->exit_status, 1);
}

TEST_F(DrfDemoTest, StopBeforeTheMasterAnswers) {
  state_.emplace(options_of(1, 1));
  EXPECT_NE(finish_in(step(StopRequested{})), nullptr);
}

TEST_F(DrfDemoTest, PrintsItsShareEachTime) {
  start(options_of(2, 1000));
  now_ += 3s;
  Observation seen;
  seen.totals = {{model::cpus, 8000}, {model::mem, 16000000}};
  FrameworkUsage mine;
  mine.id = "fw-1";
  mine.name = "Framework A";
  mine.tasks = 2;
  mine.used = {{model::cpus, 4000}, {model::mem, 2000000}};
  seen.frameworks = {mine};
  const Effects effects = step(ClusterObserved{seen});
  ASSERT_EQ(effects.size(), 1u);
  const std::string& line = std::get<PrintLine>(effects[0]).text;
  EXPECT_NE(line.find("share  50.0% of cpus"), std::string::npos) << line;
  EXPECT_NE(line.find("ideal 100.0%"), std::string::npos) << line;
  EXPECT_NE(line.find("2 tasks, 4 cpus, 2000 MB"), std::string::npos) << line;
}

TEST(Options, RefusesWhatWouldFitWithoutEnd) {
  EXPECT_TRUE(check(options_of(0.001, 0.001)).has_value());
  EXPECT_EQ(check(options_of(0, 512)).error().code, Code::invalid);
  EXPECT_NE(check(options_of(0, 512)).error().message.find("--task-cpus"), std::string::npos);
  EXPECT_NE(check(options_of(1, 0)).error().message.find("--task-memory"), std::string::npos);
  Options options = options_of(1, 1);
  options.duration_max = 500ms;
  EXPECT_FALSE(check(options).has_value());
}

TEST(SamplesTest, StayBounded) {
  Samples samples;
  Rng rng(1);
  for (int i = 0; i < 100000; ++i) add(samples, rng, std::chrono::milliseconds(i % 1000));
  EXPECT_EQ(samples.seconds.size(), samples_max);
  EXPECT_EQ(samples.count, 100000u);
  EXPECT_NEAR(percentile(samples, 0.5), 0.5, 0.05);
  EXPECT_NEAR(percentile(samples, 0.99), 0.99, 0.02);
  EXPECT_EQ(percentile(Samples(), 0.5), 0);
}

}  // namespace
}  // namespace mesolith::frameworks::drf_demo
