// SPDX-License-Identifier: Apache-2.0
#include "sim/agent_node.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agent/http/handle.hpp"
#include "base/check.hpp"
#include "model/resources.hpp"
#include "sim/describe.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"
#include "wire/record_io.hpp"

namespace mesolith::sim {
namespace {

constexpr Duration restart_after_exit = std::chrono::seconds(1);

Duration up_to(Rng& rng, Duration most) {
  return Duration(static_cast<int64_t>(rng.below(static_cast<uint64_t>(most.count()) + 1)));
}

}  // namespace

AgentNode::AgentNode(World& world, uint32_t number)
    : world_(world),
      node_(1 + number),
      name_(fmt::format("agent-{}", number)),
      total_{{model::cpus, model::to_millis(world.scenario.agent_cpus)},
             {model::mem, model::to_millis(world.scenario.agent_mem_mb)},
             {model::disk, model::to_millis(world.scenario.agent_disk_mb)}},
      disk_(world.schedule, world.rng),
      containers_(world.schedule, world.rng,
                  [this](const ContainerId& id, const Containers::Container& container) {
                    on_exit(id, container);
                  }),
      timer_(world.schedule, [this] {
        if (agent::next_deadline(*state_, world_.now()) <= world_.now()) {
          if (timer_.spinning()) return world_.fail("timers", name_ + "'s deadline never moves");
          step(agent::Tick{});
        } else {
          timer_.set(agent::next_deadline(*state_, world_.now()));
        }
      }) {}

const agent::State& AgentNode::state() const {
  CHECK(state_);
  return *state_;
}

agent::Options AgentNode::options() const {
  agent::Options options;
  options.ip = fmt::format("10.0.1.{}", node_);
  options.info.set_hostname(name_);
  options.info.set_port(5051);
  model::Resources::of(total_).append_to(options.info.mutable_resources(),
                                         model::Format::pre_reservation_refinement);
  options.work_dir = "/var/lib/mesos";
  options.registration_backoff_factor = std::chrono::milliseconds(500);
  options.status_update_retry_min = std::chrono::seconds(1);
  options.status_update_retry_max = std::chrono::seconds(4);
  options.switch_user = false;
  options.gc_delay = std::chrono::seconds(20);
  options.disk_watch_interval = std::chrono::hours(1);
  return options;
}

void AgentNode::start() {
  CHECK(!state_);
  world_.trace.note(world_.now(), "start", name_);
  ++life_;
  ++starts_;
  state_ = std::make_unique<agent::State>(options(), world_.rng.next(), world_.now());
  Handlers handlers;
  handlers.on_message = [this](ConnectionId connection, Message message) {
    on_request(connection, std::get<wire::Request>(message));
  };
  handlers.on_closed = [this](ConnectionId connection) { on_stream_closed(connection); };
  world_.network.listen(node_, std::move(handlers));
  agent::Recovered recovered;
  recovered.records.assign(disk_.durable().begin(), disk_.durable().end());
  recovered.containers = containers_.listing();
  step(recovered);
  world_.schedule.after(up_to(world_.rng, std::chrono::milliseconds(50)), [this, life = life_] {
    if (life == life_ && up()) step(agent::MasterDetected{});
  });
}

void AgentNode::crash() {
  if (!state_) return;
  world_.trace.note(world_.now(), "crash", name_);
  session_.reset();
  world_.network.down(node_);
  disk_.crash();
  timer_.cancel();
  preparing_.clear();
  streams_.clear();
  state_.reset();
}

void AgentNode::stop() {
  if (!state_) return;
  world_.trace.note(world_.now(), "stop", name_);
  disk_.close();
  crash();
}

void AgentNode::stop_for_good() {
  if (!state_ || !state_->recovered) return;
  for (auto& [task, record] : world_.ledger) {
    if (record.agent_id == state_->id) record.agent_left = true;
  }
  step(agent::OperatorStopped{});
}

void AgentNode::step(const agent::Event& event) {
  if (world_.failed()) return;
  world_.trace.note(world_.now(), "step", name_, kind_of(event), [&] { return describe(event); });
  agent::Effects effects;
  agent::step(*state_, world_.now(), event, effects);
  world_.check([&](Checker& each) { return each.after_agent_step(*this, event, effects); });
  for (agent::Effect& effect : effects) {
    if (state_) perform(effect);
  }
  if (!state_ || (world_.scenario.plant == Plant::timer_lost && starts_ > 1)) return;
  timer_.set(agent::next_deadline(*state_, world_.now()));
}

void AgentNode::perform(agent::Effect& effect) {
  std::visit([&](const auto& out) { perform(out); }, effect);
}

void AgentNode::perform(const agent::SubscribeToMaster& out) {
  SessionCallbacks callbacks;
  const auto guarded = [this, life = life_](agent::Event event) {
    if (life == life_ && up()) step(event);
  };
  callbacks.on_subscribed = [] {};
  callbacks.on_record = [this, guarded, connection = out.connection](const std::string& record) {
    agent::MasterEventReceived received{connection, {}};
    CHECK(received.event.ParseFromString(record));
    world_.trace.note(world_.now(), "receive", name_, record);
    guarded(std::move(received));
  };
  callbacks.on_refused = [guarded, connection = out.connection](const wire::Response&) {
    guarded(agent::MasterDisconnected{connection});
  };
  callbacks.on_closed = [guarded, connection = out.connection](const std::string&) {
    guarded(agent::MasterDisconnected{connection});
  };
  SessionOptions options;
  options.client = node_;
  options.server = MasterNode::node;
  options.path = "/api/mesolith/v1/agent";
  session_ = std::make_unique<RecordSession>(world_.schedule, world_.network, world_.rng,
                                             std::move(options), std::move(callbacks));
  session_->subscribe(out.call.SerializeAsString());
}

void AgentNode::perform(const agent::SendToMaster& out) {
  if (session_) session_->send(out.call.SerializeAsString());
}

void AgentNode::on_request(ConnectionId connection, const wire::Request& request) {
  world_.trace.note(world_.now(), "request", name_, request.body, [&] {
    return fmt::format("{} ({} bytes) on connection {}", request.path, request.body.size(),
                       connection);
  });
  namespace http = agent::http;
  http::Outcome outcome = http::handle(*state_, world_.now(), request, {});
  const auto answer = [&](wire::Response response) {
    world_.network.send(connection, End::server, std::move(response));
  };
  if (auto* accepted = std::get_if<http::Accepted>(&outcome)) {
    step(accepted->event);
    answer(std::move(accepted->response));
  } else if (auto* open = std::get_if<http::OpenStream>(&outcome)) {
    open->event.stream = next_stream_++;
    streams_[open->event.stream] = {connection, open->media};
    answer(std::move(open->head));
    step(std::move(open->event));
  } else if (auto* response = std::get_if<wire::Response>(&outcome)) {
    answer(std::move(*response));
  } else {
    answer(wire::empty(404));  // files and figures of a machine that there isn't
  }
}

void AgentNode::on_stream_closed(ConnectionId connection) {
  const auto found = std::ranges::find_if(
      streams_, [&](const auto& each) { return each.second.connection == connection; });
  if (found == streams_.end()) return;
  const agent::StreamId stream = found->first;
  streams_.erase(found);
  step(agent::StreamClosed{stream});
}

void AgentNode::perform(const agent::SendToExecutor& out) {
  const auto found = streams_.find(out.stream);
  if (found == streams_.end()) return;
  std::string framed;
  wire::append_record(wire::encode(found->second.media, out.event), framed);
  world_.network.send(found->second.connection, End::server, std::move(framed));
}

void AgentNode::perform(const agent::CloseStream& close) {
  const auto found = streams_.find(close.stream);
  if (found == streams_.end()) return;
  world_.network.close(found->second.connection, End::server);
  streams_.erase(found);
}

void AgentNode::perform(const agent::Persist& persist) {
  for (const auto& [key, value] : persist.puts) {
    world_.trace.note(world_.now(), "persist", name_, value, [&] { return key; });
  }
  disk_.write({persist.puts, persist.deletes}, [this, life = life_, ticket = persist.ticket] {
    if (life == life_ && up()) step(agent::Persisted{ticket});
  });
}

void AgentNode::perform(const agent::Exit& exit) {
  world_.trace.note(world_.now(), "exits", name_, exit.message, [&] { return exit.message; });
  exit_when_durable();
}

void AgentNode::exit_when_durable() {
  world_.schedule.after(std::chrono::milliseconds(5), [this, life = life_] {
    if (life != life_ || !up()) return;
    if (!disk_.idle()) return exit_when_durable();
    crash();
    world_.schedule.after(restart_after_exit, [this] {
      if (!up()) start();
    });
  });
}

}  // namespace mesolith::sim
