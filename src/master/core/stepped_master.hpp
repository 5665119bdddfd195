// SPDX-License-Identifier: Apache-2.0
// A master's core under test, with a registry that becomes durable when the test says so. Each step
// gives the effects of that step alone; streams are numbered by the test.
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "master/core/step.hpp"

namespace mesolith::master {

using SchedulerEvent = mesos::v1::scheduler::Event;
using SchedulerCall = mesos::v1::scheduler::Call;
using mesos::v1::TaskStatus;
using protocol::AgentCall;
using protocol::MasterEvent;

template <class Message>
Message parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

inline std::string scalar(const std::string& name, double value, const std::string& more = "") {
  return "resources { name: '" + name + "' type: SCALAR scalar { value: " + std::to_string(value) +
         " } " + more + " } ";
}

inline const std::string default_resources =
    "resources { name: 'ports' type: RANGES ranges { range { begin: 31000 end: 32000 } } } " +
    scalar("cpus", 8) + scalar("mem", 8192) + scalar("disk", 20000);

struct Scheduler {
  StreamId stream = 0;
  std::string id;
};
struct Node {
  StreamId stream = 0;
  std::string id;
};

class SteppedMaster {
 public:
  explicit SteppedMaster(Options options = {}, RegistryRecovered registry = {}, uint64_t seed = 7)
      : state(std::move(options), seed, now) {
    step(std::move(registry));
    persisted();
    EXPECT_TRUE(state.recovered);
  }

  Effects& step(const Event& event) {
    effects.clear();
    mesolith::master::step(state, now, event, effects);
    for (const Effect& effect : effects) {
      if (const auto* write = std::get_if<Persist>(&effect)) writes.push_back(*write);
    }
    return effects;
  }
  // The oldest write has reached the disk.
  Effects& persisted() {
    EXPECT_FALSE(writes.empty());
    const Persist write = writes.front();
    writes.pop_front();
    if (write.master) durable.master = write.master;
    if (write.cluster) durable.cluster = write.cluster;
    for (const auto& agent : write.agents) durable_agents[agent.info().id().value()] = agent;
    for (const auto& id : write.removed_agents) durable_agents.erase(id.value);
    return step(RegistryPersisted{write.ticket});
  }
  RegistryRecovered registry() const {
    RegistryRecovered out = durable;
    for (const auto& [id, agent] : durable_agents) out.agents.push_back(agent);
    return out;
  }
  Effects& tick(Duration later = {}) {
    now += later;
    return step(Tick{});
  }
  // Every deadline up to `later` from now; what is written becomes durable at once. All effects.
  Effects& run(Duration later) {
    const Time end = now + later;
    Effects all;
    for (int turns = 0; turns < 10'000 && (next_deadline(state, now) <= end || !writes.empty());
         ++turns) {
      if (writes.empty()) now = std::max(now, next_deadline(state, now));
      Effects& some = writes.empty() ? step(Tick{}) : persisted();
      all.insert(all.end(), some.begin(), some.end());
    }
    now = end;
    effects = std::move(all);
    return effects;
  }

  // What the last step did.
  std::vector<SchedulerEvent> events(StreamId stream) const {
    std::vector<SchedulerEvent> out;
    for (const Effect& effect : effects) {
      const auto* send = std::get_if<SendToFramework>(&effect);
      if (send && send->stream == stream) out.push_back(send->event);
    }
    return out;
  }
  std::vector<SchedulerEvent> events(StreamId stream, SchedulerEvent::Type type) const {
    std::vector<SchedulerEvent> out;
    for (const auto& event : events(stream)) {
      if (event.type() == type) out.push_back(event);
    }
    return out;
  }
  std::vector<TaskStatus> updates(StreamId stream) const {
    std::vector<TaskStatus> out;
    for (const auto& event : events(stream, SchedulerEvent::UPDATE)) {
      out.push_back(event.update().status());
    }
    return out;
  }
  std::vector<mesos::v1::Offer> offers(StreamId stream) const {
    std::vector<mesos::v1::Offer> out;
    for (const auto& event : events(stream, SchedulerEvent::OFFERS)) {
      out.insert(out.end(), event.offers().offers().begin(), event.offers().offers().end());
    }
    return out;
  }
  std::vector<MasterEvent> orders(StreamId stream) const {
    std::vector<MasterEvent> out;
    for (const Effect& effect : effects) {
      const auto* send = std::get_if<SendToAgent>(&effect);
      if (send && send->stream == stream) out.push_back(send->event);
    }
    return out;
  }
  std::vector<MasterEvent> orders(StreamId stream, MasterEvent::Type type) const {
    std::vector<MasterEvent> out;
    for (const auto& event : orders(stream)) {
      if (event.type() == type) out.push_back(event);
    }
    return out;
  }
  bool closed(StreamId stream) const {
    for (const Effect& effect : effects) {
      const auto* close = std::get_if<CloseStream>(&effect);
      if (close && close->stream == stream) return true;
    }
    return false;
  }

