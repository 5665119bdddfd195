// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/launcher_client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "base/time.hpp"
#include "os/files.hpp"
#include "os/process.hpp"
#include "os/unix_socket.hpp"

namespace mesolith::agent {
namespace {

using namespace std::chrono_literals;

constexpr Duration start_wait_max = 10s;
constexpr auto retry_interval = 10ms;
constexpr int requests_per_frame_max = 1024;
// A launcher that does not read leaves the rest in our queue, where it is counted.
constexpr size_t unsent_bytes_max = 1u << 20;
constexpr size_t socket_path_bytes_max = 107;

// Unix socket paths are short; a long runtime directory gets a name in /tmp that only it leads to.
std::string socket_path(const LauncherOptions& options) {
  const std::string path = options.runtime_dir + "/launcher.sock";
  if (path.size() <= socket_path_bytes_max) return path;
  return fmt::format("/tmp/mesolith-{:016x}.sock", std::hash<std::string>{}(path));
}

Result<void> start_launcher(const LauncherOptions& options) {
  os::SpawnSpec spec;
  spec.program = options.program;
  spec.arguments = {"mesolith-launcher", "launcher", "--socket=" + socket_path(options),
                    "--state_dir=" + options.runtime_dir + "/launcher"};
  if (!options.cgroup_root.empty())
    spec.arguments.push_back("--cgroup_root=" + options.cgroup_root);
  spec.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  spec.standard_error.path = options.runtime_dir + "/launcher.log";
  spec.new_session = true;
  TRY(const os::Process process, os::spawn(spec));
  // It becomes a child of init when we go; until then somebody has to reap it.
  std::thread([pid = process.pid] { (void)os::wait_for(pid); }).detach();
  return {};
}

Result<os::UnixStream> connect(const LauncherOptions& options) {
  const Time deadline = saturating_add(clock_now(), start_wait_max);
  bool started = false;
  while (true) {
    auto stream = os::UnixStream::connect(socket_path(options));
    if (stream) return stream;
    if (clock_now() > deadline) {
      return failure(
          Code::unavailable,
          fmt::format("the launcher does not answer on {}: {} (see {}/launcher.log)",
                      socket_path(options), stream.error().message, options.runtime_dir));
    }
    if (!started) TRY_VOID(start_launcher(options));
    started = true;
    std::this_thread::sleep_for(retry_interval);
  }
}

}  // namespace

struct LauncherClient::Impl {
  Impl(LauncherOptions given, OnEvent callback)
      : options(std::move(given)), on_event(std::move(callback)) {}
  ~Impl() {
    stopping = true;
    wake();
    if (thread.joinable()) thread.join();
  }

  Result<launcher::Listing> ask_listing();
  void run();
  bool serve();  // until the connection ends; false: stop
  Result<void> flush_requests();
  launcher::RequestFrame take_frame();
  void put_back(const launcher::RequestFrame& frame);
  void remember(const launcher::Request& request);
  void settle(const launcher::Event& event);
  void ask_again();
  Result<void> read_events();
  void wake() {
    const uint64_t one = 1;
    (void)!::write(wakeup.get(), &one, sizeof one);
  }

