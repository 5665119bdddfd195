// SPDX-License-Identifier: Apache-2.0
// Everything a master knows. A struct; what happens to it are free functions, one noun per file.
// Only core changes it, within step(); master/http reads it. Ordered containers only, so that a
// walk is the same on every run.
//
// Invariants: a task is in exactly one framework and one agent index; an offer's resources are
// allocated in the allocator until the offer is removed; resources of a task are allocated until
// its terminal state is known.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "master/core/allocator/allocator.hpp"
#include "master/core/effects.hpp"
#include "mesos/v1/mesos.pb.h"
#include "model/resources.hpp"

namespace mesolith::master {

struct Options {
  std::string ip = "127.0.0.1";
  std::string hostname = "localhost";
  uint16_t port = 5050;
  std::string version = "1.12.0";  // of the interface we speak; clients compare it
  Duration heartbeat_interval = std::chrono::seconds(15);
  Duration agent_ping_timeout = std::chrono::seconds(15);
  uint32_t max_agent_ping_timeouts = 5;
  Duration agent_reregister_timeout = std::chrono::minutes(10);
  std::optional<Duration> offer_timeout;
  std::set<std::string> role_whitelist;  // empty: any role
  std::map<std::string, double> weights;
  bool root_submissions = true;
  size_t max_completed_frameworks = 50;
  size_t max_completed_tasks_per_framework = 1000;
  size_t max_unreachable_tasks_per_framework = 1000;
  // Limits of ours, each with the answer it gives in doc/limits.md.
  size_t tasks_per_launch_max = 100'000;
  size_t frameworks_max = 100'000;
  size_t agents_max = 200'000;
  size_t operator_streams_max = 1000;
  size_t operations_per_agent_max = 10'000;  // with an id, until acknowledged
  size_t changes_pending_max = 10'000;       // of the registry; then the operator has to wait
  size_t cluster_bytes_max = 16 << 20;       // of what the operator set, as it is stored
  std::map<std::string, std::string> flags;  // as given, for /flags and /state
  std::string cluster;
  allocator::Options allocator;
};

struct Task {
  mesos::v1::Task proto;        // statuses without data; state is the latest known
  model::Resources resources;   // with allocation role
  std::string role;             // the allocation role
  bool command = true;          // no executor of its own
  bool holds_resources = true;  // until the terminal state is known
  bool removable = false;  // terminal and acknowledged: only its place in completed_tasks remains
};

struct Offer {
  OfferId id;
  FrameworkId framework_id;
  AgentId agent_id;
  std::string role;
  model::Resources resources;
  Time expires = never;
};

struct Counters {  // cumulative, of one framework (metrics, mesos-api.md 3.6)
  uint64_t calls = 0, events = 0;
  std::map<std::string, uint64_t> calls_by_type, events_by_type;
  uint64_t offers_sent = 0, offers_accepted = 0, offers_declined = 0, offers_rescinded = 0;
  std::map<int, uint64_t> tasks_terminal;  // by mesos::v1::TaskState
};

struct Framework {
  FrameworkId id;
  mesos::v1::FrameworkInfo info;  // id set
  std::set<std::string>
      roles;  // subscribed; for a framework without MULTI_ROLE the one of info.role
  std::set<std::string> suppressed;
  mesos::v1::scheduler::OfferConstraints constraints;
  bool partition_aware = false, task_killing = false, multi_role = false, refinement = false;
  bool connected = false, active = false, recovered = false;
  StreamId stream = 0;  // valid while connected
  std::string stream_uuid;
  Time registered{}, reregistered{}, unregistered{};
  bool ever_reregistered = false;
  Time next_heartbeat = never;     // while connected
  Time failover_deadline = never;  // while disconnected
  std::set<OfferId> offers;
  std::map<TaskId, Task> tasks;
  std::map<TaskId, Task> unreachable_tasks;
  std::deque<TaskId> unreachable_order;
  std::deque<mesos::v1::Task> completed_tasks;  // newest last
  std::map<AgentId, std::map<ExecutorId, mesos::v1::ExecutorInfo>>
      executors;                             // custom ones believed to run
  std::map<AgentId, model::Resources> used;  // tasks and executors
  Counters counters;
};

struct CompletedFramework {
  Framework framework;  // tasks moved to completed_tasks
};

struct InverseOffer {     // to one framework about one agent
  OfferId outstanding;    // empty: answered, or not made yet
  Time filtered_until{};  // until then it is not made; Time{}: no filter
  std::optional<mesos::v1::allocator::InverseOfferStatus> status;  // the latest answer
};

struct Agent {
  AgentId id;
  mesos::v1::AgentInfo info;  // id set
  std::string version, process_id, ip;
  std::vector<mesos::v1::AgentInfo::Capability> capabilities;
  model::Resources total;
  bool connected = false, active = false;
  StreamId stream = 0;
  std::string stream_uuid;
  Time registered{}, reregistered{};
  bool ever_reregistered = false;
  Time next_ping = never;
  uint32_t pings_missed = 0;
  bool pong_since_ping = true;
  Time reregister_deadline = never;  // while disconnected
  bool marking_unreachable = false;  // the registry write is on its way
  std::set<OfferId> offers;
  std::optional<mesos::v1::Unavailability> unavailability;  // of its machine, by the schedule
  std::map<FrameworkId, InverseOffer> inverse_offers;       // while it has that
  std::set<std::pair<FrameworkId, TaskId>> tasks;
  std::map<FrameworkId, model::Resources> used;  // tasks and executors
  std::map<std::pair<FrameworkId, TaskId>, std::optional<mesos::v1::KillPolicy>>
      pending_kills;  // sent again when the agent returns, until the task ends
  std::map<std::string, mesos::v1::Operation>
      operations;  // with an id, by uuid, until the framework acknowledged their last status
};

struct RecoveredAgent {  // in the registry, not yet back
  mesos::v1::AgentInfo info;
  Time deadline = never;
  bool marking_unreachable = false;  // the registry write is on its way
};
struct Deactivation {  // by the operator: nothing of the agent is offered
  std::optional<mesos::v1::DrainInfo> drain;
  Time drain_started{};
};
struct UnreachableAgent {
  mesos::v1::AgentInfo info;
  Time since{};
};

// What waits for RegistryPersisted{ticket}.
struct PendingAdmission {
  AgentSubscribing subscribing;  // stream 0: it was closed meanwhile
  AgentId agent_id;
  bool first_time = false;  // it came without an id
};
struct PendingUnreachable {
  AgentId agent_id;
  std::string cause;
};
struct PendingCall {  // of the operator
  OperatorCalled called;
};
struct PendingGone {  // an agent is being marked gone
  AgentId agent_id;
  std::optional<RequestId> request;  // none: the end of a drain asked for it
};
struct PendingStart {};    // this incarnation; nothing is served before
struct PendingRemoval {};  // of an agent that is out of the books already
using Pending = std::variant<PendingAdmission, PendingUnreachable, PendingCall, PendingGone,
                             PendingStart, PendingRemoval>;

struct Metrics {
  std::map<std::string, uint64_t> counters;  // "master/messages_register_slave", ... cumulative
};

struct State {
  State(Options options, uint64_t seed, Time now);

