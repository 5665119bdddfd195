// SPDX-License-Identifier: Apache-2.0
// A simulated agent: the core that ships over the simulated network and disk, and simulated hands.
// Its containers outlive its process. When the core ends the process, a supervisor starts it again
// a second later.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/core/step.hpp"
#include "sim/containers.hpp"
#include "sim/disk.hpp"
#include "sim/executor.hpp"
#include "sim/record_session.hpp"
#include "sim/timer.hpp"

namespace mesolith::sim {

class World;

class AgentNode {
 public:
  AgentNode(World& world, uint32_t number);

  void start();
  void crash();
  // The process ends in order, to be started again.
  void stop();
  // The operator ends the agent for good; what the supervisor starts then is another one.
  void stop_for_good();
  bool up() const { return state_ != nullptr; }
  // CHECKs up().
  const agent::State& state() const;
  NodeId node() const { return node_; }
  const std::string& name() const { return name_; }
  Disk& disk() { return disk_; }
  const Disk& disk() const { return disk_; }
  const Containers& containers() const { return containers_; }
  // What all its tasks together may use.
  const model::Quantities& total() const { return total_; }

 private:
  struct Preparation {  // of a container, in this process
    TaskKey task;       // for an executor that id in the task's place
    bool executor = false;
    bool checkpoint = false;
    bool destroyed = false;
  };

  agent::Options options() const;
  void step(const agent::Event& event);
  void perform(agent::Effect& effect);
  void perform(const agent::SubscribeToMaster& out);
  void perform(const agent::SendToMaster& out);
  void perform(const agent::SendToExecutor& out);
  void perform(const agent::CloseStream& close);
  void perform(const agent::FetchUris& fetch);
  void perform(const agent::LaunchContainer& launch);
  void perform(const agent::ResizeContainer& resize);
  void perform(const agent::ProbePort& probe);
  void perform(const agent::CancelProbe& cancel);
  void perform(const agent::SignalContainer& signal);
  void perform(const agent::DestroyContainer& destroy);
  void perform(const agent::AcknowledgeContainer& acknowledge);
  void perform(const agent::MeasureDisk& measure);
  void perform(const agent::FindSandboxes& find);
  void perform(const agent::RemoveSandboxes& remove);
  void perform(const agent::LinkVolumes&) {}  // a simulated program looks at no files
  void perform(const agent::MakeVolume& made);
  void perform(const agent::RemoveVolume& removed);
  void perform(const agent::DiscardVolumes&) {}
  void perform(const agent::Persist& persist);
  void perform(const agent::Exit& exit);

  void on_request(ConnectionId connection, const wire::Request& request);
  void on_stream_closed(ConnectionId connection);

  void launch(const agent::LaunchContainer& launch);
  void spawn(const agent::LaunchContainer& launch, const Preparation& preparation);
  void spawn_executor(const ContainerId& id, const Preparation& preparation);
  void record_start(const ContainerId& id, const TaskKey& task);
  void record_end(const ContainerId& id, const TaskKey& task, int status, bool destroyed);
  // From the launcher or the hands, in order.
  void notify(agent::Event event);
  void on_exit(const ContainerId& id, const Containers::Container& container);
  void exit_when_durable();

  World& world_;
  const NodeId node_;
  const std::string name_;
  const model::Quantities total_;
  Disk disk_;
  Containers containers_;
  Timer timer_;
  std::unique_ptr<agent::State> state_;
  std::unique_ptr<RecordSession> session_;
  uint64_t life_ = 0;
  uint32_t starts_ = 0;
  std::map<ContainerId, Preparation> preparing_;
  Time last_notice_{};
  struct Stream {
    ConnectionId connection = 0;
    wire::Media media = wire::Media::json;
  };
  agent::StreamId next_stream_ = 1;
  std::map<agent::StreamId, Stream> streams_;
  std::set<std::string> volumes_, trash_;  // directories; a crash leaves them
  std::map<ContainerId, std::unique_ptr<Executor>> executors_;
  uint32_t executors_made_ = 0;
};

}  // namespace mesolith::sim