  LauncherOptions options;
  OnEvent on_event;
  os::FileDescriptor wakeup{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::optional<os::UnixStream> stream;
  std::mutex mutex;
  std::deque<launcher::Request> requests;  // guarded by `mutex`
  // Asked for and not yet answered, of the client's thread: launches, and containers to be ended.
  std::map<std::string, launcher::Request> launching, ending;
  std::atomic<bool> stopping = false;
  std::thread thread;
};

Result<launcher::Listing> LauncherClient::Impl::ask_listing() {
  launcher::RequestFrame ask;
  ask.add_requests()->mutable_list();
  TRY_VOID(stream->send_frame(ask.SerializeAsString()));
  TRY_VOID(stream->wait_sent(start_wait_max));
  while (true) {
    TRY(const std::string bytes, stream->wait_frame(start_wait_max));
    launcher::EventFrame frame;
    if (!frame.ParseFromString(bytes))
      return failure(Code::corrupt, "the launcher sent what is no EventFrame");
    for (launcher::Event& event : *frame.mutable_events()) {
      // What has ended before is in the listing as well.
      if (event.has_listing()) return std::move(*event.mutable_listing());
    }
  }
}

launcher::RequestFrame LauncherClient::Impl::take_frame() {
  launcher::RequestFrame frame;
  const std::lock_guard lock(mutex);
  while (!requests.empty() && frame.requests_size() < requests_per_frame_max) {
    *frame.add_requests() = std::move(requests.front());
    requests.pop_front();
  }
  return frame;
}

void LauncherClient::Impl::put_back(const launcher::RequestFrame& frame) {
  const std::lock_guard lock(mutex);
  requests.insert(requests.begin(), frame.requests().begin(), frame.requests().end());
}

Result<void> LauncherClient::Impl::flush_requests() {
  TRY_VOID(stream->flush());
  while (stream->unsent() < unsent_bytes_max) {
    const launcher::RequestFrame frame = take_frame();
    if (frame.requests_size() == 0) break;
    for (const launcher::Request& request : frame.requests()) remember(request);
    if (auto sent = stream->send_frame(frame.SerializeAsString()); !sent) {
      put_back(frame);
      return sent;
    }
  }
  return {};
}

void LauncherClient::Impl::remember(const launcher::Request& request) {
  if (request.has_launch()) launching[request.launch().container_id()] = request;
  if (request.has_destroy()) ending[request.destroy().container_id()] = request;
  if (request.has_acknowledge()) ending.erase(request.acknowledge().container_id());
}

void LauncherClient::Impl::settle(const launcher::Event& event) {
  if (event.has_launched()) launching.erase(event.launched().container_id());
  if (event.has_launch_failed()) {
    launching.erase(event.launch_failed().container_id());
    ending.erase(event.launch_failed().container_id());
  }
  if (event.has_exited()) ending.erase(event.exited().container_id());
}

// Either is harmless when the one before had carried it out: a launch of a container that is there
// is answered with what is known of it, and one that is gone needs no ending.
void LauncherClient::Impl::ask_again() {
  const std::lock_guard lock(mutex);
  for (const auto* unanswered : {&ending, &launching}) {
    for (const auto& [container_id, request] : *unanswered) requests.push_front(request);
  }
}

Result<void> LauncherClient::Impl::read_events() {
  TRY(const bool open, stream->read_some());
  while (true) {
    TRY(const auto bytes, stream->next_frame());
    if (!bytes) break;
    launcher::EventFrame frame;
    if (!frame.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
      return failure(Code::corrupt, "the launcher sent what is no EventFrame");
    }
    for (launcher::Event& event : *frame.mutable_events()) {
      settle(event);
      on_event(std::move(event));
    }
  }
  if (!open) return failure(Code::unavailable, "the launcher closed the connection");
  return {};
}

bool LauncherClient::Impl::serve() {
  while (!stopping) {
    pollfd polled[2] = {{stream->descriptor(), POLLIN, 0}, {wakeup.get(), POLLIN, 0}};
    if (stream->unsent() > 0) polled[0].events |= POLLOUT;
    if (::poll(polled, 2, -1) < 0) continue;
    uint64_t ignored = 0;
    if (polled[1].revents) (void)!::read(wakeup.get(), &ignored, sizeof ignored);
    Result<void> done = flush_requests();
    if (done && polled[0].revents) done = read_events();
    if (!done) {
      log::warning("The connection to the launcher is lost: {}", done.error().message);
      return true;
    }
  }
  return false;
}

void LauncherClient::Impl::run() {
  while (serve()) {
    auto again = connect(options);
    while (!again && !stopping) again = connect(options);
    if (!again) return;
    stream = *std::move(again);
    ask_again();
    wake();
  }
}

LauncherClient::LauncherClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LauncherClient::~LauncherClient() = default;

Result<std::unique_ptr<LauncherClient>> LauncherClient::start(const LauncherOptions& options,
                                                              OnEvent on_event,
                                                              launcher::Listing& held) {
  TRY_VOID(os::make_directories(options.runtime_dir));
  auto impl = std::make_unique<Impl>(options, std::move(on_event));
  TRY(impl->stream, connect(options));
  TRY(held, impl->ask_listing());
  Impl* raw = impl.get();
  raw->thread = std::thread([raw] { raw->run(); });
  return std::unique_ptr<LauncherClient>(new LauncherClient(std::move(impl)));
}

bool LauncherClient::send(launcher::Request request) {
  bool first = false;
  {
    const std::lock_guard lock(impl_->mutex);
    const bool may_be_refused = request.has_launch() || request.has_statistics();
    if (may_be_refused && impl_->requests.size() >= requests_max) return false;
    first = impl_->requests.empty();
    impl_->requests.push_back(std::move(request));
  }
  if (first) impl_->wake();
  return true;
}

}  // namespace mesolith::agent
