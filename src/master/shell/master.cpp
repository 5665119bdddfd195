// SPDX-License-Identifier: Apache-2.0
#include "master/shell/master.hpp"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <set>
#include <unordered_map>

#include "base/check.hpp"
#include "base/log.hpp"
#include "master/core/step.hpp"
#include "master/http/handle.hpp"
#include "master/shell/host.hpp"
#include "master/shell/registry.hpp"
#include "net/http_server.hpp"
#include "net/record_stream.hpp"
#include "wire/media_type.hpp"

namespace mesolith::master {

struct Master::Impl {
  Impl(net::Loop& given_loop, MasterOptions given, std::unique_ptr<store::Store> given_store)
      : loop(given_loop),
        options(std::move(given)),
        registry(std::move(given_store)),
        dice(entropy_seed()),
        timer(loop, [this] { on_timer(); }) {}

  Result<void> start();
  void on_request(wire::Request request, net::Exchange exchange);
  const http::ProcessFigures& figures(Time now);
  void on_timer();
  void step(const Event& event);
  void perform(Effect& effect);
  void persist(const Persist& persist);
  void read_log(const http::ReadLog& read, net::Exchange exchange);
  void send(StreamId stream, const google::protobuf::Message& message);
  void send(const SendToOperators& out);
  void arm();

  net::Loop& loop;
  MasterOptions options;
  Registry registry;
  Rng dice;  // stream ids only
  net::Timer timer;
  std::unique_ptr<net::HttpServer> server;
  std::unique_ptr<State> state;
  std::unordered_map<StreamId, wire::Media> streams;
  std::unordered_map<RequestId, net::Exchange> asking;  // the operator, for a change
  RequestId last_request = 0;
  Effects effects;  // of the step being carried out; kept for its capacity
  bool stepping = false;
  http::ProcessFigures host;
  Time figures_until = Time{};  // when `host` is measured again
};

namespace {

// Measuring opens files, too dear for each request.
constexpr Duration figures_age_max = std::chrono::seconds(1);

net::Limits limits() {
  net::Limits limits;
  limits.body_bytes_max = 64 << 20;
  return limits;
}

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

Result<void> Master::Impl::start() {
  TRY(RegistryRecovered recovered, registry.recover());
  server = std::make_unique<net::HttpServer>(loop, limits(),
                                             [this](wire::Request request, net::Exchange exchange) {
                                               on_request(std::move(request), std::move(exchange));
                                             });
  TRY(const net::Endpoint endpoint, server->listen(options.core.ip, options.core.port));
  options.core.port = endpoint.port;
  state = std::make_unique<State>(options.core, entropy_seed(), clock_now());
  server->on_stream_closed([this](net::StreamId stream) {
    streams.erase(static_cast<StreamId>(stream));
    step(StreamClosed{static_cast<StreamId>(stream)});
  });
  loop.post([this, event = std::move(recovered)] { step(event); });
  return {};
}

void Master::Impl::on_request(wire::Request request, net::Exchange exchange) {
  const Time now = clock_now();
  http::Outcome outcome = http::handle(*state, now, request, figures(now), dice.uuid_text());
  std::visit(Overloaded{[&](wire::Response& response) { exchange.respond(std::move(response)); },
                        [&](http::Accepted& accepted) {
                          step(accepted.event);
                          exchange.respond(std::move(accepted.response));
                        },
                        [&](http::OpenStream& open) {
                          const auto stream =
                              static_cast<StreamId>(exchange.open_stream(std::move(open.head)));
                          streams[stream] = open.media;
                          std::visit(
                              [&](auto& event) {
                                event.stream = stream;
                                step(std::move(event));
                              },
                              open.event);
                        },
                        [&](http::Asked& asked) {
                          asked.event.request = ++last_request;
                          asking.emplace(last_request, std::move(exchange));
                          step(asked.event);
                        },
                        [&](http::ReadLog& read) { read_log(read, std::move(exchange)); }},
             outcome);
}

const http::ProcessFigures& Master::Impl::figures(Time now) {
  if (now < figures_until) return host;
  host = measure_host();
  host.log_file = options.log_file;
  figures_until = saturating_add(now, figures_age_max);
  return host;
}

void Master::Impl::on_timer() {
  if (next_deadline(*state, clock_now()) <= clock_now()) step(Tick{});
  arm();
}

void Master::Impl::arm() {
  timer.set(next_deadline(*state, clock_now()));
}

void Master::Impl::step(const Event& event) {
  CHECK(!stepping);
  stepping = true;
  effects.clear();
  master::step(*state, clock_now(), event, effects);
  for (Effect& effect : effects) perform(effect);
  stepping = false;
  arm();
}

void Master::Impl::perform(Effect& effect) {
  std::visit(Overloaded{[&](const SendToFramework& out) { send(out.stream, out.event); },
                        [&](const SendToAgent& out) { send(out.stream, out.event); },
                        [&](const SendToOperators& out) { send(out); },
                        [&](const CloseStream& close) {
                          streams.erase(close.stream);
                          server->close_stream(static_cast<net::StreamId>(close.stream));
                        },
                        [&](const AnswerOperator& out) {
                          const auto asked = asking.find(out.request);
                          if (asked == asking.end()) return;
                          asked->second.respond(http::render(out));
                          asking.erase(asked);
                        },
                        [&](const Persist& change) { persist(change); }},
             effect);
}

void Master::Impl::send(StreamId stream, const google::protobuf::Message& message) {
  const auto media = streams.find(stream);
  if (media == streams.end()) return;  // closed by the peer; StreamClosed is on its way
  net::write_record(*server, static_cast<net::StreamId>(stream),
                    wire::encode(media->second, message));
}

// Encoded once for each media type that somebody reads.
void Master::Impl::send(const SendToOperators& out) {
  std::map<wire::Media, std::string> encoded;
  for (const StreamId stream : out.streams) {
    const auto media = streams.find(stream);
    if (media == streams.end()) continue;
    std::string& record = encoded[media->second];
    if (record.empty()) record = wire::encode(media->second, out.event);
    net::write_record(*server, static_cast<net::StreamId>(stream), record);
  }
}

void Master::Impl::persist(const Persist& change) {
  registry.commit(change, [this, ticket = change.ticket](Result<void> result) {
    loop.post([this, ticket, result = std::move(result)] {
      if (result) return step(RegistryPersisted{ticket});
      log::error("The registry could not be written: {}", result.error().message);
      if (options.on_fatal) options.on_fatal(result.error());
    });
  });
}

void Master::Impl::read_log(const http::ReadLog& read, net::Exchange exchange) {
  std::ifstream file(options.log_file, std::ios::binary | std::ios::ate);
  if (!file) return exchange.respond(wire::empty(404));
  exchange.respond(http::render(read, file));
}

Master::Master(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Master::~Master() = default;

Result<std::unique_ptr<Master>> Master::start(net::Loop& loop, MasterOptions options) {
  TRY(std::unique_ptr<store::Store> store, open_registry_store(options.work_dir));
  auto impl = std::make_unique<Impl>(loop, std::move(options), std::move(store));
  TRY_VOID(impl->start());
  return std::unique_ptr<Master>(new Master(std::move(impl)));
}

const std::string& Master::ip() const {
  return impl_->options.core.ip;
}
uint16_t Master::port() const {
  return impl_->options.core.port;
}

}  // namespace mesolith::master
