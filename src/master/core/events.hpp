// SPDX-License-Identifier: Apache-2.0
// What can happen to a master: the events its core is stepped with. Values, so that a shell can
// record and a simulator replay them. Everything that needs only the request and a look at State to
// be refused was refused by master/http before (mesos-api.md 1.3); what arrives here is well formed
// and belongs to a live stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/id.hpp"
#include "mesolith/protocol.pb.h"
#include "mesolith/registry.pb.h"
#include "mesos/v1/master/master.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"

namespace mesolith::master {

// A streaming response held open by the shell; never reused within a process.
using StreamId = uint64_t;
// A request whose answer waits; never reused within a process.
using RequestId = uint64_t;

// The registry was read, or was empty. Always the first event.
struct RegistryRecovered {
  std::optional<registry::Master> master;
  std::vector<registry::Agent> agents;
  std::optional<registry::Cluster> cluster;
};
struct RegistryPersisted {  // the change of Persist{ticket} is durable
  uint64_t ticket = 0;
};

struct FrameworkSubscribing {
  StreamId stream = 0;
  std::string stream_uuid;  // the Mesos-Stream-Id already sent in the response head
  std::string principal;    // empty when not authenticated
  mesos::v1::scheduler::Call call;
};
struct FrameworkCalled {  // any scheduler call but SUBSCRIBE; call.framework_id names a subscribed
                          // framework
  mesos::v1::scheduler::Call call;
};
struct AgentSubscribing {
  StreamId stream = 0;
  std::string stream_uuid;
  std::string peer_ip;
  protocol::AgentCall call;
};
struct AgentCalled {  // any agent call but SUBSCRIBE; call.agent_id names a subscribed agent
  protocol::AgentCall call;
};
struct OperatorSubscribing {  // to the operator event stream
  StreamId stream = 0;
};
struct StreamClosed {  // by the peer, or because its outgoing queue overran
  StreamId stream = 0;
};
// A call of the operator that changes the cluster; the message that its type demands is there.
// AnswerOperator follows once the change is durable, or at once when it is refused.
struct OperatorCalled {
  RequestId request = 0;
  mesos::v1::master::Call call;
};
struct FrameworkTornDown {  // by the operator; the framework is known
  FrameworkId framework_id;
};
// The operator's operation on resources; operator_plan() said just now that it can be done.
struct OperatorConverted {
  AgentId agent_id;
  mesos::v1::Offer::Operation operation;
};
struct Tick {};  // next_deadline() has come

using Event =
    std::variant<RegistryRecovered, RegistryPersisted, FrameworkSubscribing, FrameworkCalled,
                 AgentSubscribing, AgentCalled, OperatorSubscribing, StreamClosed, OperatorCalled,
                 FrameworkTornDown, OperatorConverted, Tick>;

}  // namespace mesolith::master
