// SPDX-License-Identifier: Apache-2.0
#include "sim/network.hpp"

#include <algorithm>

namespace mesolith::sim {

Duration Network::latency() {
  const bool spike = weather.spike > 0 && rng_.chance(weather.spike);
  const Duration most = spike ? weather.latency_spike : weather.latency_max;
  const auto width = static_cast<uint64_t>((most - weather.latency_min).count());
  return weather.latency_min + Duration(static_cast<int64_t>(rng_.below(width + 1)));
}

bool Network::partitioned(const Connection& connection) const {
  return !partitions_.empty() &&
         partitions_.contains(std::minmax(connection.sides[0].node, connection.sides[1].node));
}

ConnectionId Network::connect(NodeId client, NodeId server, Handlers client_handlers) {
  const ConnectionId id = next_++;
  Connection& connection = connections_[id];
  connection.at(End::client).node = client;
  connection.at(End::client).handlers = std::move(client_handlers);
  connection.at(End::server).node = server;
  // Nobody listens: the first message meets a reset.
  connection.at(End::server).open = listening_.contains(server);
  return id;
}

void Network::dispatch(ConnectionId id, Connection& connection, End to, Parcel parcel) {
  Side& side = connection.at(to);
  side.last_arrival = std::max(side.last_arrival, schedule_.now() + latency());
  schedule_.at(side.last_arrival,
               [this, id, epoch = connection.epoch, to, parcel = std::move(parcel)]() mutable {
                 arrive(id, epoch, to, std::move(parcel));
               });
}

void Network::send(ConnectionId id, End from, Message message) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.at(from).open) return;
  dispatch(id, found->second, other(from), std::move(message));
}

void Network::arrive(ConnectionId id, uint64_t epoch, End to, Parcel parcel) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || found->second.epoch != epoch) return;
  Connection& connection = found->second;
  Side& side = connection.at(to);
  if (partitioned(connection)) {
    side.stalled.push_back(std::move(parcel));
    return;
  }
  if (std::holds_alternative<Fin>(parcel)) return told_closed(id, to);
  if (!side.open) {  // a reset goes back, unless the sender is told already
    if (connection.at(other(to)).open) dispatch(id, connection, other(to), Fin{});
    return;
  }
  // Copies: a handler may take its listener down.
  const auto handle =
      to == End::server ? listening_.at(side.node).on_message : side.handlers.on_message;
  handle(id, std::get<Message>(std::move(parcel)));
}

void Network::told_closed(ConnectionId id, End end) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Side& side = found->second.at(end);
  if (!side.open) return;
  side.open = false;
  const auto handle =
      end == End::server ? listening_.at(side.node).on_closed : side.handlers.on_closed;
  if (!found->second.at(other(end)).open) connections_.erase(found);
  if (handle) handle(id);
}

void Network::close(ConnectionId id, End by) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.at(by).open) return;
  found->second.at(by).open = false;
  found->second.at(by).handlers = {};
  if (found->second.at(other(by)).open) {
    dispatch(id, found->second, other(by), Fin{});
  } else {
    connections_.erase(found);
  }
}

void Network::down(NodeId node) {
  listening_.erase(node);
  std::vector<std::pair<ConnectionId, End>> ends;
  for (auto& [id, connection] : connections_) {
    for (const End end : {End::client, End::server}) {
      if (connection.at(end).node == node && connection.at(end).open) ends.emplace_back(id, end);
    }
  }
  for (const auto& [id, end] : ends) close(id, end);
}

void Network::heal(NodeId a, NodeId b) {
  if (partitions_.erase(std::minmax(a, b)) == 0) return;
  for (auto& [id, connection] : connections_) {
    if (std::minmax(connection.sides[0].node, connection.sides[1].node) != std::minmax(a, b)) {
      continue;
    }
    for (const End end : {End::client, End::server}) {
      std::deque<Parcel> stalled = std::exchange(connection.at(end).stalled, {});
      for (Parcel& parcel : stalled) dispatch(id, connection, end, std::move(parcel));
    }
  }
}

void Network::heal_all() {
  while (!partitions_.empty()) {
    const auto [a, b] = *partitions_.begin();
    heal(a, b);
  }
}

void Network::break_any(NodeId server, bool half_open) {
  std::vector<ConnectionId> candidates;
  for (auto& [id, connection] : connections_) {
    if (connection.at(End::server).node == server) candidates.push_back(id);
  }
  if (candidates.empty()) return;
  const ConnectionId id = candidates[rng_.below(candidates.size())];
  Connection& connection = connections_.at(id);
  ++connection.epoch;
  for (const End end : {End::client, End::server}) {
    connection.at(end).stalled.clear();
    connection.at(end).last_arrival = schedule_.now();
  }
  if (!half_open) {
    dispatch(id, connection, End::client, Fin{});
    dispatch(id, connection, End::server, Fin{});
  } else {
    const End told = rng_.chance(0.5) ? End::client : End::server;
    dispatch(id, connection, told, Fin{});
  }
}

}  // namespace mesolith::sim
