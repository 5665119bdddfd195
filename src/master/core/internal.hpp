// SPDX-License-Identifier: Apache-2.0
// What the files of the master's core share. One handler per event; the rest by noun. All of them
// may be called only from within step().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "master/core/effects.hpp"
#include "master/core/state.hpp"

namespace mesolith::master {

using SchedulerEvent = mesos::v1::scheduler::Event;
using OperatorEvent = mesos::v1::master::Event;
using SchedulerCall = mesos::v1::scheduler::Call;
using protocol::AgentCall;
using protocol::MasterEvent;

// What every function needs: the state, the time, and where effects go.
struct Turn {
  State& state;
  Time now;
  Effects& effects;
};

// Events.
void on(Turn, const RegistryRecovered&);
void on(Turn, const RegistryPersisted&);
void on(Turn, const FrameworkSubscribing&);
void on(Turn, const FrameworkCalled&);
void on(Turn, const AgentSubscribing&);
void on(Turn, const AgentCalled&);
void on(Turn, const OperatorSubscribing&);
void on(Turn, const StreamClosed&);
void on(Turn, const OperatorCalled&);
void on(Turn, const FrameworkTornDown&);
void on(Turn, const OperatorConverted&);
void on(Turn, const Tick&);

// Sending. Nothing happens when the receiver is not connected.
void send(Turn, Framework&, SchedulerEvent event);
void send(Turn, const Agent&, MasterEvent event);
void count(State&, std::string_view name, uint64_t by = 1);  // a metric below "master/"

// Frameworks.
Framework* find_framework(State&, const std::string& id);
void take_info(Framework&, const mesos::v1::FrameworkInfo& info);
// With the constraints compiled, which must be valid.
allocator::FrameworkTraits traits_of(const Framework&);
void tell_agents(Turn, const Framework&);  // of its changed info
Framework& add_recovered_framework(Turn, const mesos::v1::FrameworkInfo& info);
void disconnect_framework(Turn, Framework&);
void remove_framework(Turn, FrameworkId id);
void expire_frameworks(Turn);
void update_framework(Turn, Framework&, const SchedulerCall&);
void suppress(Turn, Framework&, const SchedulerCall&);
void revive(Turn, Framework&, const SchedulerCall&);
bool is_completed(const State&, const FrameworkId&);
std::set<AgentId> agents_of(const Framework&);  // where it has tasks or executors

// Offers.
void make_offers(Turn);
Offer take_offer(State&, const OfferId&);  // CHECKs that it exists; its resources stay allocated
// Take an offer back: its resources are free again at once.
void rescind(Turn, const OfferId&);  // telling the framework
void retract(Turn, const OfferId&);  // silently
void expire_offers(Turn);
void decline(Turn, Framework&, const SchedulerCall&);
// The filter of ACCEPT and DECLINE (mesos-api.md 7.5); 0: none.
Duration refusal(const mesos::v1::Filters& filters);

// Accepting and launching.
void accept(Turn, Framework&, const SchedulerCall&);

// Operations on resources.
void drop_operation(Turn, Framework&, const Agent*, const mesos::v1::Offer::Operation&,
                    const std::string& why);
void update_operation(Turn, Agent&, const AgentCall::OperationUpdate&);
void acknowledge_operation(Turn, Framework&, const SchedulerCall&);
void reconcile_operations(Turn, Framework&, const SchedulerCall&);
void resend_operations(Turn, Framework&);  // to a framework that has come back
void restore_operations(Turn, Agent&, const AgentCall::Subscribe&,
                        protocol::MasterEvent::Subscribed& out);
// The agent is out of sight; nothing more is known of them.
void lose_operations(Turn, Agent&, mesos::v1::OperationState, const std::string& why);
void forget_operations(Turn, const Framework&);  // which is no more

// Resources in use.
void hold(Framework&, Agent&, const model::Resources&);
void release(Turn, const FrameworkId&, const AgentId&, const model::Resources&);

// Tasks.
Task* find_task(Framework&, const TaskId&);
mesos::v1::TaskStatus make_status(Turn, const TaskId&, mesos::v1::TaskState,
                                  std::optional<mesos::v1::TaskStatus::Reason>,
                                  std::string message);
void send_status(Turn, Framework&, mesos::v1::TaskStatus status);
// The master itself ends a live task: accounts for it, tells the framework if `tell`, and forgets
// it.
void end_task(Turn, Framework&, const TaskId&, mesos::v1::TaskStatus status, bool tell);
void record_status(Task&, const mesos::v1::TaskStatus& status);
void complete_task(Turn, Framework&, const TaskId&);  // to completed_tasks
// tasks_<state> and task_<state>/source_<source>/reason_<reason>; once per task.
void count_terminal(State&, Framework&, mesos::v1::TaskState, const mesos::v1::TaskStatus&);
// What is known of a task beside its state, as the master's own updates repeat it.
void copy_details(const mesos::v1::Task&, mesos::v1::TaskStatus&);
void update_task(Turn, Agent&, const AgentCall::Update&);
void acknowledge(Turn, Framework&, const SchedulerCall&);
void kill(Turn, Framework&, const SchedulerCall&);
void reconcile(Turn, Framework&, const SchedulerCall&);
void reconcile_task(Turn, Framework&, const TaskId&, const std::optional<AgentId>&);

// Executors and messages.
void add_executor(Framework&, Agent&, const mesos::v1::ExecutorInfo&);
void remove_executor(Turn, Framework&, const AgentId&, const ExecutorId&);
void shutdown_executor(Turn, Framework&, const SchedulerCall&);
void message_executor(Turn, Framework&, const SchedulerCall&);
void message_framework(Turn, const AgentId&, const AgentCall::Message&);
void executor_exited(Turn, Agent&, const AgentCall::ExecutorExited&);

// Agents.
void admitted(Turn, PendingAdmission&&);
void became_unreachable(Turn, PendingUnreachable&&);
void disconnect_agent(Turn, Agent&);
void remove_agent(Turn, const AgentId&, const std::string& cause);
void ping_agents(Turn);
void expire_agents(Turn);
void send_failure(Turn, const AgentId&);
void announce_agent_loss(Turn, Agent&);
void send_heartbeats(Turn);

// Operators. Each change is announced to all event streams, as it is after the change.
void forget_operator(State&, StreamId);
void send_operator_heartbeats(Turn);
void announce_added(Turn, const mesos::v1::Task&);
// A status that changes neither the state nor a check's outcome is not announced.
void announce_updated(Turn, const mesos::v1::Task&, mesos::v1::TaskState before,
                      const mesos::v1::TaskStatus&);
void announce_added(Turn, const Framework&);
void announce_updated(Turn, const Framework&);
void announce_removed(Turn, const Framework&);
void announce_added(Turn, const Agent&);
void announce_removed(Turn, const AgentId&);

// A cluster change to be made durable before what waits for it goes on.
void persist(Turn, Persist change, Pending pending);

}  // namespace mesolith::master
