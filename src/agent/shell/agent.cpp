// SPDX-License-Identifier: Apache-2.0
#include "agent/shell/agent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <list>
#include <set>
#include <unordered_map>

#include "agent/core/step.hpp"
#include "agent/hands/containers.hpp"
#include "agent/hands/launcher_client.hpp"
#include "agent/hands/sandbox_files.hpp"
#include "agent/hands/volumes.hpp"
#include "agent/http/handle.hpp"
#include "agent/shell/conversions.hpp"
#include "agent/shell/garbage_collector.hpp"
#include "agent/shell/master_link.hpp"
#include "agent/shell/port_probes.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "net/http_server.hpp"
#include "net/pool.hpp"
#include "os/system.hpp"
#include "store/sqlite.hpp"
#include "wire/media_type.hpp"

namespace mesolith::agent {
namespace {

constexpr size_t pool_threads = 2;
constexpr size_t pool_queue_max = 4096;
constexpr Duration statistics_wait_max = std::chrono::seconds(2);
constexpr size_t questions_max = 256;
// Measuring the host opens files, too dear for each request.
constexpr Duration figures_age_max = std::chrono::seconds(1);

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

// The core learns of a volume that could not be made when a task wants it.
void told(const char* what, const Result<void>& result) {
  if (!result) log::error("Could not {} a volume: {}", what, result.error().message);
}

// Several containers' statistics asked for by one request.
struct Question {
  http::StatisticsRequest request;
  http::Statistics answers;
  size_t missing = 0;
  net::Exchange exchange;
  std::unique_ptr<net::Timer> timer;
};

}  // namespace

struct Agent::Impl {
  Impl(net::Loop& given_loop, AgentOptions given)
      : loop(given_loop),
        options(std::move(given)),
        containers(options.cgroups),
        link(loop, options.masters, link_callbacks()),
        probes(loop, [this](Probed probed) { step(std::move(probed)); }),
        timer(loop, [this] { on_timer(); }),
        pool(pool_threads, pool_queue_max),
        garbage(loop, options.core.work_dir, [this](const Event& event) { step(event); }) {}
  ~Impl() {
    fetcher.reset();
    launcher.reset();
    store.reset();
  }

  Result<void> start();
  Result<Recovered> recover();
  MasterLink::Callbacks link_callbacks();
  void on_request(wire::Request request, net::Exchange exchange);
  void on_launcher(launcher::Event& event);
  void on_timer();
  void step(const Event& event);
  void drain();
  void perform(Effect& effect);
  void fetch(const FetchUris& wish);
  void fetched(const ContainerId& id, fetcher::FetchOutcome outcome);
  void launch(const LaunchContainer& wish);
  void link_into_sandbox(const LinkVolumes& wish);
  void discard(const DiscardVolumes& wish);
  void destroy(const DestroyContainer& out);
  // For requests that are never refused.
  void request(launcher::Request request) { CHECK(launcher->send(std::move(request))); }
  void persist(const Persist& change);
  void send(const SendToExecutor& out);
  void exit(const Exit& out);
  void look_at(http::FileRequest request, net::Exchange exchange);
  void measure(http::StatisticsRequest request, net::Exchange exchange);
  void measured(const launcher::StatisticsResult& result);
  void answer(std::list<Question>::iterator question);

