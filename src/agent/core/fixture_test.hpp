// SPDX-License-Identifier: Apache-2.0
// An agent's core under test: it is stepped with events and shows the effects that came of them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "agent/core/step.hpp"
#include "model/ids.hpp"

namespace mesolith::agent {

inline constexpr int killed_status = 9;  // as wait(2) gives them
inline constexpr int terminated_status = 15;
inline int exit_status(int code) {
  return code << 8;
}

class Core {
 public:
  explicit Core(Options options = default_options(), uint64_t seed = 7)
      : state(std::move(options), seed, now) {}

  static Options default_options() {
    Options options;
    options.info.set_hostname("agent1.example");
    options.info.set_port(5051);
    for (const auto& [name, value] : {std::pair("cpus", 8.0), {"mem", 8192.0}}) {
      auto* resource = options.info.add_resources();
      resource->set_name(name);
      resource->set_type(mesos::v1::Value::SCALAR);
      resource->mutable_scalar()->set_value(value);
    }
    options.ip = "10.0.0.2";
    options.work_dir = "/var/agent";
    options.disk_watch_interval = std::chrono::hours(1'000'000);
    return options;
  }

  // Steps, remembers what was put and deleted, and gives the effects of this event.
  Effects& step(const Event& event) {
    effects.clear();
    agent::step(state, now, event, effects);
    for (const Effect& effect : effects) {
      if (const auto* persist = std::get_if<Persist>(&effect)) {
        for (const auto& [key, bytes] : persist->puts) stored[key] = bytes;
        for (const auto& key : persist->deletes) stored.erase(key);
        ticket = persist->ticket;
      }
    }
    return effects;
  }
  Effects& persisted() { return step(Persisted{ticket}); }
  Effects& tick_at_deadline() {
    now = next_deadline(state, now);
    EXPECT_NE(now, never);
    return step(Tick{});
  }
  void advance(Duration duration) { now += duration; }

  void recover_empty() { step(Recovered{}); }
  // Recovers and registers, as a fresh agent does.
  void start() {
    recover_empty();
    connect();
    persisted();
  }
  void connect() {
    step(MasterDetected{});
    tick_at_deadline();
    ASSERT_NE(one<SubscribeToMaster>(), nullptr);
    subscribed_with = one<SubscribeToMaster>()->call.subscribe();
    protocol::MasterEvent event;
    event.set_type(protocol::MasterEvent::SUBSCRIBED);
    event.mutable_subscribed()->mutable_agent_id()->set_value("M-S0");
    event.mutable_subscribed()->mutable_master_info()->set_id("M");
    event.mutable_subscribed()->mutable_master_info()->set_ip(0);
    event.mutable_subscribed()->mutable_master_info()->set_port(5050);
    event.mutable_subscribed()->set_ping_timeout_total_seconds(75);
    master(event);
  }
  Effects& master(protocol::MasterEvent event) {
    return step(MasterEventReceived{state.connection, std::move(event)});
  }

