// SPDX-License-Identifier: Apache-2.0
// T7: placements through a real master process over real sockets. The agents are simulated: one
// thread speaks the agent protocol for all of them and answers each launch with RUNNING and
// FINISHED at once; nothing is executed. The framework is a thread of its own.
#include <fmt/format.h>

#include <memory>
#include <thread>

#include "bare.hpp"
#include "base/rng.hpp"
#include "load.hpp"
#include "measure.hpp"
#include "mesolith/protocol.pb.h"
#include "net/record_stream.hpp"
#include "processes.hpp"

namespace mesolith::bench {
namespace {

constexpr size_t agents = 100;
constexpr size_t rounds = 7;
constexpr size_t tasks = 10'000;
constexpr size_t batches = 5'000;
constexpr Duration retry_interval = std::chrono::milliseconds(10);
constexpr std::string_view protobuf_type = "application/x-protobuf";

class SimulatedAgent {
 public:
  SimulatedAgent(net::Loop& loop, const std::string& master, size_t number)
      : rng_(number + 1),
        subscription_(subscribe_call(number).SerializeAsString()),
        again_(loop, [this] { stream_->subscribe(subscription_); }) {
    net::RecordStreamOptions options;
    const auto endpoint = net::parse_endpoint(master);
    if (!endpoint) give_up(endpoint.error().message);
    options.server = *endpoint;
    options.path = "/api/mesolith/v1/agent";
    options.content_type = options.accept = protobuf_type;
    stream_ = std::make_unique<net::RecordStream>(
        loop, options,
        net::RecordStreamCallbacks{
            [](const std::string&, const wire::Response&) {},
            [this](const std::string& record) { on_record(record); },
            [this](const wire::Response& answer) { on_refused(answer); },
            [](const Error& error) { give_up("an agent lost its master: " + error.message); }});
    stream_->subscribe(subscription_);
  }

 private:
  static protocol::AgentCall subscribe_call(size_t number) {
    protocol::AgentCall call;
    call.set_type(protocol::AgentCall::SUBSCRIBE);
    auto& subscribe = *call.mutable_subscribe();
    subscribe.set_protocol_version(1);
    subscribe.set_version("1.12.0");
    subscribe.set_ip("127.0.0.1");
    subscribe.set_process_id(fmt::format("slave(1)@127.0.0.1:{}", 20'000 + number));
    using Capability = mesos::v1::AgentInfo::Capability;
    for (const auto type : {Capability::MULTI_ROLE, Capability::RESERVATION_REFINEMENT})
      subscribe.add_capabilities()->set_type(type);
    auto& info = *subscribe.mutable_agent_info();
    info.set_hostname(fmt::format("simulated{}", number));
    info.set_port(static_cast<int32_t>(20'000 + number));
    for (const auto& [name, value] : {std::pair("cpus", 16.0), std::pair("mem", 65536.0)}) {
      auto& resource = *info.add_resources();
      resource.set_name(name);
      resource.set_type(mesos::v1::Value::SCALAR);
      resource.mutable_scalar()->set_value(value);
    }
    return call;
  }

  void on_refused(const wire::Response& answer) {  // 503 while the master recovers
    if (answer.status != 503) give_up("an agent was refused: " + answer.body);
    again_.set(saturating_add(clock_now(), retry_interval));
  }

  void on_record(const std::string& record) {
    protocol::MasterEvent event;
    if (!event.ParseFromString(record)) give_up("an event cannot be understood");
    if (event.type() == protocol::MasterEvent::SUBSCRIBED) {
      id_ = event.subscribed().agent_id();
    } else if (event.type() == protocol::MasterEvent::PING) {
      protocol::AgentCall pong;
      pong.set_type(protocol::AgentCall::PONG);
      send(pong);
    } else if (event.type() == protocol::MasterEvent::LAUNCH) {
      for (const auto& task : event.launch().tasks()) {
        update(event.launch().framework().id(), task.task_id(), mesos::v1::TASK_RUNNING);
        update(event.launch().framework().id(), task.task_id(), mesos::v1::TASK_FINISHED);
      }
    }
  }

  void update(const mesos::v1::FrameworkID& framework, const mesos::v1::TaskID& task,
              mesos::v1::TaskState state) {
    protocol::AgentCall call;
    call.set_type(protocol::AgentCall::UPDATE);
    auto& update = *call.mutable_update();
    *update.mutable_framework_id() = framework;
    update.set_latest_state(mesos::v1::TASK_FINISHED);
    auto& status = *update.mutable_status();
    *status.mutable_task_id() = task;
    *status.mutable_agent_id() = id_;
    status.set_state(state);
    status.set_source(mesos::v1::TaskStatus::SOURCE_EXECUTOR);
    status.set_timestamp(std::chrono::duration<double>(clock_now().time_since_epoch()).count());
    std::string uuid(16, '\0');
    for (char& byte : uuid) byte = static_cast<char>(rng_.below(256));
    status.set_uuid(uuid);
    send(call);
  }

  void send(protocol::AgentCall& call) {
    *call.mutable_agent_id() = id_;
    stream_->send(call.SerializeAsString(), [](const Result<wire::Response>& answer) {
      if (!answer || answer->status >= 400) give_up("a call of an agent was not accepted");
    });
  }

  Rng rng_;
  std::string subscription_;
  net::Timer again_;
  mesos::v1::AgentID id_;
  std::unique_ptr<net::RecordStream> stream_;
};

class SimulatedAgents {
 public:
  explicit SimulatedAgents(const std::string& master) {
    for (size_t i = 0; i < agents; ++i)
      agents_.push_back(std::make_unique<SimulatedAgent>(loop_, master, i));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~SimulatedAgents() {
    loop_.stop();
    thread_.join();
  }

 private:
  net::Loop loop_;
  std::vector<std::unique_ptr<SimulatedAgent>> agents_;
  std::thread thread_;
};

void measure() {
  const WorkDirectory directory;
  const RealCluster cluster(directory.path() + "/t7", {});
  const SimulatedAgents simulated(cluster.master());
  Load load({.master = cluster.master(),
             .program = "/bin/true",
             .in_flight = 4000,
             .per_accept = 100,
             .offers_min = agents});
  report({"T7", "placements, offer to FINISHED acknowledged, 100 simulated agents", "/s",
          "64-frame pipelined loopback frames/s", 0.03, 0.10},
         interleave(
             rounds, [&] { return loopback_frames_per_second(batches); },
             [&] { return static_cast<double>(tasks) / load.run(tasks); }));
}

}  // namespace
}  // namespace mesolith::bench

int main() {
  mesolith::bench::measure();
}
