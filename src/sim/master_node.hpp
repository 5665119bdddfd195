// SPDX-License-Identifier: Apache-2.0
// A simulated master: the core and the HTTP surface that ship, over the simulated network and disk.
// start() reads what is durable; crash() forgets everything else.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "master/core/step.hpp"
#include "sim/disk.hpp"
#include "sim/network.hpp"
#include "sim/timer.hpp"
#include "wire/media_type.hpp"

namespace mesolith::sim {

class World;

class MasterNode {
 public:
  static constexpr NodeId node = 0;

  explicit MasterNode(World& world);

  void start();
  void crash();
  // The process ends in order.
  void stop();
  bool up() const { return state_ != nullptr; }
  // CHECKs up().
  const master::State& state() const;
  Disk& disk() { return disk_; }
  const Disk& disk() const { return disk_; }
  // "host:port", as frameworks are told.
  static std::string address() { return "10.0.0.1:5050"; }

 private:
  struct Stream {
    ConnectionId connection = 0;
    wire::Media media = wire::Media::json;
  };

  void on_request(ConnectionId connection, const wire::Request& request);
  void on_closed(ConnectionId connection);
  void step(const master::Event& event);
  void perform(master::Effect& effect);
  void perform(const master::SendToFramework& out);
  void perform(const master::SendToAgent& out);
  void perform(const master::SendToOperators& out);
  void perform(const master::AnswerOperator& out);
  void perform(const master::CloseStream& close);
  void perform(const master::Persist& persist);
  void send(master::StreamId stream, const google::protobuf::Message& message);
  void plant_after(const master::Event& event, master::Effects& effects);
  void drop_update(const master::SendToFramework& out);
  void invent_update(const master::SendToFramework& out);

  World& world_;
  Disk disk_;
  Timer timer_;
  std::unique_ptr<master::State> state_;
  uint64_t life_ = 0;
  master::StreamId next_stream_ = 1;
  std::map<master::StreamId, Stream> streams_;
  std::map<ConnectionId, master::StreamId> stream_of_;
  std::map<master::RequestId, ConnectionId> asking_;
  master::RequestId last_request_ = 0;
  bool planted_ = false;  // a bug that is made once was
};

}  // namespace mesolith::sim
