// SPDX-License-Identifier: Apache-2.0
#include "frameworks/driver/core/driver.hpp"

#include <gtest/gtest.h>

namespace mesolith::frameworks::driver {
namespace {

using namespace std::chrono_literals;
using mesos::v1::scheduler::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

Options options() {
  Options given;
  given.info.set_user("root");
  given.info.set_name("test");
  given.info.add_roles("dev");
  given.info.add_capabilities()->set_type(mesos::v1::FrameworkInfo::Capability::MULTI_ROLE);
  given.masters = {"10.0.0.1:5050", "10.0.0.2:5050"};
  return given;
}

template <class T>
std::vector<T> all(const Effects& effects) {
  std::vector<T> found;
  for (const Effect& effect : effects) {
    if (const T* one = std::get_if<T>(&effect)) found.push_back(*one);
  }
  return found;
}

class DriverTest : public testing::Test {
 protected:
  Effects step(const Event& event) {
    Effects effects;
    driver::step(state_, now_, event, effects);
    return effects;
  }
  Effects subscribed() {
    step(Opened{});
    Received received;
    received.event.set_type(SchedulerEvent::SUBSCRIBED);
    received.event.mutable_subscribed()->mutable_framework_id()->set_value("fw-1");
    received.event.mutable_subscribed()->set_heartbeat_interval_seconds(15);
    return step(received);
  }
  Effects launch(const std::string& id) {
    Requested accept;
    accept.call.set_type(Call::ACCEPT);
    accept.call.mutable_accept()->add_offer_ids()->set_value("o");
    auto& operation = *accept.call.mutable_accept()->add_operations();
    operation.set_type(mesos::v1::Offer::Operation::LAUNCH);
    auto& task = *operation.mutable_launch()->add_task_infos();
    task.set_name(id);
    task.mutable_task_id()->set_value(id);
    task.mutable_agent_id()->set_value("S0");
    return step(accept);
  }
  Received update(const std::string& id, mesos::v1::TaskState state, const std::string& uuid) {
    Received received;
    received.event.set_type(SchedulerEvent::UPDATE);
    auto& status = *received.event.mutable_update()->mutable_status();
    status.mutable_task_id()->set_value(id);
    status.mutable_agent_id()->set_value("S0");
    status.set_state(state);
    if (!uuid.empty()) status.set_uuid(uuid);
    return received;
  }
  Requested kill(const std::string& id) {
    Requested requested;
    requested.call.set_type(Call::KILL);
    requested.call.mutable_kill()->mutable_task_id()->set_value(id);
    return requested;
  }

  State state_{options(), 1};
  Time now_{1000s};
};

TEST_F(DriverTest, SubscribesAndKeepsTheIdItWasGiven) {
  const auto first = all<Connect>(step(Started{}));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].master, "10.0.0.1:5050");
  EXPECT_FALSE(first[0].subscribe.has_framework_id());
  EXPECT_EQ(all<Deliver>(subscribed()).size(), 1u);

  EXPECT_EQ(all<Disconnected>(step(Closed{"reset"})).size(), 1u);
  now_ = next_deadline(state_);
  const auto again = all<Connect>(step(Tick{}));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].subscribe.framework_id().value(), "fw-1");
  EXPECT_EQ(again[0].subscribe.subscribe().framework_info().id().value(), "fw-1");
}

TEST_F(DriverTest, FollowsTheRedirectAtOnce) {
  step(Started{});
  const auto next = all<Connect>(step(Refused{307, "//10.0.0.9:5050/api/v1/scheduler", ""}));
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].master, "10.0.0.9:5050");
}

TEST_F(DriverTest, BacksOffWithADoublingBoundAndTriesTheNextMaster) {
  step(Started{});
  Duration longest{};
  for (int attempt = 0; attempt < 12; ++attempt) {
    EXPECT_TRUE(all<Connect>(step(Closed{"refused"})).empty());
    const Duration wait = next_deadline(state_) - now_;
    EXPECT_GT(wait, 0ns);
    longest = std::max(longest, wait);
    now_ += wait;
    const auto next = all<Connect>(step(Tick{}));
    ASSERT_EQ(next.size(), 1u);
    EXPECT_EQ(next[0].master, attempt % 2 == 0 ? "10.0.0.2:5050" : "10.0.0.1:5050");
  }
  EXPECT_GT(longest, 5s);
  EXPECT_LE(longest, 10s);
}

