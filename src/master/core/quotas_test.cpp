// SPDX-License-Identifier: Apache-2.0
// Quotas as the operator sets them. What the allocator makes of them: allocator/quotas_test.cpp.
#include "master/core/snapshot.hpp"
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

std::string amounts(const std::string& field, double cpus) {
  return field + " { key: 'cpus' value { value: " + std::to_string(cpus) + " } } ";
}
std::string config(const std::string& role, const std::string& more) {
  return "quota_configs { role: '" + role + "' " + more + "} ";
}

class Quotas : public testing::Test {
 protected:
  std::string call(const std::string& text) {
    master.step(OperatorCalled{1, parse<mesos::v1::master::Call>(text)});
    if (answer().empty() && !master.writes.empty()) master.persisted();
    return answer();
  }
  std::string update(const std::string& configs) {
    return call("type: UPDATE_QUOTA update_quota { " + configs + "}");
  }
  std::string set(const std::string& request) {
    return call("type: SET_QUOTA set_quota { quota_request { " + request + "} }");
  }
  std::string answer() const {
    for (const Effect& effect : master.effects) {
      if (const auto* out = std::get_if<AnswerOperator>(&effect)) {
        return std::to_string(out->status) + out->message;
      }
    }
    return "";
  }
  double offered(const Scheduler& scheduler) {
    master.tick();
    double sum = 0;
    for (const auto& offer : master.offers(scheduler.stream)) {
      for (const auto& resource : offer.resources()) {
        if (resource.name() == "cpus") sum += resource.scalar().value();
      }
    }
    return sum;
  }

  SteppedMaster master;
  Node node = master.admit();  // 8 cpus
  Scheduler scheduler = master.subscribe("roles: 'eng' " + multi_role);
};

TEST_F(Quotas, ALimitRescindsWhatIsOfferedBeyondIt) {
  EXPECT_EQ(offered(scheduler), 8);
  EXPECT_EQ(update(config("eng", amounts("limits", 3))), "200");
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND).size(), 1U);
  EXPECT_EQ(offered(scheduler), 3);
}

TEST_F(Quotas, AGuaranteeRescindsOthersOffers) {
  EXPECT_EQ(offered(scheduler), 8);
  EXPECT_EQ(update(config("ops", amounts("guarantees", 6))), "200");
  EXPECT_EQ(master.events(scheduler.stream, SchedulerEvent::RESCIND).size(), 1U);
  EXPECT_EQ(offered(scheduler), 2);
  const Scheduler ops = master.subscribe("roles: 'ops' " + multi_role);
  EXPECT_EQ(offered(ops), 6);
}

TEST_F(Quotas, OutliveTheMasterAndAreShownEvenWhenReset) {
  EXPECT_EQ(update(config("eng", amounts("guarantees", 1) + amounts("limits", 2))), "200");
  SteppedMaster next({}, master.registry(), 8);
  const Scheduler again = next.subscribe("roles: 'eng' " + multi_role);
  next.admit("10.0.0.9:5051");
  const auto offer = next.offer(again);
  EXPECT_EQ(model::Resources::parse(offer.resources())->scalar(model::cpus), 2000);
  EXPECT_EQ(update(config("eng", "")), "200");
  EXPECT_EQ(offered(scheduler), 8);
  const auto status = quota_status(master.state);
  ASSERT_EQ(status.configs_size(), 1);
  EXPECT_EQ(status.configs(0).limits_size(), 0);
  EXPECT_EQ(status.infos(0).role(), "eng");
}

TEST_F(Quotas, WhatCannotBeIsRefusedAltogether) {
  EXPECT_EQ(update(config("ok", amounts("limits", 1)) +
                   config("demo", amounts("guarantees", 3) + amounts("limits", 2))),
            "400Invalid QuotaConfig: 'QuotaConfig.guarantees' { cpus: 3 } is not contained within "
            "the 'QuotaConfig.limits' { cpus: 2 }");
  EXPECT_EQ(update(config("demo/nested", amounts("guarantees", 1))),
            "400Updating quota on nested role 'demo/nested' is not supported yet");
  EXPECT_EQ(update(config("demo", amounts("guarantees", 1000))),
            "400Invalid QuotaConfig: total quota guarantees 'cpus:1000' exceed cluster capacity "
            "'cpus:8; disk:20000; mem:8192' (use 'force' flag to bypass this check)");
  for (const std::string& wrong :
       {config("*", amounts("limits", 1)), config("", amounts("limits", 1)),
        config("a b", amounts("limits", 1)), config("demo", amounts("limits", -1)),
        config("demo", amounts("limits", 1e15))}) {
    EXPECT_TRUE(update(wrong).starts_with("400")) << wrong;
  }
  EXPECT_TRUE(master.writes.empty());
  EXPECT_TRUE(master.state.cluster.quotas().empty());
  EXPECT_EQ(update("force: true " + config("demo", amounts("guarantees", 1000))), "200");
}

TEST_F(Quotas, ALimitBelowWhatIsUsedNeedsForce) {
  master.run_task(scheduler, node, "t");  // 1 cpu
  EXPECT_TRUE(update(config("eng", amounts("limits", 0.5))).starts_with("400"));
  EXPECT_EQ(update("force: true " + config("eng", amounts("limits", 0.5))), "200");
  EXPECT_EQ(offered(scheduler), 0);
}

TEST_F(Quotas, TheOldCallsSetAndRemove) {
  const std::string two = "guarantee { name: 'cpus' type: SCALAR scalar { value: 2 } } ";
  EXPECT_EQ(set("role: 'eng' " + two), "200");
  EXPECT_EQ(offered(scheduler), 2) << "the guarantee is the limit too";
  EXPECT_TRUE(set("role: 'eng' " + two).starts_with("400")) << "it is there already";
  const std::string many = "guarantee { name: 'cpus' type: SCALAR scalar { value: 200 } } ";
  EXPECT_TRUE(set("role: 'ops' " + many).starts_with("409"));
  EXPECT_EQ(set("role: 'ops' force: true " + many), "200");
  EXPECT_EQ(call("type: REMOVE_QUOTA remove_quota { role: 'eng' }"), "200");
  EXPECT_EQ(call("type: REMOVE_QUOTA remove_quota { role: 'eng' }"),
            "400Failed to remove quota: Role 'eng' has no quota set");
}

}  // namespace
}  // namespace mesolith::master
