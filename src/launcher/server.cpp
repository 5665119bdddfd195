// SPDX-License-Identifier: Apache-2.0
#include "launcher/server.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/log.hpp"

namespace mesolith::launcher {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t tag_listener = 1ull << 32;
constexpr uint64_t tag_signals = 2ull << 32;
constexpr uint64_t tag_agent = 3ull << 32;
constexpr uint64_t tag_adopted = 4ull << 32;
constexpr uint32_t protocol_version = 1;
// Launching takes most of the time: so many, then children and the agent have their turn again.
constexpr size_t requests_per_turn = 32;
// With more than the first unsent no more requests are read; with more than the second it is
// dropped.
constexpr size_t unsent_pause = 1u << 20;
constexpr size_t unsent_max = 64u << 20;
constexpr size_t frame_bytes_enough = 1u << 20;

}  // namespace

Server::Server(const Options& options, Containers& containers, Events& events, CgroupPool& cgroups,
               os::UnixListener listener)
    : options_(options),
      containers_(containers),
      events_(events),
      cgroups_(cgroups),
      listener_(std::move(listener)),
      idle_since_(clock_now()) {}

Result<void> Server::watch(int descriptor, uint32_t events, uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag | static_cast<uint32_t>(descriptor);
  if (::epoll_ctl(poller_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return std::unexpected(os::system_error(errno, "epoll"));
  }
  return {};
}

Result<void> Server::serve() {
  poller_ = os::FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  signals_ = os::FileDescriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!poller_ || !signals_) return std::unexpected(os::system_error(errno, "the launcher's loop"));
  TRY_VOID(watch(listener_.descriptor(), EPOLLIN, tag_listener));
  TRY_VOID(watch(signals_.get(), EPOLLIN, tag_signals));
  for (auto& [descriptor, container_id] : containers_.take_unwatched()) {
    TRY_VOID(watch(descriptor, EPOLLIN | EPOLLONESHOT, tag_adopted));
    adopted_[descriptor] = container_id;
  }
  containers_.reap(clock_now());
  while (!is_over(clock_now())) TRY_VOID(turn());
  cgroups_.close();
  return {};
}

bool Server::is_over(Time now) {
  if (agent_ || !containers_.owns_nothing()) {
    idle_since_ = now;
    terminated_ = false;
    return false;
  }
  return terminated_ || now - idle_since_ >= options_.idle_max;
}

int Server::wait_milliseconds(Time now) const {
  if (!requests_.empty()) return 0;
  Time next = containers_.next_retry();
  if (!agent_ && containers_.owns_nothing()) {
    next = std::min(next, saturating_add(idle_since_, options_.idle_max));
  }
  if (next == never) return -1;
  auto wait = std::chrono::ceil<milliseconds>(std::max(Duration::zero(), next - now));
  return static_cast<int>(std::min<int64_t>(wait.count(), 60'000));
}

Result<void> Server::turn() {
  std::array<epoll_event, 64> ready;
  int count = ::epoll_wait(poller_.get(), ready.data(), static_cast<int>(ready.size()),
                           wait_milliseconds(clock_now()));
  if (count < 0 && errno != EINTR) return std::unexpected(os::system_error(errno, "epoll"));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready[static_cast<size_t>(i)];
    auto descriptor = static_cast<int>(event.data.u64 & 0xffffffff);
    switch (event.data.u64 & ~0xffffffffull) {
      case tag_listener:
        accept_agents();
        break;
      case tag_signals:
        drain_signals();
        break;
      case tag_adopted:
        if (auto found = adopted_.find(descriptor); found != adopted_.end()) {
          containers_.adopted_ended(found->second);
          adopted_.erase(found);
        }
        break;
      case tag_agent:
        if (agent_ && agent_->descriptor() == descriptor) agent_ready(event.events);
        break;
    }
  }
  work_off();
  containers_.reap(clock_now());
  send_events();
  update_interest();
  return {};
}

void Server::drain_signals() {
  signalfd_siginfo signal{};
  while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo != SIGTERM) continue;
    terminated_ = containers_.owns_nothing();
    if (terminated_) {
      drop_agent("the launcher was told to end");
    } else {
      log::warning("The launcher was told to end, and stays because there are containers");
    }
  }
}