  net::Loop& loop;
  AgentOptions options;
  ContainerHands containers;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<State> state;
  std::unique_ptr<net::HttpServer> server;
  MasterLink link;
  PortProbes probes;
  net::Timer timer;
  std::unordered_map<StreamId, wire::Media> streams;
  std::list<Question> questions;
  std::deque<Event> waiting;  // events that came while a step was carried out
  bool stepping = false, ended = false;
  http::ProcessFigures host;
  Time figures_until = Time{};  // when `host` is measured again
  std::unique_ptr<LauncherClient> launcher;
  std::set<ContainerId> fetching;
  std::unique_ptr<fetcher::Fetcher> fetcher;
  net::Pool pool;
  GarbageCollector garbage;
};

MasterLink::Callbacks Agent::Impl::link_callbacks() {
  MasterLink::Callbacks on;
  on.on_event = [this](uint64_t connection, protocol::MasterEvent event) {
    step(MasterEventReceived{connection, std::move(event)});
  };
  on.on_closed = [this](uint64_t connection) { step(MasterDisconnected{connection}); };
  return on;
}

Result<Recovered> Agent::Impl::recover() {
  Recovered recovered;
  TRY_VOID(os::make_directories(options.core.work_dir + "/meta"));
  TRY(store, store::open_sqlite_store(options.core.work_dir + "/meta/agent.db"));
  TRY(const store::Entries entries, store->list(""));
  for (const auto& [key, stored] : entries) recovered.records.emplace_back(key, stored.value);
  LauncherOptions launcher_options;
  launcher_options.runtime_dir = options.runtime_dir;
  if (options.cgroups) launcher_options.cgroup_root = options.cgroup_root;
  launcher::Listing held;
  TRY(launcher, LauncherClient::start(
                    launcher_options,
                    [this](launcher::Event event) {
                      loop.post([this, event = std::move(event)]() mutable { on_launcher(event); });
                    },
                    held));
  TRY(fetcher, fetcher::Fetcher::start(
                   options.fetcher, [this](const std::string& id, fetcher::FetchOutcome outcome) {
                     loop.post([this, id = ContainerId(id), outcome = std::move(outcome)] {
                       fetched(id, outcome);
                     });
                   }));
  for (const launcher::Container& container : held.containers()) {
    recovered.containers.push_back(listing_of(container));
  }
  return recovered;
}

Result<void> Agent::Impl::start() {
  server = std::make_unique<net::HttpServer>(loop, net::Limits{},
                                             [this](wire::Request request, net::Exchange exchange) {
                                               on_request(std::move(request), std::move(exchange));
                                             });
  TRY(const net::Endpoint endpoint,
      server->listen(options.core.ip, static_cast<uint16_t>(options.core.info.port())));
  options.core.info.set_port(endpoint.port);
  server->on_stream_closed([this](net::StreamId stream) {
    streams.erase(static_cast<StreamId>(stream));
    step(StreamClosed{static_cast<StreamId>(stream)});
  });
  TRY(Recovered recovered, recover());
  state = std::make_unique<State>(options.core, entropy_seed(), clock_now());
  loop.post([this, event = std::move(recovered)] {
    step(event);
    step(MasterDetected{});
  });
  return {};
}

void Agent::Impl::on_timer() {
  if (next_deadline(*state, clock_now()) <= clock_now()) return step(Tick{});
  timer.set(next_deadline(*state, clock_now()));
}

void Agent::Impl::step(const Event& event) {
  waiting.push_back(event);
  if (!stepping && !ended) drain();
}

void Agent::Impl::drain() {
  stepping = true;
  while (!waiting.empty() && !ended) {
    const Event event = std::move(waiting.front());
    waiting.pop_front();
    Effects effects;
    agent::step(*state, clock_now(), event, effects);
    for (Effect& effect : effects) perform(effect);
  }
  stepping = false;
  if (!ended) timer.set(next_deadline(*state, clock_now()));
}

void Agent::Impl::perform(Effect& effect) {
  std::visit(
      Overloaded{
          [&](const SubscribeToMaster& out) { link.subscribe(out.connection, out.call); },
          [&](const SendToMaster& out) { link.send(out.call); },
          [&](const SendToExecutor& out) { send(out); },
          [&](const CloseStream& out) {
            streams.erase(out.stream);
            server->close_stream(static_cast<net::StreamId>(out.stream));
          },
          [&](const FetchUris& out) { fetch(out); },
          [&](const LaunchContainer& out) { launch(out); },
          [&](const ProbePort& out) { probes.start(out); },
          [&](const CancelProbe& out) { probes.cancel(out.probe); },
          [&](const ResizeContainer& out) {
            if (!containers.cgroups()) return;
            request(resize_request(out, containers.cgroup(out.cpus, out.mem_bytes)));
          },
          [&](const SignalContainer& out) { request(signal_request(out)); },
          [&](const DestroyContainer& out) { destroy(out); },
          [&](const AcknowledgeContainer& out) { request(acknowledge_request(out)); },
          [&](const MeasureDisk& out) { garbage.perform(out); },
          [&](const FindSandboxes& out) { garbage.perform(out); },
          [&](const RemoveSandboxes& out) { garbage.perform(out, state->id); },
          [&](const LinkVolumes& out) { link_into_sandbox(out); },
          [&](const MakeVolume& out) { told("make", make_volume(out.path)); },
          [&](const RemoveVolume& out) { told("remove", remove_volume(out.path, out.trash)); },
          [&](const DiscardVolumes& out) { discard(out); },
          [&](const Persist& out) { persist(out); },
          [&](const Exit& out) { exit(out); }},
      effect);
}

void Agent::Impl::fetch(const FetchUris& wish) {
  fetching.insert(wish.container_id);
  fetcher->fetch({wish.container_id.value, wish.sandbox, wish.user, wish.uris});
}

void Agent::Impl::fetched(const ContainerId& id, fetcher::FetchOutcome outcome) {
  fetching.erase(id);
  step(event_of(id, std::move(outcome)));
}

void Agent::Impl::destroy(const DestroyContainer& out) {
  // The launcher knows nothing yet of what is being fetched.
  if (fetching.contains(out.container_id)) return fetcher->stop(out.container_id.value);
  request(destroy_request(out));
}

void Agent::Impl::launch(const LaunchContainer& wish) {
  auto outcome = containers.launch(clock_now(), wish_of(wish));
  if (auto* launch = std::get_if<launcher::Launch>(&outcome)) {
    launcher::Request wrapped;
    *wrapped.mutable_launch() = std::move(*launch);
    if (launcher->send(std::move(wrapped))) return;
    return step(ContainerLaunchFailed{
        wish.container_id, ContainerLaunchFailed::Cause::system,
        fmt::format("The launcher does not answer, and {} requests wait for it already",
                    LauncherClient::requests_max)});
  }
  const Refusal& refusal = std::get<Refusal>(outcome);
  step(ContainerLaunchFailed{wish.container_id, cause_of(refusal.problem), refusal.message});
}

void Agent::Impl::link_into_sandbox(const LinkVolumes& wish) {
  told("link", containers.link(clock_now(), wish.sandbox, wish.user, mounts_of(wish.volumes)));
}

void Agent::Impl::discard(const DiscardVolumes& wish) {
  auto removed = discarded_volumes(wish.directories, wish.keep);
  if (removed.empty()) return;
  // What does not go now goes with the next ones.
  (void)pool.submit([removed = std::move(removed)] { discard_volumes(removed); });
}

void Agent::Impl::persist(const Persist& change) {
  store::Batch batch;
  for (const auto& [key, value] : change.puts) batch.push_back({key, store::any_version, value});
  for (const std::string& key : change.deletes)
    batch.push_back({key, store::any_version, std::nullopt});
  store->commit(std::move(batch), [this, ticket = change.ticket](Result<void> result) {
    loop.post([this, ticket, result = std::move(result)] {
      if (result) return step(Persisted{ticket});
      log::error("A checkpoint could not be written: {}", result.error().message);
      exit({1, "without checkpoints nothing may be acknowledged"});
    });
  });
}

void Agent::Impl::send(const SendToExecutor& out) {
  const auto media = streams.find(out.stream);
  if (media == streams.end()) return;  // closed by the executor; StreamClosed is on its way
  net::write_record(*server, static_cast<net::StreamId>(out.stream),
                    wire::encode(media->second, out.event));
}

void Agent::Impl::exit(const Exit& out) {
  if (std::exchange(ended, true)) return;
  log::info("The agent ends: {}", out.message);
  // Later than this step, so that what it sent can leave.
  loop.post([this, code = out.code] {
    if (options.on_exit) options.on_exit(code);
  });
}

void Agent::Impl::on_launcher(launcher::Event& event) {
  if (event.has_statistics()) return measured(event.statistics());
  if (auto happened = event_of(event)) step(*std::move(happened));
}

void Agent::Impl::on_request(wire::Request request, net::Exchange exchange) {
  const Time now = clock_now();
  if (now >= figures_until) {
    host = figures_of_host();
    figures_until = saturating_add(now, figures_age_max);
  }
  host.fetcher_cache_bytes_total = fetcher->cache().bytes_max;
  host.fetcher_cache_bytes_used = fetcher->cache().bytes_used;
  http::Outcome outcome = http::handle(*state, now, request, host);
  std::visit(
      Overloaded{
          [&](wire::Response& response) { exchange.respond(std::move(response)); },
          [&](http::Accepted& accepted) {
            step(accepted.event);
            exchange.respond(std::move(accepted.response));
          },
          [&](http::OpenStream& open) {
            const auto stream = static_cast<StreamId>(exchange.open_stream(std::move(open.head)));
            streams[stream] = open.media;
            open.event.stream = stream;
            step(std::move(open.event));
          },
          [&](http::FileRequest& wanted) { look_at(std::move(wanted), std::move(exchange)); },
          [&](http::StatisticsRequest& wanted) {
            measure(std::move(wanted), std::move(exchange));
          }},
      outcome);
}

void Agent::Impl::look_at(http::FileRequest wanted, net::Exchange exchange) {
  auto held = std::make_shared<net::Exchange>(std::move(exchange));
  const auto submitted = pool.submit([this, wanted, held] {
    http::FileAnswer answer = look_at_file(wanted);
    loop.post([wanted, held, answer = std::move(answer)] {
      held->respond(http::render(wanted, answer));
    });
  });
  if (!submitted) held->respond(wire::text(503, "Too many files are being looked at; try again"));
}

void Agent::Impl::measure(http::StatisticsRequest wanted, net::Exchange exchange) {
  if (questions.size() >= questions_max) {
    return exchange.respond(wire::text(
        503, fmt::format("{} questions for statistics are under way; try again", questions_max)));
  }
  questions.push_back({std::move(wanted), {}, 0, std::move(exchange), nullptr});
  const auto question = std::prev(questions.end());
  question->missing = question->request.containers.size();
  if (question->missing == 0) return answer(question);
  // A launcher that has died meanwhile answers nothing.
  question->timer = std::make_unique<net::Timer>(loop, [this, question] { answer(question); });
  question->timer->set(saturating_add(clock_now(), statistics_wait_max));
  for (const ContainerId& id : question->request.containers) {
    if (!launcher->send(statistics_request(id))) --question->missing;
  }
  if (question->missing == 0) answer(question);
}

void Agent::Impl::measured(const launcher::StatisticsResult& result) {
  const ContainerId id(result.container_id());
  for (auto question = questions.begin(); question != questions.end();) {
    const auto next = std::next(question);
    const auto& asked = question->request.containers;
    if (std::find(asked.begin(), asked.end(), id) != asked.end() &&
        !question->answers.contains(id)) {
      if (result.found()) question->answers[id] = statistics_of(clock_now(), result);
      if (--question->missing == 0) answer(question);
    }
    question = next;
  }
}

void Agent::Impl::answer(std::list<Question>::iterator question) {
  question->exchange.respond(http::render(*state, question->request, question->answers));
  questions.erase(question);
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() = default;

Result<std::unique_ptr<Agent>> Agent::start(net::Loop& loop, AgentOptions options) {
  auto impl = std::make_unique<Impl>(loop, std::move(options));
  TRY_VOID(impl->start());
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

const std::string& Agent::ip() const {
  return impl_->options.core.ip;
}
uint16_t Agent::port() const {
  return static_cast<uint16_t>(impl_->options.core.info.port());
}
void Agent::stop_for_good() {
  impl_->step(OperatorStopped{});
}

}  // namespace mesolith::agent
