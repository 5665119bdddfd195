// SPDX-License-Identifier: Apache-2.0
// Reservations and volumes at the agent: durable before they are told of or used, there again after
// a restart at any moment, and a destroyed volume never comes back.
#include "model/operations.hpp"

#include <google/protobuf/text_format.h>

#include "agent/core/fixture_test.hpp"
#include "mesolith/checkpoint.pb.h"

namespace mesolith::agent {
namespace {

using protocol::AgentCall;
using protocol::MasterEvent;

const std::string reservation = "reservations { type: DYNAMIC role: 'demo' }";
const std::string disk = "name: 'disk' type: SCALAR scalar { value: 64 } " + reservation;
std::string volume(const std::string& more = "") {
  return disk + " disk { persistence { id: 'v' } volume { mode: RW container_path: 'data' } } " +
         more;
}
const std::string path = "/var/agent/volumes/roles/demo/v";

class Agent : public Core {
 public:
  explicit Agent(double disk_mb = 1000) : Core(with_disk(disk_mb)) {}

  static Options with_disk(double amount) {
    Options options = default_options();
    auto* resource = options.info.add_resources();
    resource->set_name("disk");
    resource->set_type(mesos::v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(amount);
    return options;
  }
  // As after kill -9: the same records, another process.
  void restart(const Agent& before) {
    stored = before.stored;
    Recovered recovered;
    recovered.records.assign(stored.begin(), stored.end());
    step(recovered);
  }
  Effects& apply(const std::string& operation, const std::string& uuid = "") {
    MasterEvent event;
    event.set_type(MasterEvent::APPLY_OPERATION);
    auto& apply = *event.mutable_apply_operation();
    apply.mutable_framework_id()->set_value("F");
    if (!uuid.empty()) apply.set_uuid(uuid);
    EXPECT_TRUE(
        google::protobuf::TextFormat::ParseFromString(operation, apply.mutable_operation()));
    return master(event);
  }
  Effects& reserve() { return apply("type: RESERVE reserve { resources { " + disk + " } }"); }
  Effects& create() { return apply("type: CREATE create { volumes { " + volume() + " } }"); }
  Effects& destroy() { return apply("type: DESTROY destroy { volumes { " + volume() + " } }"); }
  // Until nothing more waits for the disk; all effects.
  Effects settle() {
    Effects all;
    uint64_t done = 0;
    while (ticket > done) {
      done = ticket;
      for (const Effect& effect : persisted()) all.push_back(effect);
    }
    return all;
  }
  std::vector<AgentCall::OperationUpdate> told() const {
    std::vector<AgentCall::OperationUpdate> found;
    for (const auto* each : all<SendToMaster>()) {
      if (each->call.type() == AgentCall::OPERATION_UPDATE) {
        found.push_back(each->call.operation_update());
      }
    }
    return found;
  }
  AgentCall::Subscribe subscribed() const {
    const auto* out = one<SubscribeToMaster>();
    return out ? out->call.subscribe() : AgentCall::Subscribe();
  }
  static mesos::v1::TaskInfo task_on_volume(const std::string& id = "t") {
    mesos::v1::TaskInfo info = task(id);
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(volume(), info.add_resources()));
    info.mutable_resources()->rbegin()->mutable_allocation_info()->set_role("demo");
    return info;
  }
};

TEST(AgentOperations, AreToldOnlyWhenDurable) {
  Agent agent;
  agent.start();
  agent.apply("type: RESERVE id { value: 'id' } reserve { resources { " + disk + " } }", "uuid");
  EXPECT_TRUE(agent.told().empty());
  EXPECT_TRUE(agent.stored.contains("resources"));
  agent.persisted();
  ASSERT_EQ(agent.told().size(), 1U);
  const auto told = agent.told()[0];
  EXPECT_EQ(told.operation_uuid(), "uuid");
  EXPECT_EQ(told.framework_id().value(), "F");
  EXPECT_EQ(told.status().state(), mesos::v1::OPERATION_FINISHED);
  EXPECT_EQ(told.status().operation_id().value(), "id");
  EXPECT_EQ(told.status().agent_id().value(), "M-S0");
  EXPECT_EQ(told.status().uuid().value().size(), 16U);
}

TEST(AgentOperations, AreToldUntilAcknowledged) {
  Agent agent;
  agent.start();
  agent.apply("type: RESERVE id { value: 'id' } reserve { resources { " + disk + " } }", "uuid");
  agent.persisted();
  const std::string uuid = agent.told()[0].status().uuid().value();
  agent.tick_at_deadline();
  ASSERT_EQ(agent.told().size(), 1U);
  EXPECT_EQ(agent.told()[0].status().uuid().value(), uuid);

  Agent next;  // also after a restart
  next.restart(agent);
  next.connect();
  ASSERT_EQ(next.told().size(), 1U);
  EXPECT_EQ(next.told()[0].status().uuid().value(), uuid);
  MasterEvent event;
  event.set_type(MasterEvent::ACKNOWLEDGE_OPERATION);
  event.mutable_acknowledge_operation()->set_operation_uuid("uuid");
  event.mutable_acknowledge_operation()->set_status_uuid("another");
  next.master(event);
  EXPECT_EQ(next.state.operations.size(), 1U);
  event.mutable_acknowledge_operation()->set_status_uuid(uuid);
  next.master(event);
  EXPECT_TRUE(next.state.operations.empty());
  EXPECT_TRUE(next.state.operation_retries.empty());
  EXPECT_FALSE(next.stored.contains(std::string("operation/") + "75756964"));
  EXPECT_TRUE(next.stored.contains("resources"));
}

TEST(AgentOperations, AreToldAgainAtRegistration) {
  Agent agent;
  agent.start();
  agent.reserve();
  agent.create();
  const model::Resources total = agent.state.total;
  Agent next;
  next.restart(agent);
  EXPECT_EQ(next.state.total, total);
  next.step(MasterDetected{});
  next.tick_at_deadline();
  const auto told = model::Resources::parse(next.subscribed().total_resources());
  EXPECT_EQ(*told, total);
}

TEST(AgentOperations, OnResourcesThatAreNotThereAreDroppedAndTheMasterIsToldAnew) {
  Agent agent;
  agent.start();
  agent.apply("type: UNRESERVE id { value: 'id' } unreserve { resources { " + disk + " } }",
              "uuid");
  agent.persisted();
  ASSERT_EQ(agent.told().size(), 1U);
  EXPECT_EQ(agent.told()[0].status().state(), mesos::v1::OPERATION_DROPPED);
  EXPECT_EQ(next_deadline(agent.state, agent.now), agent.now);
  agent.step(Tick{});
  EXPECT_NE(agent.one<SubscribeToMaster>(), nullptr);
}

TEST(AgentOperations, OfTheMasterThatNeverCameAreDropped) {
  Agent agent;
  agent.start();
  agent.step(MasterDisconnected{agent.state.connection});
  agent.tick_at_deadline();
  MasterEvent event;
  event.set_type(MasterEvent::SUBSCRIBED);
  auto& subscribed = *event.mutable_subscribed();
  subscribed.mutable_agent_id()->set_value("M-S0");
  subscribed.mutable_master_info()->set_id("M");
  subscribed.mutable_master_info()->set_ip(0);
  subscribed.mutable_master_info()->set_port(5050);
  subscribed.set_ping_timeout_total_seconds(75);
  auto& unknown = *subscribed.add_unknown_operations();
  unknown.mutable_framework_id()->set_value("F");
  unknown.set_uuid("lost");
  unknown.mutable_operation()->mutable_id()->set_value("id");
  agent.master(event);
  agent.persisted();
  ASSERT_EQ(agent.told().size(), 1U);
  EXPECT_EQ(agent.told()[0].status().state(), mesos::v1::OPERATION_DROPPED);
}

TEST(AgentVolumes, AreMadeWhenDurableAndLinkedForTheirTask) {
  for (const bool checkpoint : {false, true}) {
    Agent agent;
    agent.start();
    agent.reserve();
    agent.create();
    EXPECT_EQ(agent.one<MakeVolume>(), nullptr);
    agent.launch(agent.framework(checkpoint), Agent::task_on_volume());
    EXPECT_EQ(agent.one<LaunchContainer>(), nullptr);  // not before the volume is durable
    agent.persisted();
    ASSERT_NE(agent.one<MakeVolume>(), nullptr);
    EXPECT_EQ(agent.one<MakeVolume>()->path, path);
    const auto* container = agent.one<LaunchContainer>();
    ASSERT_NE(container, nullptr);
    ASSERT_EQ(container->volumes.size(), 1U);
    EXPECT_EQ(container->volumes[0].volume, path);
    EXPECT_EQ(container->volumes[0].link, "data");
  }
}

TEST(AgentVolumes, AreLinkedForATaskOfARunningExecutor) {
  Agent agent;
  agent.start();
  agent.reserve();
  agent.create();
  agent.settle();
  mesos::v1::TaskInfo info = Agent::custom_task("t");
  *info.add_resources() = *Agent::task_on_volume().resources().rbegin();
  agent.launch(agent.framework(), info);
  const auto* container = agent.one<LaunchContainer>();
  ASSERT_NE(container, nullptr);
  EXPECT_TRUE(container->volumes.empty());
  agent.step(ContainerLaunched{container->container_id, 100});
  ExecutorSubscribing subscribing;
  subscribing.stream = 9;
  subscribing.call.set_type(mesos::v1::executor::Call::SUBSCRIBE);
  subscribing.call.mutable_framework_id()->set_value("F");
  subscribing.call.mutable_executor_id()->set_value("E");
  subscribing.call.mutable_subscribe();
  agent.step(subscribing);
  ASSERT_NE(agent.one<LinkVolumes>(), nullptr);
  EXPECT_EQ(agent.one<LinkVolumes>()->volumes[0].volume, path);
}

TEST(AgentVolumes, UnknownOnesRefuseTheTask) {
  Agent agent;
  agent.start();
  agent.launch(agent.framework(), Agent::task_on_volume());
  ASSERT_EQ(agent.updates().size(), 1U);
  EXPECT_EQ(agent.last_update().reason(), mesos::v1::TaskStatus::REASON_RESOURCES_UNKNOWN);
  EXPECT_EQ(next_deadline(agent.state, agent.now), agent.now);
}

TEST(AgentVolumes, ADestroyedOneIsMovedAsideThenDiscarded) {
  Agent agent;
  agent.start();
  agent.reserve();
  agent.create();
  agent.settle();
  agent.destroy();
  EXPECT_EQ(agent.one<RemoveVolume>(), nullptr);
  agent.persisted();
  ASSERT_NE(agent.one<RemoveVolume>(), nullptr);
  EXPECT_EQ(agent.one<RemoveVolume>()->path, path);
  const std::string trash = agent.one<RemoveVolume>()->trash;
  EXPECT_EQ(trash.rfind("/var/agent/volumes/.removed/", 0), 0U);
  EXPECT_EQ(agent.one<DiscardVolumes>(), nullptr);
  agent.persisted();
  ASSERT_NE(agent.one<DiscardVolumes>(), nullptr);
  EXPECT_TRUE(agent.one<DiscardVolumes>()->keep.empty());
  EXPECT_TRUE(agent.state.removals.empty());
}

// The disk of a machine: what the effects did to it survives the agent's death.
struct Machine {
  std::map<std::string, std::string> content;  // of volumes, by path
  std::set<std::string> trash;