void Server::accept_agents() {
  while (true) {
    auto accepted = listener_.accept();
    if (!accepted) log::warning("{}", accepted.error().message);
    if (!accepted || !*accepted) return;
    os::UnixStream stream(std::move(**accepted));
    auto peer = stream.peer();
    if (!peer || (peer->uid != 0 && peer->uid != ::geteuid())) {
      log::warning("A connection of another user was refused");
      continue;
    }
    if (agent_) drop_agent("another one has come");
    if (auto watched = watch(stream.descriptor(), EPOLLIN, tag_agent); !watched) {
      log::warning("{}", watched.error().message);
      continue;
    }
    agent_ = std::move(stream);
    interest_ = EPOLLIN;
    sequence_ = 0;
    events_.clear();  // they were for the earlier one
    Hello& hello = *events_.emplace_back().mutable_hello();
    hello.set_version(protocol_version);
    hello.set_pid(::getpid());
    if (!cgroups_.unavailable().empty()) {
      hello.set_cgroups_unavailable(cgroups_.unavailable());
    }
    containers_.replay();
  }
}

void Server::agent_ready(uint32_t events) {
  if (events & EPOLLOUT) {
    if (auto flushed = agent_->flush(); !flushed) return drop_agent(flushed.error().message);
  }
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  auto open = agent_->read_some();
  if (!open) return drop_agent(open.error().message);
  if (*open) return take_frames();
  // What it said before it went still counts.
  while (agent_ && take_frame()) {
  }
  if (agent_) drop_agent("it has closed the connection");
}

void Server::take_frames() {
  while (agent_ && requests_.empty() && take_frame()) {
  }
}

// Whether there was a frame. One that is none ends the connection.
bool Server::take_frame() {
  auto frame = agent_->next_frame();
  if (!frame) {
    drop_agent(frame.error().message);
    return false;
  }
  if (!*frame) return false;
  RequestFrame parsed;
  if (!parsed.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size()))) {
    drop_agent("it sent bytes that are no requests");
    return false;
  }
  for (Request& request : *parsed.mutable_requests()) requests_.push_back(std::move(request));
  return true;
}

void Server::work_off() {
  if (agent_ && requests_.empty()) take_frames();
  if (requests_.empty()) return;
  std::vector<Request> now;
  while (!requests_.empty() && now.size() < requests_per_turn) {
    now.push_back(std::move(requests_.front()));
    requests_.pop_front();
  }
  containers_.carry_out(std::move(now));
  if (agent_ && requests_.empty()) take_frames();
}

void Server::send_events() {
  size_t sent = 0;
  while (agent_ && sent < events_.size()) {
    EventFrame frame;
    size_t bytes = 0;
    while (sent < events_.size() && bytes < frame_bytes_enough) {
      events_[sent].set_sequence(++sequence_);
      bytes += events_[sent].ByteSizeLong();
      *frame.add_events() = std::move(events_[sent++]);
    }
    if (auto queued = agent_->send_frame(frame.SerializeAsString()); !queued) {
      drop_agent(queued.error().message);
    } else if (agent_->unsent() > unsent_max) {
      drop_agent("it does not read what is sent to it");
    }
  }
  events_.clear();
}

// Level-triggered, so that what is not read now is still there when it is wanted.
void Server::update_interest() {
  if (!agent_) return;
  uint32_t wanted = 0;
  if (requests_.empty() && agent_->unsent() < unsent_pause) wanted |= EPOLLIN;
  if (agent_->unsent() > 0) wanted |= EPOLLOUT;
  if (wanted == interest_) return;
  interest_ = wanted;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = tag_agent | static_cast<uint32_t>(agent_->descriptor());
  if (::epoll_ctl(poller_.get(), EPOLL_CTL_MOD, agent_->descriptor(), &event) != 0) {
    drop_agent("it cannot be polled");
  }
}

void Server::drop_agent(std::string_view reason) {
  log::info("The agent's connection ends: {}", reason);
  agent_.reset();
}

}  // namespace mesolith::launcher