  Options options;
  Rng rng;
  allocator::Allocator allocator;
  Time started{};
  Time elected{};
  bool recovered = false;  // false: everything is answered 503
  std::string master_id;   // of this incarnation; prefix of ids made by it
  registry::Master record;
  mesos::v1::MasterInfo info;

  std::map<FrameworkId, Framework> frameworks;
  std::map<StreamId, FrameworkId> framework_streams;
  std::deque<CompletedFramework> completed_frameworks;  // newest last
  std::map<AgentId, Agent> agents;
  std::map<StreamId, AgentId> agent_streams;
  std::map<AgentId, RecoveredAgent> recovered_agents;
  std::map<AgentId, UnreachableAgent> unreachable_agents;
  std::set<AgentId> gone_agents;
  std::set<AgentId> leaving_agents;  // being marked gone: the registry write is on its way
  std::map<AgentId, Deactivation> deactivated_agents;  // of any standing but gone
  std::set<AgentId> unavailable_agents;                // those with an unavailability
  std::map<OfferId, std::pair<FrameworkId, AgentId>> inverse_offers;  // outstanding ones
  bool inverse_offers_due = false;                                    // some may have to be made
  std::map<std::string, double> weights;  // of roles: the flag's, or those of the registry
  registry::Cluster cluster;              // durable or about to be
  std::map<OfferId, Offer> offers;
  std::map<StreamId, Time> operators;  // event streams, oldest first, and their next heartbeat
  std::map<std::pair<FrameworkId, std::string>, std::pair<AgentId, std::string>>
      operation_ids;  // a framework's id: on which agent, and the uuid there

  std::map<uint64_t, Pending> pending;  // by ticket
  uint64_t next_ticket = 1;
  uint64_t next_offer = 0;
  uint64_t next_framework = 0;
  // (deadline, kind-specific id) of everything time-driven, so that next_deadline() is O(1).
  std::set<std::pair<Time, FrameworkId>> heartbeats, failovers;
  std::set<std::pair<Time, AgentId>> pings, reregistrations;
  std::set<std::pair<Time, OfferId>> offer_expirations;
  std::set<std::pair<Time, StreamId>> operator_heartbeats;
  std::set<std::tuple<Time, AgentId, FrameworkId>> inverse_filters;
  Metrics metrics;
};

}  // namespace mesolith::master
