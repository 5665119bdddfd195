// SPDX-License-Identifier: Apache-2.0
// The launcher's loop: one listening socket, one agent, the children's signals, one timer. Requests
// are read only while the agent reads its events; an agent that lets too many pile up loses its
// connection, and learns again of what ended when it comes back.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "launcher/containers.hpp"
#include "launcher/launcher.hpp"
#include "os/unix_socket.hpp"

namespace mesolith::launcher {

class Server {
 public:
  // `events` is what `containers` adds to; all must outlive it.
  Server(const Options& options, Containers& containers, Events& events, CgroupPool& cgroups,
         os::UnixListener listener);

  Result<void> serve();

 private:
  Result<void> watch(int descriptor, uint32_t events, uint64_t tag);
  Result<void> turn();
  bool is_over(Time now);
  int wait_milliseconds(Time now) const;
  void drain_signals();
  void accept_agents();
  void agent_ready(uint32_t events);
  void take_frames();
  bool take_frame();
  void work_off();
  void send_events();
  void update_interest();
  void drop_agent(std::string_view reason);

  const Options& options_;
  Containers& containers_;
  Events& events_;
  CgroupPool& cgroups_;
  os::UnixListener listener_;
  os::FileDescriptor poller_, signals_;
  std::map<int, std::string> adopted_;  // pidfd to container
  std::optional<os::UnixStream> agent_;
  uint32_t interest_ = 0;         // what it is polled for
  std::deque<Request> requests_;  // of one frame; of the last ones, once it has closed
  uint64_t sequence_ = 0;
  Time idle_since_;
  bool terminated_ = false;
};

}  // namespace mesolith::launcher