  // Schedulers. `info`: fields of FrameworkInfo; `more`: of Subscribe.
  Scheduler subscribe(const std::string& info = "", const std::string& more = "") {
    FrameworkSubscribing event;
    event.stream = ++last_stream;
    event.stream_uuid = "uuid-" + std::to_string(event.stream);
    event.call =
        parse<SchedulerCall>("type: SUBSCRIBE subscribe { framework_info { user: 'u' name: 'f' " +
                             info + " } " + more + " }");
    step(event);
    Scheduler scheduler{event.stream, ""};
    for (const auto& sent : events(event.stream, SchedulerEvent::SUBSCRIBED)) {
      scheduler.id = sent.subscribed().framework_id().value();
    }
    return scheduler;
  }
  Effects& call(const Scheduler& scheduler, const std::string& text) {
    FrameworkCalled event{parse<SchedulerCall>(text)};
    event.call.mutable_framework_id()->set_value(scheduler.id);
    return step(event);
  }
  // The only offer of the next allocation.
  mesos::v1::Offer offer(const Scheduler& scheduler) {
    tick();
    const auto all = offers(scheduler.stream);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? mesos::v1::Offer() : all.front();
  }
  Effects& launch(const Scheduler& scheduler, const mesos::v1::Offer& offer,
                  const std::string& tasks, const std::string& filters = "") {
    return call(scheduler, "type: ACCEPT accept { offer_ids { value: '" + offer.id().value() +
                               "' } operations { type: LAUNCH launch { " + tasks + " } } " +
                               filters + " }");
  }
  // A task that runs; its RUNNING update is acknowledged.
  void run_task(const Scheduler& scheduler, const Node& node, const std::string& id,
                const std::string& more = "command { value: 'x' }") {
    const auto offered = offer(scheduler);
    launch(scheduler, offered, task(id, node.id, more), "filters { refuse_seconds: 0 }");
    update(node, scheduler, id, "TASK_RUNNING", "r" + id);
    acknowledge(scheduler, node, id, "r" + id);
  }
  static std::string task(const std::string& id, const std::string& agent,
                          const std::string& more = "command { value: 'x' }",
                          const std::string& resources = scalar("cpus", 1) + scalar("mem", 32)) {
    return "task_infos { name: 't' task_id { value: '" + id + "' } agent_id { value: '" + agent +
           "' } " + resources + more + " } ";
  }
  Effects& acknowledge(const Scheduler& scheduler, const Node& node, const std::string& task,
                       const std::string& uuid) {
    return call(scheduler, "type: ACKNOWLEDGE acknowledge { agent_id { value: '" + node.id +
                               "' } task_id { value: '" + task + "' } uuid: '" + uuid + "' }");
  }

  // Agents.
  StreamId ask_admission(const std::string& id = "", const std::string& more = "",
                         const std::string& resources = default_resources,
                         const std::string& place = "10.0.0.2:5051", uint32_t version = 1) {
    AgentSubscribing event;
    event.stream = ++last_stream;
    event.stream_uuid = "uuid-" + std::to_string(event.stream);
    event.peer_ip = "10.0.0.2";
    const std::string known = id.empty() ? "" : "id { value: '" + id + "' } ";
    event.call = parse<AgentCall>(
        "type: SUBSCRIBE subscribe { protocol_version: " + std::to_string(version) +
        " agent_info { hostname: 'host' port: 5051 " + known + resources +
        " } ip: '10.0.0.2' process_id: 'slave(1)@" + place +
        "' capabilities { type: MULTI_ROLE } " + more + " }");
    step(event);
    return event.stream;
  }
  Node admit(const std::string& place = "10.0.0.2:5051",
             const std::string& resources = default_resources) {
    Node node{ask_admission("", "", resources, place), ""};
    while (!writes.empty()) {
      persisted();
      for (const auto& event : orders(node.stream, MasterEvent::SUBSCRIBED)) {
        node.id = event.subscribed().agent_id().value();
      }
    }
    EXPECT_FALSE(node.id.empty());
    return node;
  }
  Effects& agent_calls(const Node& node, const std::string& text) {
    AgentCalled event{parse<AgentCall>(text)};
    event.call.mutable_agent_id()->set_value(node.id);
    return step(event);
  }
  Effects& update(const Node& node, const Scheduler& scheduler, const std::string& task,
                  const std::string& told, const std::string& uuid, const std::string& more = "",
                  const std::string& latest = "") {
    return agent_calls(node, "type: UPDATE update { framework_id { value: '" + scheduler.id +
                                 "' } status { task_id { value: '" + task + "' } state: " + told +
                                 " agent_id { value: '" + node.id + "' } source: SOURCE_EXECUTOR " +
                                 "uuid: '" + uuid + "' " + more + " } " +
                                 (latest.empty() ? "" : "latest_state: " + latest) + " }");
  }

  uint64_t counter(const std::string& name) const {
    const auto found = state.metrics.counters.find("master/" + name);
    return found == state.metrics.counters.end() ? 0 : found->second;
  }
  const Framework& framework(const Scheduler& scheduler) const {
    return state.frameworks.at(FrameworkId(scheduler.id));
  }

  Time now{std::chrono::seconds(1'000'000)};
  State state;
  Effects effects;
  std::deque<Persist> writes;
  RegistryRecovered durable;
  std::map<std::string, registry::Agent> durable_agents;
  StreamId last_stream = 0;
};

inline testing::AssertionResult holds(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << text << "\" does not contain \"" << part << '"';
}

inline const std::string partition_aware = "capabilities { type: PARTITION_AWARE } ";
inline const std::string multi_role = "capabilities { type: MULTI_ROLE } ";
inline constexpr auto seconds = [](int64_t count) { return Duration(std::chrono::seconds(count)); };

}  // namespace mesolith::master
