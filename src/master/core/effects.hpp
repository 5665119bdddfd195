// SPDX-License-Identifier: Apache-2.0
// What a master's core asks its shell to do, in order. The shell carries effects out in the order
// given; to one stream they keep that order.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "master/core/events.hpp"

namespace mesolith::master {

struct SendToFramework {
  StreamId stream = 0;
  mesos::v1::scheduler::Event event;
};
struct SendToAgent {
  StreamId stream = 0;
  protocol::MasterEvent event;
};
struct SendToOperators {  // one event to each of these streams
  std::vector<StreamId> streams;
  mesos::v1::master::Event event;
};
struct CloseStream {  // after everything sent to it before
  StreamId stream = 0;
};
struct AnswerOperator {  // once for each OperatorCalled
  RequestId request = 0;
  int status = 200;     // of HTTP
  std::string message;  // why it was refused
};
// Make durable, all or nothing, then answer with RegistryPersisted{ticket}. A write that fails ends
// the process.
struct Persist {
  uint64_t ticket = 0;
  std::optional<registry::Master> master;
  std::optional<registry::Cluster> cluster;
  std::vector<registry::Agent> agents;  // by info.id
  std::vector<AgentId> removed_agents;
};

using Effect = std::variant<SendToFramework, SendToAgent, SendToOperators, CloseStream,
                            AnswerOperator, Persist>;
using Effects = std::vector<Effect>;

}  // namespace mesolith::master
