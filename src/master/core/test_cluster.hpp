// SPDX-License-Identifier: Apache-2.0
// A master's core with frameworks and agents that say what a test tells them to. For tests only.
#pragma once

#include <string>
#include <vector>

#include "master/core/step.hpp"

namespace mesolith::master {

class TestCluster {
 public:
  using SchedulerEvent = mesos::v1::scheduler::Event;
  using Call = mesos::v1::scheduler::Call;
  using AgentCall = protocol::AgentCall;
  using MasterEvent = protocol::MasterEvent;

  explicit TestCluster(Options options = {});

  // One event; what it causes is added to `effects`. Persists are answered at once unless
  // `hold_persists`.
  void step(const Event& event);
  void tick();                  // until nothing is due
  void advance(Duration time);  // in steps of the deadlines

  struct Framework {
    StreamId stream = 0;
    std::string id;
  };
  struct Agent {
    StreamId stream = 0;
    std::string id;
  };
  static mesos::v1::FrameworkInfo info(const std::string& name, bool partition_aware = true,
                                       double failover_timeout = 0);
  Framework subscribe(const mesos::v1::FrameworkInfo& info);
  Agent add_agent(const std::string& address = "10.0.0.2:5051");
  AgentCall agent_subscribe(const std::string& address) const;
  void call(const Framework& framework, Call call);
  void call(const Agent& agent, AgentCall call);
  static mesos::v1::TaskInfo task(const std::string& id, const std::string& agent, double cpus = 1);
  void accept(const Framework& framework, const mesos::v1::Offer& offer,
              const std::vector<mesos::v1::TaskInfo>& tasks, double refuse_seconds = 0);
  void update(const Agent& agent, const Framework& framework, const std::string& task,
              mesos::v1::TaskState state, const std::string& uuid = "0123456789abcdef");

  // What was sent to a stream since the last look, by type.
  std::vector<SchedulerEvent> taken(StreamId stream, SchedulerEvent::Type type);
  std::vector<MasterEvent> taken(StreamId stream, MasterEvent::Type type);
  mesos::v1::Offer offer(const Framework& framework);  // ticks; CHECKs that there is one
  mesos::v1::TaskStatus status(
      const Framework& framework);  // CHECKs that there is exactly one UPDATE
  bool closed(StreamId stream) const;

  Time now{std::chrono::seconds(1000)};
  State state;
  Effects effects;  // all since the start, those taken away again
  bool hold_persists = false;
  std::vector<uint64_t> held;

 private:
  StreamId next_stream_ = 1;
};

}  // namespace mesolith::master
