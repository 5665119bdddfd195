// SPDX-License-Identifier: Apache-2.0
// `run`: a framework of one task, whose output becomes ours and whose exit status too.
#include <fmt/format.h>

#include <charconv>
#include <csignal>
#include <cstdio>

#include "cli/cluster_client.hpp"
#include "cli/command_line.hpp"
#include "cli/table.hpp"
#include "frameworks/driver/shell/driver.hpp"
#include "model/resource_text.hpp"
#include "model/task_state.hpp"
#include "net/loop.hpp"

namespace mesolith::cli {
namespace {

using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;
using namespace std::chrono_literals;

constexpr Duration output_interval = 200ms;

class Runner {
 public:
  Runner(const RunOptions& options, model::Resources wanted)
      : options_(options),
        wanted_(std::move(wanted)),
        task_id_(options.task_name + "-" + Rng(entropy_seed()).uuid_text()),
        output_timer_(loop_, [this] { on_output_timer(); }),
        timeout_(loop_, [this] { finish("the time given by --timeout is over", 1); }),
        driver_(loop_, driver_options(), wire::Media::protobuf, callbacks()) {}

  int run() {
    if (options_.timeout_seconds > 0) {
      timeout_.set(saturating_add(clock_now(), seconds_or(options_.timeout_seconds, {})));
    }
    net::Signals signals(loop_, {SIGINT, SIGTERM}, [this](int) { finish("interrupted", 130); });
    driver_.start();
    loop_.run();
    return status_;
  }

 private:
  frameworks::driver::Options driver_options() const {
    frameworks::driver::Options options;
    options.info.set_user("root");
    if (const char* user = std::getenv("USER"); user && *user) options.info.set_user(user);
    options.info.set_name(options_.name);
    options.info.add_roles(options_.role);
    using Capability = mesos::v1::FrameworkInfo::Capability;
    for (const auto type : {Capability::MULTI_ROLE, Capability::PARTITION_AWARE,
                            Capability::TASK_KILLING_STATE, Capability::RESERVATION_REFINEMENT}) {
      options.info.add_capabilities()->set_type(type);
    }
    options.masters = {options_.common.master};
    return options;
  }

  frameworks::driver::Callbacks callbacks() {
    frameworks::driver::Callbacks on;
    on.on_event = [this](const Event& event) { on_event(event); };
    on.on_disconnected = [this](const std::string& reason) {
      if (!finished_) say("Disconnected: " + reason);
    };
    on.on_abort = [this](const std::string& message) { finish(message, 1); };
    return on;
  }

  void say(const std::string& line) const {
    if (!options_.quiet) fmt::print(stderr, "{}\n", line);
  }

  void on_event(const Event& event) {
    if (finished_) return;  // the TEARDOWN is on its way
    if (event.type() == Event::SUBSCRIBED) {
      say("Subscribed as " + event.subscribed().framework_id().value());
    } else if (event.type() == Event::OFFERS) {
      for (const auto& offer : event.offers().offers()) on_offer(offer);
    } else if (event.type() == Event::UPDATE) {
      on_update(event.update().status());
    }
  }

  void on_offer(const mesos::v1::Offer& offer) {
    const auto offered = model::Resources::parse(offer.resources());
    const model::Resources mine = wanted_.allocated_to(options_.role);
    Call call;
    if (launched_ || !offered || !offered->contains(mine)) {
      call.set_type(Call::DECLINE);
      *call.mutable_decline()->add_offer_ids() = offer.id();
      return driver_.call(std::move(call));
    }
    launched_ = true;
    call.set_type(Call::ACCEPT);
    *call.mutable_accept()->add_offer_ids() = offer.id();
    auto& operation = *call.mutable_accept()->add_operations();
    operation.set_type(mesos::v1::Offer::Operation::LAUNCH);
    auto& task = *operation.mutable_launch()->add_task_infos();
    task.set_name(options_.task_name);
    task.mutable_task_id()->set_value(task_id_);
    *task.mutable_agent_id() = offer.agent_id();
    mine.append_to(task.mutable_resources(), model::Format::post_reservation_refinement);
    set_command(*task.mutable_command());
    driver_.call(std::move(call));
    say(fmt::format("Task {} launched on {}", task_id_, offer.hostname()));
  }

  void set_command(mesos::v1::CommandInfo& command) const {
    if (options_.shell) {
      command.set_shell(true);
      command.set_value(options_.words.front());
    } else {
      command.set_shell(false);
      command.set_value(options_.words.front());
      for (const std::string& word : options_.words) command.add_arguments(word);
    }
    for (const std::string& variable : options_.environment) {
      auto& one = *command.mutable_environment()->add_variables();
      one.set_name(variable.substr(0, variable.find('=')));
      one.set_value(variable.substr(variable.find('=') + 1));
    }
  }

  void on_update(const mesos::v1::TaskStatus& status) {
    if (status.task_id().value() != task_id_) return;
    say(fmt::format("Task {}{}{}", model::name_of(status.state()),
                    status.message().empty() ? "" : ": ", status.message()));
    if (status.state() == mesos::v1::TASK_RUNNING) output_timer_.set(clock_now());
    if (!model::is_terminal(status.state())) return;
    copy_output();
    int code = status.state() == mesos::v1::TASK_FINISHED ? 0 : 1;
    constexpr std::string_view exited = "Command exited with status ";
    const std::string& message = status.message();
    if (code != 0 && message.starts_with(exited)) {
      std::from_chars(message.data() + exited.size(), message.data() + message.size(), code);
    }
    finish("", code);
  }

  void on_output_timer() {
    copy_output();
    output_timer_.set(saturating_add(clock_now(), output_interval));
  }

  // What the task has written since the last time. Its agent may be gone: then nothing is copied.
  void copy_output() {
    if (!sandbox_) {
      auto found = find_sandbox(options_.common.master, task_id_);
      if (!found) return;
      sandbox_ = *std::move(found);
    }
    copy("stdout", stdout, stdout_offset_);
    copy("stderr", stderr, stderr_offset_);
  }

  void copy(const std::string& name, std::FILE* to, uint64_t& offset) const {
    while (true) {
      const auto window = read_file(*sandbox_, name, offset);
      if (!window || window->data.empty()) break;
      std::fwrite(window->data.data(), 1, window->data.size(), to);
      offset = window->offset + window->data.size();
    }
    std::fflush(to);
  }

  void finish(const std::string& problem, int status) {
    if (finished_) return;
    finished_ = true;
    if (!problem.empty()) fail(problem);
    status_ = status;
    Call teardown;
    teardown.set_type(Call::TEARDOWN);
    driver_.call(std::move(teardown));
    leave_.set(saturating_add(clock_now(), 50ms));  // so that the call can leave
  }

  const RunOptions& options_;
  model::Resources wanted_;
  std::string task_id_;
  net::Loop loop_;
  net::Timer output_timer_;
  net::Timer timeout_;
  net::Timer leave_{loop_, [this] { loop_.stop(); }};
  frameworks::driver::Driver driver_;
  std::optional<Sandbox> sandbox_;
  uint64_t stdout_offset_ = 0, stderr_offset_ = 0;
  bool launched_ = false, finished_ = false;
  int status_ = 1;
};

}  // namespace

int run(const RunOptions& options) {
  auto wanted = model::parse_resources(options.resources);
  if (!wanted) return fail("--resources: " + wanted.error().message);
  return Runner(options, *std::move(wanted)).run();
}

}  // namespace mesolith::cli