  void perform(const Effects& effects) {
    for (const Effect& effect : effects) {
      if (const auto* make = std::get_if<MakeVolume>(&effect)) content.emplace(make->path, "");
      if (const auto* remove = std::get_if<RemoveVolume>(&effect)) {
        if (trash.insert(remove->trash).second) content.erase(remove->path);
      }
      if (const auto* discard = std::get_if<DiscardVolumes>(&effect)) {
        std::erase_if(trash, [&](const auto& each) { return !discard->keep.contains(each); });
      }
    }
  }
};

// A volume is destroyed and made anew under the same name, and the agent dies after any number of
// its writes; whatever the new one held by then is still there, and nothing of the old one is.
TEST(AgentVolumes, ARestartNeverMixesUpOldAndNew) {
  for (int writes = 0; writes < 8; ++writes) {
    Machine machine;
    Agent agent;
    std::map<std::string, std::string> durable;
    int left = writes;
    agent.start();
    agent.reserve();
    agent.create();
    for (const Effects& effects : {agent.settle()}) machine.perform(effects);
    durable = agent.stored;
    machine.content[path] = "old";
    bool made_anew = false;
    const auto after_write = [&](const auto& act) {
      act();
      machine.perform(agent.effects);
    };
    after_write([&] { agent.destroy(); });
    const auto with_destroy = agent.stored;
    after_write([&] { agent.create(); });
    const auto with_create = agent.stored;
    // Tickets become durable one by one: first that of DESTROY, then that of CREATE.
    const uint64_t first = agent.ticket - 1, second = agent.ticket;
    if (left-- > 0) {
      durable = with_destroy;
      machine.perform(agent.step(Persisted{first}));
    }
    const auto with_moved = agent.stored;
    if (left-- > 0) {
      durable = with_create;
      machine.perform(agent.step(Persisted{second}));
      made_anew = true;
      machine.content[path] = "new";
    }
    while (left-- > 0) {
      durable = agent.stored;
      machine.perform(agent.persisted());
    }
    Agent next;
    next.stored = durable;
    Recovered recovered;
    recovered.records.assign(durable.begin(), durable.end());
    machine.perform(next.step(recovered));
    machine.perform(next.settle());
    const std::string expected = made_anew ? "new" : writes == 0 ? "old" : "";
    if (writes == 1) {
      EXPECT_FALSE(machine.content.contains(path));
    } else {
      EXPECT_EQ(machine.content.at(path), expected) << writes;
    }
    EXPECT_TRUE(next.state.removals.empty());
  }
}

TEST(AgentVolumes, OutliveTheAgentsIdentityButNotItsDisk) {
  Agent agent;
  agent.start();
  agent.reserve();
  agent.create();
  agent.settle();
  Options renamed = Agent::with_disk(1000);
  renamed.info.set_hostname("another");
  Core other(renamed);
  Recovered recovered;
  recovered.records.assign(agent.stored.begin(), agent.stored.end());
  other.step(recovered);
  EXPECT_TRUE(other.state.id.empty());
  EXPECT_FALSE(other.state.total.persistent_volumes().empty());

  Options small = Agent::with_disk(10);
  small.info.set_hostname("another");
  Core smaller(small);
  smaller.step(recovered);
  ASSERT_NE(smaller.one<Exit>(), nullptr);
  EXPECT_NE(smaller.one<Exit>()->message.find("less than what is reserved"), std::string::npos);
}

}  // namespace
}  // namespace mesolith::agent
