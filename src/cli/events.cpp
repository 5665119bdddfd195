// SPDX-License-Identifier: Apache-2.0
// events: the master's operator event stream, a line for each event.
#include <fmt/format.h>

#include <cstdio>

#include "cli/command_line.hpp"
#include "cli/table.hpp"
#include "mesos/v1/master/master.pb.h"
#include "model/task_state.hpp"
#include "net/loop.hpp"
#include "net/record_stream.hpp"
#include "wire/json.hpp"
#include "wire/media_type.hpp"

namespace mesolith::cli {
namespace {

using mesos::v1::master::Event;

std::string describe(const Event::Subscribed& subscribed) {
  const auto& state = subscribed.get_state();
  return fmt::format("{} agents, {} frameworks, {} tasks", state.get_agents().agents_size(),
                     state.get_frameworks().frameworks_size(), state.get_tasks().tasks_size());
}

std::string describe(const Event::TaskUpdated& updated) {
  const auto& status = updated.status();
  std::string text = fmt::format("{} {} of framework {} on {}", model::name_of(updated.state()),
                                 status.task_id().value(), updated.framework_id().value(),
                                 status.agent_id().value());
  if (status.has_reason()) {
    text += " (" + mesos::v1::TaskStatus::Reason_Name(status.reason()) + ")";
  }
  return status.message().empty() ? text : text + ": " + status.message();
}

std::string describe(const mesos::v1::master::Response::GetFrameworks::Framework& framework) {
  return fmt::format("{} '{}'{}", framework.framework_info().id().value(),
                     framework.framework_info().name(),
                     framework.connected() ? "" : ", disconnected");
}

std::string describe(const Event& event) {
  switch (event.type()) {
    case Event::SUBSCRIBED:
      return describe(event.subscribed());
    case Event::TASK_ADDED:
      return fmt::format("{} of framework {} on {}", event.task_added().task().task_id().value(),
                         event.task_added().task().framework_id().value(),
                         event.task_added().task().agent_id().value());
    case Event::TASK_UPDATED:
      return describe(event.task_updated());
    case Event::AGENT_ADDED:
      return fmt::format("{} {}", event.agent_added().agent().agent_info().id().value(),
                         event.agent_added().agent().pid());
    case Event::AGENT_REMOVED:
      return event.agent_removed().agent_id().value();
    case Event::FRAMEWORK_ADDED:
      return describe(event.framework_added().framework());
    case Event::FRAMEWORK_UPDATED:
      return describe(event.framework_updated().framework());
    case Event::FRAMEWORK_REMOVED:
      return fmt::format("{} '{}'", event.framework_removed().framework_info().id().value(),
                         event.framework_removed().framework_info().name());
    default:
      return "";
  }
}

class Watch {
 public:
  explicit Watch(const EventsOptions& options) : options_(options) {}

  int run(const net::Endpoint& master) {
    net::RecordStreamOptions options;
    options.server = master;
    options.path = "/api/v1";
    options.content_type = options.accept = std::string(wire::media_name(wire::Media::protobuf));
    net::RecordStreamCallbacks on;
    on.on_subscribed = [](const std::string&, const wire::Response&) {};
    on.on_record = [this](const std::string& record) { show(record); };
    on.on_refused = [this](const wire::Response& response) {
      end(fmt::format("{} answered {}: {}", options_.common.master, response.status,
                      response.body));
    };
    on.on_closed = [this](const Error& error) { end(error.message); };
    net::RecordStream stream(loop_, std::move(options), std::move(on));
    mesos::v1::master::Call call;
    call.set_type(mesos::v1::master::Call::SUBSCRIBE);
    stream.subscribe(wire::encode(wire::Media::protobuf, call));
    loop_.run();
    return status_;
  }

 private:
  void show(const std::string& record) {
    Event event;
    if (auto decoded = wire::decode(wire::Media::protobuf, record, event); !decoded) {
      return end("an event cannot be understood: " + decoded.error().message);
    }
    if (event.type() == Event::HEARTBEAT) return;
    if (options_.common.json) {
      fmt::print("{}\n", wire::print_json(event));
    } else {
      fmt::print("{:<17} {}\n", Event::Type_Name(event.type()), describe(event));
    }
    std::fflush(stdout);
    if (options_.count > 0 && ++shown_ == options_.count) loop_.stop();
  }

  void end(const std::string& problem) {
    status_ = fail(problem);
    loop_.stop();
  }

  const EventsOptions& options_;
  net::Loop loop_;
  uint64_t shown_ = 0;
  int status_ = 0;
};

}  // namespace

int events(const EventsOptions& options) {
  const auto master = net::parse_endpoint(options.common.master);
  if (!master) return fail(master.error().message);
  return Watch(options).run(*master);
}

}  // namespace mesolith::cli