TEST_F(DriverTest, A503IsTriedAgainA400IsNot) {
  step(Started{});
  EXPECT_TRUE(all<Abort>(step(Refused{503, "", "No leader elected"})).empty());
  now_ = next_deadline(state_);
  step(Tick{});
  const auto aborted = all<Abort>(step(Refused{400, "", "bad"}));
  ASSERT_EQ(aborted.size(), 1u);
  EXPECT_NE(aborted[0].message.find("bad"), std::string::npos);
  EXPECT_EQ(next_deadline(state_), never);
}

TEST_F(DriverTest, AnUpdateIsDeliveredOnceAndAcknowledgedEachTime) {
  step(Started{});
  subscribed();
  launch("t");
  const Received running = update("t", mesos::v1::TASK_RUNNING, "0123456789abcdef");
  const Effects first = step(running);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<Deliver>(first[0]));
  const Call& acknowledge = std::get<Send>(first[1]).call;
  EXPECT_EQ(acknowledge.type(), Call::ACKNOWLEDGE);
  EXPECT_EQ(acknowledge.acknowledge().uuid(), "0123456789abcdef");
  EXPECT_EQ(acknowledge.framework_id().value(), "fw-1");
  const Effects second = step(running);
  EXPECT_TRUE(all<Deliver>(second).empty());
  EXPECT_EQ(all<Send>(second).size(), 1u);
}

TEST_F(DriverTest, AnUpdateWithoutUuidIsNotAcknowledged) {
  step(Started{});
  subscribed();
  launch("t");
  const Effects effects = step(update("t", mesos::v1::TASK_LOST, ""));
  EXPECT_EQ(all<Deliver>(effects).size(), 1u);
  EXPECT_TRUE(all<Send>(effects).empty());
  EXPECT_TRUE(state_.tasks.empty());
}

TEST_F(DriverTest, ALaunchWithoutAMasterComesBackAsDropped) {
  step(Started{});
  const auto delivered = all<Deliver>(launch("t"));
  ASSERT_EQ(delivered.size(), 1u);
  EXPECT_EQ(delivered[0].event.update().status().state(), mesos::v1::TASK_DROPPED);
  EXPECT_EQ(delivered[0].event.update().status().reason(),
            mesos::v1::TaskStatus::REASON_MASTER_DISCONNECTED);
}

TEST_F(DriverTest, ReconcilesItsLiveTasksAfterAReconnection) {
  state_.options.reconcile_batch = 2;
  step(Started{});
  subscribed();
  for (const char* id : {"a", "b", "c"}) launch(id);
  step(update("c", mesos::v1::TASK_FINISHED, "0123456789abcdef"));
  step(Closed{"reset"});
  now_ = next_deadline(state_);
  step(Tick{});
  const auto sent = all<Send>(subscribed());
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].call.type(), Call::RECONCILE);
  EXPECT_EQ(sent[0].call.reconcile().tasks_size(), 2);
}

// As by a new master that waits for the task's agent; if that comes back without it, nobody tells.
TEST_F(DriverTest, ReconcilesAgainWhatNothingIsHeardOf) {
  step(Started{});
  subscribed();
  launch("heard");
  launch("unheard");
  step(Closed{"gone"});
  now_ = state_.next_attempt;
  step(Tick{});
  ASSERT_EQ(all<Send>(subscribed()).size(), 1u);
  step(update("heard", mesos::v1::TASK_RUNNING, ""));
  for (const Duration wait : {10s, 20s, 40s, 80s, 120s, 120s}) {
    state_.silent_deadline = never;  // heartbeats come
    EXPECT_EQ(next_deadline(state_), now_ + wait);
    EXPECT_TRUE(all<Send>(step(Tick{})).empty());
    now_ += wait;
    const auto sent = all<Send>(step(Tick{}));
    ASSERT_EQ(sent.size(), 1u);
    ASSERT_EQ(sent[0].call.reconcile().tasks_size(), 1);
    EXPECT_EQ(sent[0].call.reconcile().tasks(0).task_id().value(), "unheard");
  }
  step(update("unheard", mesos::v1::TASK_LOST, ""));
  now_ += 120s;
  state_.silent_deadline = never;
  EXPECT_TRUE(all<Send>(step(Tick{})).empty());
  EXPECT_EQ(next_deadline(state_), never);
}

