// SPDX-License-Identifier: Apache-2.0
#include "master/core/test_cluster.hpp"

#include "base/check.hpp"

namespace mesolith::master {
namespace {

mesos::v1::Resource scalar(const std::string& name, double value) {
  mesos::v1::Resource resource;
  resource.set_name(name);
  resource.set_type(mesos::v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(value);
  return resource;
}

template <class Sent, class Type>
auto take(Effects& effects, StreamId stream, Type type) {
  std::vector<decltype(Sent::event)> found;
  std::erase_if(effects, [&](const Effect& effect) {
    const Sent* sent = std::get_if<Sent>(&effect);
    if (!sent || sent->stream != stream || sent->event.type() != type) return false;
    found.push_back(sent->event);
    return true;
  });
  return found;
}

}  // namespace

TestCluster::TestCluster(Options options) : state(std::move(options), 1, now) {
  step(RegistryRecovered{});
}

void TestCluster::step(const Event& event) {
  Effects caused;
  master::step(state, now, event, caused);
  for (Effect& effect : caused) {
    const auto* persist = std::get_if<Persist>(&effect);
    const uint64_t ticket = persist ? persist->ticket : 0;
    effects.push_back(std::move(effect));
    if (ticket == 0) continue;
    if (hold_persists) {
      held.push_back(ticket);
    } else {
      step(RegistryPersisted{ticket});
    }
  }
}

void TestCluster::tick() {
  while (next_deadline(state, now) <= now) step(Tick{});
}

void TestCluster::advance(Duration time) {
  const Time end = saturating_add(now, time);
  while (true) {
    tick();
    const Time next = next_deadline(state, now);
    if (next > end) break;
    now = next;
  }
  now = end;
}

mesos::v1::FrameworkInfo TestCluster::info(const std::string& name, bool partition_aware,
                                           double failover_timeout) {
  mesos::v1::FrameworkInfo info;
  info.set_user("root");
  info.set_name(name);
  info.set_checkpoint(true);
  info.set_failover_timeout(failover_timeout);
  if (partition_aware) {
    info.add_capabilities()->set_type(mesos::v1::FrameworkInfo::Capability::PARTITION_AWARE);
  }
  return info;
}

TestCluster::Framework TestCluster::subscribe(const mesos::v1::FrameworkInfo& info) {
  FrameworkSubscribing subscribing;
  subscribing.stream = next_stream_++;
  subscribing.stream_uuid = "uuid-" + std::to_string(subscribing.stream);
  subscribing.call.set_type(Call::SUBSCRIBE);
  *subscribing.call.mutable_subscribe()->mutable_framework_info() = info;
  step(subscribing);
  const auto subscribed = taken(subscribing.stream, SchedulerEvent::SUBSCRIBED);
  return {subscribing.stream,
          subscribed.empty() ? "" : subscribed[0].subscribed().framework_id().value()};
}

TestCluster::AgentCall TestCluster::agent_subscribe(const std::string& address) const {
  AgentCall call;
  call.set_type(AgentCall::SUBSCRIBE);
  auto& subscribe = *call.mutable_subscribe();
  subscribe.set_protocol_version(1);
  subscribe.set_ip(address.substr(0, address.find(':')));
  subscribe.set_process_id("slave(1)@" + address);
  subscribe.mutable_agent_info()->set_hostname("host");
  *subscribe.mutable_agent_info()->add_resources() = scalar("cpus", 4);
  *subscribe.mutable_agent_info()->add_resources() = scalar("mem", 1024);
  subscribe.add_capabilities()->set_type(mesos::v1::AgentInfo::Capability::MULTI_ROLE);
  return call;
}

TestCluster::Agent TestCluster::add_agent(const std::string& address) {
  const StreamId stream = next_stream_++;
  step(AgentSubscribing{stream, "uuid-" + std::to_string(stream), "", agent_subscribe(address)});
  const auto subscribed = taken(stream, MasterEvent::SUBSCRIBED);
  return {stream, subscribed.empty() ? "" : subscribed[0].subscribed().agent_id().value()};
}

void TestCluster::call(const Framework& framework, Call call) {
  call.mutable_framework_id()->set_value(framework.id);
  step(FrameworkCalled{std::move(call)});
}

void TestCluster::call(const Agent& agent, AgentCall call) {
  call.mutable_agent_id()->set_value(agent.id);
  step(AgentCalled{std::move(call)});
}

mesos::v1::TaskInfo TestCluster::task(const std::string& id, const std::string& agent,
                                      double cpus) {
  mesos::v1::TaskInfo task;
  task.set_name(id);
  task.mutable_task_id()->set_value(id);
  task.mutable_agent_id()->set_value(agent);
  *task.add_resources() = scalar("cpus", cpus);
  *task.add_resources() = scalar("mem", 32);
  task.mutable_command()->set_value("true");
  return task;
}

void TestCluster::accept(const Framework& framework, const mesos::v1::Offer& offer,
                         const std::vector<mesos::v1::TaskInfo>& tasks, double refuse_seconds) {
  Call accept;
  accept.set_type(Call::ACCEPT);
  *accept.mutable_accept()->add_offer_ids() = offer.id();
  auto& operation = *accept.mutable_accept()->add_operations();
  operation.set_type(mesos::v1::Offer::Operation::LAUNCH);
  for (const auto& task : tasks) *operation.mutable_launch()->add_task_infos() = task;
  accept.mutable_accept()->mutable_filters()->set_refuse_seconds(refuse_seconds);
  call(framework, std::move(accept));
}

void TestCluster::update(const Agent& agent, const Framework& framework, const std::string& task,
                         mesos::v1::TaskState task_state, const std::string& uuid) {
  AgentCall update;
  update.set_type(AgentCall::UPDATE);
  update.mutable_update()->mutable_framework_id()->set_value(framework.id);
  auto& status = *update.mutable_update()->mutable_status();
  status.mutable_task_id()->set_value(task);
  status.mutable_agent_id()->set_value(agent.id);
  status.set_state(task_state);
  status.set_source(mesos::v1::TaskStatus::SOURCE_EXECUTOR);
  status.set_uuid(uuid);
  update.mutable_update()->set_latest_state(task_state);
  call(agent, std::move(update));
}

std::vector<TestCluster::SchedulerEvent> TestCluster::taken(StreamId stream,
                                                            SchedulerEvent::Type type) {
  return take<SendToFramework>(effects, stream, type);
}

std::vector<TestCluster::MasterEvent> TestCluster::taken(StreamId stream, MasterEvent::Type type) {
  return take<SendToAgent>(effects, stream, type);
}

mesos::v1::Offer TestCluster::offer(const Framework& framework) {
  tick();
  const auto events = taken(framework.stream, SchedulerEvent::OFFERS);
  CHECK(!events.empty());
  return events.back().offers().offers(0);
}

mesos::v1::TaskStatus TestCluster::status(const Framework& framework) {
  const auto events = taken(framework.stream, SchedulerEvent::UPDATE);
  CHECK(events.size() == 1);
  return events[0].update().status();
}

bool TestCluster::closed(StreamId stream) const {
  for (const Effect& effect : effects) {
    const auto* close = std::get_if<CloseStream>(&effect);
    if (close && close->stream == stream) return true;
  }
  return false;
}

}  // namespace mesolith::master