  mesos::v1::FrameworkInfo framework(bool checkpoint = false, bool capable = false) const {
    mesos::v1::FrameworkInfo info;
    info.set_user("root");
    info.set_name("demo");
    info.mutable_id()->set_value("F");
    info.set_checkpoint(checkpoint);
    if (capable) {
      for (const auto type : {mesos::v1::FrameworkInfo::Capability::PARTITION_AWARE,
                              mesos::v1::FrameworkInfo::Capability::TASK_KILLING_STATE}) {
        info.add_capabilities()->set_type(type);
      }
    }
    return info;
  }
  static mesos::v1::TaskInfo task(const std::string& id, const std::string& command = "true") {
    mesos::v1::TaskInfo info;
    info.set_name(id);
    info.mutable_task_id()->set_value(id);
    info.mutable_agent_id()->set_value("M-S0");
    info.mutable_command()->set_value(command);
    add_resources(*info.mutable_resources(), 0.1, 32);
    return info;
  }
  static mesos::v1::TaskInfo custom_task(const std::string& id) {
    mesos::v1::TaskInfo info = task(id);
    info.clear_command();
    auto* executor = info.mutable_executor();
    executor->set_type(mesos::v1::ExecutorInfo::CUSTOM);
    executor->mutable_executor_id()->set_value("E");
    executor->mutable_framework_id()->set_value("F");
    executor->mutable_command()->set_value("./executor");
    add_resources(*executor->mutable_resources(), 0.5, 64);
    return info;
  }
  static void add_resources(google::protobuf::RepeatedPtrField<mesos::v1::Resource>& resources,
                            double cpus, double mem) {
    for (const auto& [name, value] : {std::pair("cpus", cpus), {"mem", mem}}) {
      auto* resource = resources.Add();
      resource->set_name(name);
      resource->set_type(mesos::v1::Value::SCALAR);
      resource->mutable_scalar()->set_value(value);
      resource->mutable_allocation_info()->set_role("demo");
    }
  }
  Effects& launch(const mesos::v1::FrameworkInfo& framework, const mesos::v1::TaskInfo& task,
                  std::optional<bool> launch_executor = std::nullopt) {
    protocol::MasterEvent event;
    event.set_type(protocol::MasterEvent::LAUNCH);
    *event.mutable_launch()->mutable_framework() = framework;
    *event.mutable_launch()->add_tasks() = task;
    if (launch_executor) event.mutable_launch()->add_launch_executor(*launch_executor);
    return master(event);
  }
  Effects& kill(const std::string& task_id, std::optional<Duration> grace = std::nullopt) {
    protocol::MasterEvent event;
    event.set_type(protocol::MasterEvent::KILL);
    event.mutable_kill()->mutable_framework_id()->set_value("F");
    event.mutable_kill()->mutable_task_id()->set_value(task_id);
    if (grace) {
      event.mutable_kill()->mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(
          grace->count());
    }
    return master(event);
  }
  Effects& acknowledge(const mesos::v1::TaskStatus& status) {
    protocol::MasterEvent event;
    event.set_type(protocol::MasterEvent::ACKNOWLEDGE);
    event.mutable_acknowledge()->mutable_framework_id()->set_value("F");
    *event.mutable_acknowledge()->mutable_task_id() = status.task_id();
    event.mutable_acknowledge()->set_uuid(status.uuid());
    return master(event);
  }

  // A command task running, both of its first updates acknowledged.
  ContainerId run(const mesos::v1::FrameworkInfo& framework, const mesos::v1::TaskInfo& task) {
    launch(framework, task);
    if (framework.checkpoint()) persisted();
    const auto* container = one<LaunchContainer>();
    EXPECT_NE(container, nullptr);
    if (!container) return ContainerId();
    const ContainerId id = container->container_id;
    step(ContainerLaunched{id, 100});
    if (framework.checkpoint()) persisted();
    acknowledge(last_update());
    acknowledge(last_update());
    return id;
  }

  template <class T>
  std::vector<const T*> all() const {
    std::vector<const T*> found;
    for (const Effect& effect : effects) {
      if (const T* each = std::get_if<T>(&effect)) found.push_back(each);
    }
    return found;
  }
  template <class T>
  const T* one() const {
    const auto found = all<T>();
    return found.size() == 1 ? found[0] : nullptr;
  }
  std::vector<protocol::AgentCall::Update> updates() const {
    std::vector<protocol::AgentCall::Update> found;
    for (const auto* each : all<SendToMaster>()) {
      if (each->call.type() == protocol::AgentCall::UPDATE) found.push_back(each->call.update());
    }
    return found;
  }
  mesos::v1::TaskStatus last_update() const {
    const auto found = updates();
    EXPECT_FALSE(found.empty());
    return found.empty() ? mesos::v1::TaskStatus() : found.back().status();
  }
  std::vector<mesos::v1::executor::Event> executor_events() const {
    std::vector<mesos::v1::executor::Event> found;
    for (const auto* each : all<SendToExecutor>()) found.push_back(each->event);
    return found;
  }

  Time now = Time(std::chrono::hours(1));
  State state;
  Effects effects;
  uint64_t ticket = 0;
  std::map<std::string, std::string> stored;
  protocol::AgentCall::Subscribe subscribed_with;  // the last time
};

}  // namespace mesolith::agent
