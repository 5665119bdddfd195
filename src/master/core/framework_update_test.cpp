// SPDX-License-Identifier: Apache-2.0
// UPDATE_FRAMEWORK and offer constraints (mesos-api.md 1.6, 9.2).
#include "master/core/framework_update.hpp"

#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

const std::string rack =
    default_resources + "attributes { name: 'rack' type: TEXT text { value: 'r1' } } ";
std::string constraint(const std::string& role, const std::string& predicate) {
  return "offer_constraints { role_constraints { key: '" + role +
         "' value { groups { attribute_constraints { selector { attribute_name: 'rack' } "
         "predicate { " +
         predicate + " } } } } } } ";
}

class FrameworkUpdates : public testing::Test {
 protected:
  FrameworkUpdates() : node(master.admit("10.0.0.2:5051", rack)) {}

  SchedulerCall::UpdateFramework update(const Scheduler& scheduler, const std::string& info,
                                        const std::string& more = "") const {
    return parse<SchedulerCall::UpdateFramework>("framework_info { id { value: '" + scheduler.id +
                                                 "' } user: 'u' name: 'f' " + info + " } " + more);
  }
  std::string refusal(const Scheduler& scheduler, const std::string& info,
                      const std::string& more = "") const {
    const auto valid =
        validate_update(master.state, master.framework(scheduler), update(scheduler, info, more));
    return valid ? "" : valid.error().message;
  }
  void apply(const Scheduler& scheduler, const std::string& info, const std::string& more = "") {
    EXPECT_EQ(refusal(scheduler, info, more), "");
    FrameworkCalled event;
    event.call.set_type(SchedulerCall::UPDATE_FRAMEWORK);
    event.call.mutable_framework_id()->set_value(scheduler.id);
    *event.call.mutable_update_framework() = update(scheduler, info, more);
    master.step(event);
  }

  SteppedMaster master;
  Node node;
};

TEST_F(FrameworkUpdates, ChangeWhatMayChange) {
  const Scheduler scheduler = master.subscribe("role: 'a'");
  master.run_task(scheduler, node, "t");
  apply(scheduler, "role: 'a' hostname: 'h' failover_timeout: 3");
  EXPECT_EQ(master.framework(scheduler).info.hostname(), "h");
  EXPECT_EQ(master.orders(node.stream, MasterEvent::UPDATE_FRAMEWORK).size(), 1U);
  apply(scheduler, "role: 'a' hostname: 'h' failover_timeout: 3");
  EXPECT_TRUE(master.orders(node.stream).empty());  // nothing has changed
}

TEST_F(FrameworkUpdates, KeepUserPrincipalAndCheckpoint) {
  const Scheduler scheduler = master.subscribe("role: 'a' principal: 'p'");
  EXPECT_TRUE(holds(refusal(scheduler, "role: 'a' principal: 'q'"),
                    "Updating 'FrameworkInfo.principal' is unsupported; attempted to update from "
                    "'p' to 'q'"));
  EXPECT_TRUE(holds(refusal(scheduler, "role: 'a' principal: 'p' checkpoint: true"),
                    "'FrameworkInfo.checkpoint'"));
  auto other = update(scheduler, "role: 'a' principal: 'p'");
  other.mutable_framework_info()->set_user("other");
  EXPECT_FALSE(validate_update(master.state, master.framework(scheduler), other).has_value());
}

TEST_F(FrameworkUpdates, RefuseWhatASubscriptionWouldBeRefusedFor) {
  Options options;
  options.role_whitelist = {"a"};
  SteppedMaster strict(options);
  const Scheduler known = strict.subscribe("role: 'a'");
  EXPECT_FALSE(validate_update(strict.state, strict.framework(known), update(known, "role: 'b'"))
                   .has_value());
  const Scheduler scheduler = master.subscribe(multi_role + "roles: 'a'");
  EXPECT_TRUE(holds(refusal(scheduler, multi_role + "roles: 'a' roles: 'a'"), "duplicate"));
  EXPECT_TRUE(holds(refusal(scheduler, multi_role + "roles: 'a'", "suppressed_roles: 'b'"),
                    "'UpdateFramework.suppressed_roles'"));
  EXPECT_TRUE(holds(refusal(scheduler, multi_role + "roles: 'a'", constraint("b", "exists { }")),
                    "for the role 'b'"));
  EXPECT_TRUE(holds(
      refusal(scheduler, multi_role + "roles: 'a'", constraint("a", "text_matches { regex: '(' }")),
      "Invalid regular expression"));
}

TEST_F(FrameworkUpdates, NewRolesGetOffersAndRemovedOnesLoseThem) {
  const Scheduler scheduler = master.subscribe(multi_role + "roles: 'a'");
  EXPECT_EQ(master.offer(scheduler).allocation_info().role(), "a");
  apply(scheduler, multi_role + "roles: 'b'");
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND).size(), 1U);
  EXPECT_EQ(master.offer(scheduler).allocation_info().role(), "b");
}

TEST_F(FrameworkUpdates, UnsuppressingClearsFilters) {
  const Scheduler scheduler = master.subscribe(multi_role + "roles: 'a'");
  const auto offer = master.offer(scheduler);
  master.call(scheduler, "type: DECLINE decline { offer_ids { value: '" + offer.id().value() +
                             "' } filters { refuse_seconds: 1000 } }");
  apply(scheduler, multi_role + "roles: 'a'", "suppressed_roles: 'a'");
  master.tick();
  EXPECT_TRUE(master.offers(scheduler.stream).empty());
  apply(scheduler, multi_role + "roles: 'a'");
  master.offer(scheduler);
}

TEST_F(FrameworkUpdates, ConstraintsKeepAgentsBackPerRole) {
  const Scheduler scheduler = master.subscribe(multi_role + "roles: 'a' roles: 'b'",
                                               constraint("a", "text_equals { value: 'other' }"));
  const auto offer = master.offer(scheduler);
  EXPECT_EQ(offer.allocation_info().role(), "b");
  apply(scheduler, multi_role + "roles: 'a'", constraint("a", "text_equals { value: 'other' }"));
  master.tick();
  EXPECT_TRUE(master.offers(scheduler.stream).empty());
  EXPECT_TRUE(holds(master.state.allocator.why(master.now, FrameworkId(scheduler.id)).at(0),
                    "offer constraints"));
  apply(scheduler, multi_role + "roles: 'a'", constraint("a", "text_matches { regex: 'r[0-9]' }"));
  master.offer(scheduler);
}

TEST_F(FrameworkUpdates, SubscriptionsWithBadConstraintsAreRefused) {
  const Scheduler scheduler =
      master.subscribe(multi_role + "roles: 'a'", constraint("b", "exists { }"));
  EXPECT_TRUE(scheduler.id.empty());
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::ERROR).size(), 1U);
}

}  // namespace
}  // namespace mesolith::master