TEST_F(DriverTest, AKillIsRepeatedUntilItsTaskEnds) {
  step(Started{});
  subscribed();
  launch("t");
  EXPECT_EQ(all<Send>(step(kill("t"))).size(), 1u);
  now_ = next_deadline(state_);
  EXPECT_EQ(all<Send>(step(Tick{})).size(), 1u);
  step(Closed{"reset"});
  EXPECT_TRUE(all<Send>(step(kill("t"))).empty());
  now_ = next_deadline(state_);
  step(Tick{});
  const auto sent = all<Send>(subscribed());
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].call.type(), Call::KILL);
  step(update("t", mesos::v1::TASK_KILLED, "0123456789abcdef"));
  EXPECT_TRUE(state_.kills.empty());
}

TEST_F(DriverTest, SilenceForFiveHeartbeatsIsALostConnection) {
  step(Started{});
  subscribed();
  EXPECT_EQ(next_deadline(state_), now_ + 75s);
  now_ += 75s;
  const Effects effects = step(Tick{});
  EXPECT_EQ(all<Disconnect>(effects).size(), 1u);
  EXPECT_EQ(all<Disconnected>(effects).size(), 1u);
}

TEST_F(DriverTest, SuppressedRolesAreKeptOverReconnections) {
  step(Started{});
  subscribed();
  Requested suppress;
  suppress.call.set_type(Call::SUPPRESS);
  step(suppress);
  step(Closed{"reset"});
  now_ = next_deadline(state_);
  const auto again = all<Connect>(step(Tick{}));
  ASSERT_EQ(again.at(0).subscribe.subscribe().suppressed_roles_size(), 1);
  EXPECT_EQ(again[0].subscribe.subscribe().suppressed_roles(0), "dev");
}

TEST_F(DriverTest, AnOwnLateSubscriptionThatDisplacesUsIsNotTheEnd) {
  step(Started{});
  now_ = next_deadline(state_);
  ASSERT_EQ(all<Disconnect>(step(Tick{})).size(), 1u);  // nobody answered
  now_ = next_deadline(state_);
  ASSERT_EQ(all<Connect>(step(Tick{})).size(), 1u);
  subscribed();
  Received error;
  error.event.set_type(SchedulerEvent::ERROR);
  error.event.mutable_error()->set_message("Framework failed over");
  Effects effects = step(error);
  EXPECT_TRUE(all<Abort>(effects).empty());
  EXPECT_EQ(all<Disconnect>(effects).size(), 1u);
  EXPECT_EQ(all<Disconnected>(effects).size(), 1u);
  now_ = next_deadline(state_);
  ASSERT_EQ(all<Connect>(step(Tick{})).size(), 1u);
  subscribed();
  effects = step(error);  // once more it is somebody else
  EXPECT_EQ(all<Abort>(effects).size(), 1u);
}

TEST_F(DriverTest, AnErrorEventIsTheEnd) {
  step(Started{});
  subscribed();
  Received error;
  error.event.set_type(SchedulerEvent::ERROR);
  error.event.mutable_error()->set_message("Framework failed over");
  const Effects effects = step(error);
  ASSERT_EQ(all<Abort>(effects).size(), 1u);
  EXPECT_EQ(next_deadline(state_), never);
  EXPECT_TRUE(step(Started{}).empty());
}

}  // namespace
}  // namespace mesolith::frameworks::driver
