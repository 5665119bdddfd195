// SPDX-License-Identifier: Apache-2.0
// The network between nodes: connections that keep their order in each direction, as TCP's do, and
// otherwise do their worst. Messages take time; a partition stalls them until it heals; a broken
// connection loses what was on its way; after a half-open break one end learns of it only when it
// next sends. A node that is down answers nothing: what reaches it is a reset.
//
// Invariant: an end that closed or was told of the close hears nothing further of that connection.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/rng.hpp"
#include "sim/schedule.hpp"
#include "wire/http.hpp"

namespace mesolith::sim {

using NodeId = uint32_t;
using ConnectionId = uint64_t;                                             // never reused
using Message = std::variant<wire::Request, wire::Response, std::string>;  // or bytes of a stream

enum class End : uint8_t { client, server };
inline End other(End end) {
  return end == End::client ? End::server : End::client;
}

struct Handlers {
  std::function<void(ConnectionId, Message)> on_message;
  std::function<void(ConnectionId)> on_closed;
};

struct Weather {
  Duration latency_min = std::chrono::microseconds(100);
  Duration latency_max = std::chrono::milliseconds(2);
  double spike = 0;  // how likely a message takes up to latency_spike
  Duration latency_spike = std::chrono::milliseconds(300);
};

class Network {
 public:
  Network(Schedule& schedule, Rng& rng) : schedule_(schedule), rng_(rng) {}

  Weather weather;

  // Connections to the node arrive there until it goes down.
  void listen(NodeId node, Handlers handlers) { listening_[node] = std::move(handlers); }
  // The process of the node is gone: its ends close, and peers hear of it.
  void down(NodeId node);

  ConnectionId connect(NodeId client, NodeId server, Handlers client_handlers);
  // Silently dropped when the end is closed.
  void send(ConnectionId connection, End from, Message message);
  // The peer hears of it after everything sent before. The closing end hears nothing any more.
  void close(ConnectionId connection, End by);

  void partition(NodeId a, NodeId b) { partitions_.insert(std::minmax(a, b)); }
  void heal(NodeId a, NodeId b);
  void heal_all();
  // One of the server's connections breaks, if there is one; `half_open`: one end is not told.
  void break_any(NodeId server, bool half_open);
  size_t connections() const { return connections_.size(); }

 private:
  struct Fin {};
  using Parcel = std::variant<Message, Fin>;
  struct Side {
    NodeId node = 0;
    bool open = true;
    Handlers handlers;
    Time last_arrival{};         // of what is on its way to this side
    std::deque<Parcel> stalled;  // reached a partition
  };
  struct Connection {
    Side sides[2];
    uint64_t epoch = 0;  // of what is on its way; grows when that is lost
    Side& at(End end) { return sides[static_cast<size_t>(end)]; }
  };

  Duration latency();
  bool partitioned(const Connection& connection) const;
  void dispatch(ConnectionId id, Connection& connection, End to, Parcel parcel);
  void arrive(ConnectionId id, uint64_t epoch, End to, Parcel parcel);
  void told_closed(ConnectionId id, End end);

  Schedule& schedule_;
  Rng& rng_;
  ConnectionId next_ = 1;
  std::map<ConnectionId, Connection> connections_;
  std::map<NodeId, Handlers> listening_;
  std::set<std::pair<NodeId, NodeId>> partitions_;
};

}  // namespace mesolith::sim
