// SPDX-License-Identifier: Apache-2.0
#include "frameworks/driver/shell/driver.hpp"

#include <deque>

#include "base/log.hpp"
#include "net/record_stream.hpp"

namespace mesolith::frameworks::driver {
namespace {

constexpr std::string_view scheduler_path = "/api/v1/scheduler";

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

struct Driver::Impl : std::enable_shared_from_this<Driver::Impl> {
  Impl(net::Loop& given_loop, Options options, wire::Media given_media, Callbacks given_callbacks)
      : loop(given_loop),
        media(given_media),
        callbacks(std::move(given_callbacks)),
        state(std::move(options), entropy_seed()),
        timer(loop, [this] { step(Tick{}); }) {}

  void step(Event event);
  void drain();
  void perform(Effect& effect);
  void connect(const Connect& connect);
  void send(const mesos::v1::scheduler::Call& call);
  net::RecordStreamCallbacks stream_callbacks();

  net::Loop& loop;
  wire::Media media;
  Callbacks callbacks;
  State state;
  net::Timer timer;
  std::unique_ptr<net::RecordStream> stream;
  // Events that came while a step was carried out, by a callback's call().
  std::deque<Event> waiting;
  bool stepping = false;
};

void Driver::Impl::step(Event event) {
  waiting.push_back(std::move(event));
  if (!stepping) drain();
}

void Driver::Impl::drain() {
  const auto alive = weak_from_this();
  stepping = true;
  while (!waiting.empty()) {
    const Event event = std::move(waiting.front());
    waiting.pop_front();
    Effects effects;
    driver::step(state, clock_now(), event, effects);
    for (Effect& effect : effects) {
      perform(effect);
      if (alive.expired()) return;  // a callback has destroyed us
    }
  }
  stepping = false;
  timer.set(next_deadline(state));
}

void Driver::Impl::perform(Effect& effect) {
  std::visit(Overloaded{[&](const Connect& out) { connect(out); },
                        [&](const Disconnect&) { stream.reset(); },
                        [&](const Send& out) { send(out.call); },
                        [&](const Deliver& out) {
                          if (callbacks.on_event) callbacks.on_event(out.event);
                        },
                        [&](const Disconnected& out) {
                          if (callbacks.on_disconnected) callbacks.on_disconnected(out.reason);
                        },
                        [&](const Abort& out) {
                          if (callbacks.on_abort) callbacks.on_abort(out.message);
                        }},
             effect);
}

net::RecordStreamCallbacks Driver::Impl::stream_callbacks() {
  net::RecordStreamCallbacks on;
  on.on_subscribed = [this](const std::string&, const wire::Response&) { step(Opened{}); };
  on.on_record = [this](const std::string& record) {
    Received received;
    if (auto decoded = wire::decode(media, record, received.event); !decoded) {
      log::error("An event of the master cannot be understood: {}", decoded.error().message);
      return step(Closed{"the master sent an event that cannot be understood"});
    }
    step(std::move(received));
  };
  on.on_refused = [this](const wire::Response& response) {
    const std::string* location = response.headers.find("Location");
    step(Refused{response.status, location ? *location : "", response.body});
  };
  on.on_closed = [this](const Error& error) { step(Closed{error.message}); };
  return on;
}

void Driver::Impl::connect(const Connect& out) {
  auto endpoint = net::parse_endpoint(out.master);
  if (!endpoint) return step(Closed{endpoint.error().message});
  net::RecordStreamOptions options;
  options.server = *endpoint;
  options.path = scheduler_path;
  options.content_type = options.accept = std::string(wire::media_name(media));
  stream = std::make_unique<net::RecordStream>(loop, std::move(options), stream_callbacks());
  stream->subscribe(wire::encode(media, out.subscribe));
}

void Driver::Impl::send(const mesos::v1::scheduler::Call& call) {
  if (!stream) return;
  const auto type = call.type();
  stream->send(wire::encode(media, call), [type](const Result<wire::Response>& answer) {
    if (!answer) {  // the subscription fails too, and reconciliation follows
      log::debug("{} was not answered: {}", mesos::v1::scheduler::Call::Type_Name(type),
                 answer.error().message);
    } else if (answer->status >= 400) {
      log::warning("The master refused {} with {}: {}", mesos::v1::scheduler::Call::Type_Name(type),
                   answer->status, answer->body);
    }
  });
}

Driver::Driver(net::Loop& loop, Options options, wire::Media media, Callbacks callbacks)
    : impl_(std::make_shared<Impl>(loop, std::move(options), media, std::move(callbacks))) {}
Driver::~Driver() = default;
void Driver::start() {
  impl_->step(Started{});
}
void Driver::call(mesos::v1::scheduler::Call call) {
  impl_->step(Requested{std::move(call)});
}
const std::string& Driver::framework_id() const {
  return impl_->state.framework_id;
}
const std::string& Driver::master() const {
  return impl_->state.master;
}

}  // namespace mesolith::frameworks::driver
