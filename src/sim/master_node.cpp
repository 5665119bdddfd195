// SPDX-License-Identifier: Apache-2.0
#include "sim/master_node.hpp"

#include <fmt/format.h>

#include "base/check.hpp"
#include "master/http/handle.hpp"
#include "mesolith/registry.pb.h"
#include "model/task_state.hpp"
#include "sim/describe.hpp"
#include "sim/world.hpp"
#include "wire/record_io.hpp"

namespace mesolith::sim {
namespace {

constexpr std::string_view agent_prefix = "agent/";

master::Options options_of(const Scenario& scenario) {
  master::Options options;
  options.ip = "10.0.0.1";
  options.hostname = "master";
  options.heartbeat_interval = scenario.heartbeat_interval;
  options.agent_ping_timeout = scenario.agent_ping_timeout;
  options.max_agent_ping_timeouts = 3;
  options.agent_reregister_timeout = std::chrono::seconds(8);
  if (scenario.plant != Plant::weights_ignored) options.weights = scenario.weights;
  options.allocator.decisions_max = 16;
  return options;
}

template <class Message>
Message parsed(const std::string& bytes) {
  Message message;
  CHECK(message.ParseFromString(bytes));
  return message;
}

master::RegistryRecovered recover(const Disk::Records& records) {
  master::RegistryRecovered recovered;
  for (const auto& [key, bytes] : records) {
    if (key == "master") recovered.master = parsed<registry::Master>(bytes);
    if (key == "cluster") recovered.cluster = parsed<registry::Cluster>(bytes);
    if (key.starts_with(agent_prefix)) {
      recovered.agents.push_back(parsed<registry::Agent>(bytes));
    }
  }
  return recovered;
}

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

MasterNode::MasterNode(World& world)
    : world_(world), disk_(world.schedule, world.rng), timer_(world.schedule, [this] {
        if (master::next_deadline(*state_, world_.now()) <= world_.now()) {
          if (timer_.spinning()) return world_.fail("timers", "the master's deadline never moves");
          step(master::Tick{});
        } else {
          timer_.set(master::next_deadline(*state_, world_.now()));
        }
      }) {}

const master::State& MasterNode::state() const {
  CHECK(state_);
  return *state_;
}

void MasterNode::start() {
  CHECK(!state_);
  world_.trace.note(world_.now(), "start", "master");
  ++life_;
  state_ =
      std::make_unique<master::State>(options_of(world_.scenario), world_.rng.next(), world_.now());
  Handlers handlers;
  handlers.on_message = [this](ConnectionId connection, Message message) {
    on_request(connection, std::get<wire::Request>(message));
  };
  handlers.on_closed = [this](ConnectionId connection) { on_closed(connection); };
  world_.network.listen(node, std::move(handlers));
  step(recover(disk_.durable()));
}

void MasterNode::crash() {
  if (!state_) return;
  world_.trace.note(world_.now(), "crash", "master");
  world_.network.down(node);
  disk_.crash();
  timer_.cancel();
  streams_.clear();
  stream_of_.clear();
  asking_.clear();
  state_.reset();
}

void MasterNode::stop() {
  if (!state_) return;
  world_.trace.note(world_.now(), "stop", "master");
  disk_.close();
  crash();
}

void MasterNode::on_request(ConnectionId connection, const wire::Request& request) {
  world_.trace.note(world_.now(), "request", "master", request.body, [&] {
    return fmt::format("{} ({} bytes) on connection {}", request.path, request.body.size(),
                       connection);
  });
  namespace http = master::http;
  http::Outcome outcome = http::handle(*state_, world_.now(), request, {}, world_.rng.uuid_text());
  const auto answer = [&](wire::Response response) {
    if (response.status >= 400) {
      world_.trace.note(world_.now(), "refuse", "master", response.body,
                        [&] { return fmt::format("{} {}", response.status, response.body); });
    }
    world_.network.send(connection, End::server, std::move(response));
  };
  std::visit(Overloaded{[&](wire::Response& response) { answer(std::move(response)); },
                        [&](http::Accepted& accepted) {
                          step(accepted.event);
                          answer(std::move(accepted.response));
                        },
                        [&](http::OpenStream& open) {
                          const master::StreamId stream = next_stream_++;
                          streams_[stream] = {connection, open.media};
                          stream_of_[connection] = stream;
                          answer(std::move(open.head));
                          std::visit(
                              [&](auto& event) {
                                event.stream = stream;
                                step(std::move(event));
                              },
                              open.event);
                        },
                        [&](http::Asked& asked) {
                          asked.event.request = ++last_request_;
                          asking_[last_request_] = connection;
                          step(asked.event);
                        },
                        [&](http::ReadLog&) { answer(wire::empty(404)); }},
             outcome);
}

void MasterNode::on_closed(ConnectionId connection) {
  const auto found = stream_of_.find(connection);
  if (found == stream_of_.end()) return;
  const master::StreamId stream = found->second;
  stream_of_.erase(found);
  streams_.erase(stream);
  step(master::StreamClosed{stream});
}

void MasterNode::step(const master::Event& event) {
  if (world_.failed()) return;
  world_.trace.note(world_.now(), "step", "master", kind_of(event),
                    [&] { return describe(event); });
  world_.before_master_step(event);
  master::Effects effects;
  master::step(*state_, world_.now(), event, effects);
  plant_after(event, effects);
  for (auto each = state_->completed_frameworks.rbegin();
       each != state_->completed_frameworks.rend(); ++each) {
    if (!world_.removed_frameworks.insert(each->framework.id).second) break;
  }
  world_.check([&](Checker& each) { return each.after_master_step(event, effects); });
  for (master::Effect& effect : effects) perform(effect);
  timer_.set(master::next_deadline(*state_, world_.now()));
}

void MasterNode::perform(master::Effect& effect) {
  std::visit([&](const auto& out) { perform(out); }, effect);
}

void MasterNode::perform(const master::SendToFramework& out) {
  using SchedulerEvent = mesos::v1::scheduler::Event;
  if (out.event.type() == SchedulerEvent::UPDATE && !planted_) {
    if (world_.scenario.plant == Plant::update_not_delivered &&
        model::is_terminal(out.event.update().status().state()) &&
        !out.event.update().status().uuid().empty()) {
      return drop_update(out);
    }
    if (world_.scenario.plant == Plant::update_invented) invent_update(out);
  }
  send(out.stream, out.event);
}

void MasterNode::perform(const master::SendToAgent& out) {
  send(out.stream, out.event);
}

void MasterNode::perform(const master::SendToOperators& out) {
  for (const master::StreamId stream : out.streams) send(stream, out.event);
}

void MasterNode::perform(const master::AnswerOperator& out) {
  const auto asked = asking_.find(out.request);
  if (asked == asking_.end()) return;
  world_.network.send(asked->second, End::server, master::http::render(out));
  asking_.erase(asked);
}

void MasterNode::perform(const master::CloseStream& close) {
  const auto found = streams_.find(close.stream);
  if (found == streams_.end()) return;
  world_.network.close(found->second.connection, End::server);
  stream_of_.erase(found->second.connection);
  streams_.erase(found);
}

void MasterNode::perform(const master::Persist& persist) {
  Change change;
  if (persist.master) change.puts.emplace_back("master", persist.master->SerializeAsString());
  if (persist.cluster) change.puts.emplace_back("cluster", persist.cluster->SerializeAsString());
  for (const registry::Agent& agent : persist.agents) {
    change.puts.emplace_back("agent/" + agent.info().id().value(), agent.SerializeAsString());
  }
  for (const AgentId& id : persist.removed_agents) change.deletes.push_back("agent/" + id.value);
  for (const auto& [key, value] : change.puts) {
    world_.trace.note(world_.now(), "persist", "master", value, [&] { return key; });
  }
  const auto done = [this, life = life_, ticket = persist.ticket] {
    if (life == life_ && up()) step(master::RegistryPersisted{ticket});
  };
  if (world_.scenario.plant == Plant::early_persist) {
    world_.schedule.after(Duration::zero(), done);
    return disk_.write(std::move(change), [] {});
  }
  disk_.write(std::move(change), done);
}

void MasterNode::send(master::StreamId stream, const google::protobuf::Message& message) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  std::string framed;
  wire::append_record(wire::encode(found->second.media, message), framed);
  world_.trace.note(world_.now(), "send", "master", framed, [&] {
    return fmt::format("on stream {}: {}", stream, message.ShortDebugString());
  });
  world_.network.send(found->second.connection, End::server, std::move(framed));
}

}  // namespace mesolith::sim
