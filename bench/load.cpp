// SPDX-License-Identifier: Apache-2.0
#include "load.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "measure.hpp"

namespace mesolith::bench {
namespace {

using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;

constexpr double task_cpus = 0.01;
constexpr Duration silence_max = std::chrono::minutes(1);

frameworks::driver::Options driver_options(const std::string& master) {
  frameworks::driver::Options options;
  options.info.set_user("root");
  options.info.set_name("bench");
  options.info.add_roles("*");
  options.info.add_capabilities()->set_type(mesos::v1::FrameworkInfo::Capability::MULTI_ROLE);
  options.masters = {master};
  return options;
}

void set_scalar(mesos::v1::Resource& resource, const char* name, double value) {
  resource.set_name(name);
  resource.set_type(mesos::v1::Value::SCALAR);
  resource.mutable_scalar()->set_value(value);
}

}  // namespace

Load::Load(LoadShape shape)
    : shape_(std::move(shape)),
      watchdog_(loop_, [] { give_up("nothing happened for a minute"); }),
      driver_(loop_, driver_options(shape_.master), wire::Media::protobuf,
              {.on_event = [this](const Event& event) { on_event(event); },
               .on_disconnected = [](const std::string& why) { give_up("disconnected: " + why); },
               .on_abort = [](const std::string& why) { give_up("aborted: " + why); }}) {
  driver_.start();
}

double Load::run(size_t tasks) {
  to_launch_ = tasks;
  latencies_.clear();
  accepted_at_.clear();
  started_ = 0;
  watchdog_.set(saturating_add(clock_now(), silence_max));
  loop_.post([this] { accept_some(); });
  loop_.run();
  watchdog_.cancel();
  return seconds_now() - started_;
}

void Load::on_event(const Event& event) {
  if (event.type() == Event::OFFERS) {
    for (const auto& offer : event.offers().offers()) {
      Kept kept{offer, 0};
      for (const auto& resource : offer.resources())
        if (resource.name() == "cpus") kept.cpus += resource.scalar().value();
      offers_.push_back(std::move(kept));
    }
    accept_some();
  } else if (event.type() == Event::RESCIND) {
    std::erase_if(offers_, [&](const Kept& kept) {
      return kept.offer.id().value() == event.rescind().offer_id().value();
    });
  } else if (event.type() == Event::UPDATE) {
    on_update(event.update().status());
  }
}

void Load::on_update(const mesos::v1::TaskStatus& status) {
  if (status.state() == mesos::v1::TASK_STARTING) return;
  if (status.state() == mesos::v1::TASK_RUNNING) {
    const auto found = accepted_at_.find(status.task_id().value());
    if (found != accepted_at_.end()) latencies_.push_back(seconds_now() - found->second);
    return;
  }
  if (status.state() != mesos::v1::TASK_FINISHED) {
    give_up(fmt::format("task {} ended with {}: {}", status.task_id().value(),
                        mesos::v1::TaskState_Name(status.state()), status.message()));
  }
  --in_flight_;
  if (to_launch_ == 0 && in_flight_ == 0) {
    // The driver acknowledges after this function; that is sent before the loop ends.
    return loop_.post([this] { loop_.stop(); });
  }
  if (in_flight_ <= shape_.in_flight / 2) accept_some();
}

void Load::accept_some() {
  if (first_run_ && offers_.size() < shape_.offers_min) return;
  first_run_ = false;
  while (to_launch_ > 0 && in_flight_ < shape_.in_flight && !offers_.empty()) {
    const Kept kept = std::move(offers_.front());
    offers_.pop_front();
    const auto room = static_cast<size_t>(std::max(0.0, kept.cpus / task_cpus - 1));
    accept(kept, std::min({room, to_launch_, shape_.in_flight - in_flight_, shape_.per_accept}));
  }
}

void Load::accept(const Kept& kept, size_t count) {
  const double now = seconds_now();
  if (started_ == 0) started_ = now;
  Call call;
  call.set_type(Call::ACCEPT);
  *call.mutable_accept()->add_offer_ids() = kept.offer.id();
  call.mutable_accept()->mutable_filters()->set_refuse_seconds(0);
  auto& operation = *call.mutable_accept()->add_operations();
  operation.set_type(mesos::v1::Offer::Operation::LAUNCH);
  for (size_t i = 0; i < count; ++i) {
    auto& task = *operation.mutable_launch()->add_task_infos();
    task.set_name("bench");
    task.mutable_task_id()->set_value(fmt::format("t{}", next_task_++));
    *task.mutable_agent_id() = kept.offer.agent_id();
    set_scalar(*task.add_resources(), "cpus", task_cpus);
    set_scalar(*task.add_resources(), "mem", 1);
    task.mutable_resources(0)->mutable_allocation_info()->set_role("*");
    task.mutable_resources(1)->mutable_allocation_info()->set_role("*");
    task.mutable_command()->set_shell(false);
    task.mutable_command()->set_value(shape_.program);
    task.mutable_command()->add_arguments(shape_.program);
    accepted_at_.emplace(task.task_id().value(), now);
  }
  to_launch_ -= count;
  in_flight_ += count;
  driver_.call(std::move(call));
}

}  // namespace mesolith::bench
