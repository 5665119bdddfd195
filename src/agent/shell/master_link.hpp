// SPDX-License-Identifier: Apache-2.0
// The agent's stream to whichever master leads: follows redirects, tries the given addresses in
// turn. Callbacks run on the loop and carry the number of the subscription they belong to.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mesolith/protocol.pb.h"
#include "net/loop.hpp"
#include "net/record_stream.hpp"

namespace mesolith::agent {

class MasterLink {
 public:
  struct Callbacks {
    std::function<void(uint64_t connection, protocol::MasterEvent)> on_event;
    std::function<void(uint64_t connection)> on_closed;
  };
  MasterLink(net::Loop& loop, std::vector<std::string> masters, Callbacks callbacks);

  void subscribe(uint64_t connection, const protocol::AgentCall& call);
  void send(const protocol::AgentCall& call);  // dropped when there is no subscription

 private:
  void closed(uint64_t connection, const std::string& why);

  net::Loop& loop_;
  std::vector<std::string> masters_;
  size_t next_ = 0;
  Callbacks callbacks_;
  std::unique_ptr<net::RecordStream> stream_;
  std::optional<net::Endpoint> leader_;  // where the last redirect pointed
};

}  // namespace mesolith::agent
