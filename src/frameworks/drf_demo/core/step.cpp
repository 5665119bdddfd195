// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "frameworks/drf_demo/core/internal.hpp"
#include "model/ids.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

using SchedulerEvent = mesos::v1::scheduler::Event;

Time run_deadline(const State& state) {
  if (state.phase != Phase::running || state.options.run_time == Duration::zero()) return never;
  return saturating_add(state.started, state.options.run_time);
}

void on_subscribed(State& state, Time now, const SchedulerEvent& event, Effects& effects) {
  state.framework_id = event.subscribed().framework_id().value();
  if (state.phase != Phase::connecting) return;
  state.phase = Phase::running;
  state.started = state.last_launch = now;
  effects.push_back(PrintLine{
      fmt::format("Subscribed as {}; each task takes {} for {:.3g} to {:.3g} s.",
                  state.framework_id, state.options.task.describe(),
                  to_seconds(state.options.duration_min), to_seconds(state.options.duration_max))});
}

void on(State& state, Time now, const Delivered& delivered, Effects& effects) {
  // After TEARDOWN the master would refuse whatever is said about an offer still on its way.
  if (state.phase == Phase::leaving) return;
  const SchedulerEvent& event = delivered.event;
  switch (event.type()) {
    case SchedulerEvent::SUBSCRIBED:
      return on_subscribed(state, now, event, effects);
    case SchedulerEvent::OFFERS:
      return on_offers(state, now, event.offers(), effects);
    case SchedulerEvent::RESCIND:
      return on_rescinded(state, model::id_of(event.rescind().offer_id()));
    case SchedulerEvent::UPDATE:
      return on_update(state, now, event.update().status(), effects);
    case SchedulerEvent::ERROR:
      state.exit_status = 1;
      effects.push_back(PrintLine{"The master said: " + event.error().message()});
      return finish(state, effects);
    default:
      return;  // heartbeats, messages and lost agents say nothing about a task that an update won't
  }
}

void on(State& state, Time, const Disconnected& disconnected, Effects& effects) {
  state.held.clear();  // its offers are void
  if (state.phase == Phase::leaving) return finish(state, effects);
  effects.push_back(PrintLine{"Disconnected: " + disconnected.reason + "; trying again."});
}

void on(State& state, Time, const Aborted& aborted, Effects& effects) {
  state.exit_status = 1;
  effects.push_back(PrintLine{"Gave up: " + aborted.message});
  finish(state, effects);
}

void on(State& state, Time now, const ClusterObserved& observed, Effects& effects) {
  if (state.phase != Phase::running) return;
  observe(state.tracks, now, observed.observation, {{state.framework_id, state.options.task}});
  effects.push_back(PrintLine{live_line(state, now, observed.observation)});
}

void on(State& state, Time now, const StopRequested&, Effects& effects) {
  if (state.phase == Phase::connecting || state.phase == Phase::running) {
    return end_run(state, now, "asked to stop", effects);
  }
  finish(state, effects);
}

void on(State& state, Time now, const Tick&, Effects& effects) {
  expire_held_offers(state, now, effects);
  if (run_deadline(state) <= now) {
    end_run(state, now, fmt::format("{:.3g} s are over", to_seconds(state.options.run_time)),
            effects);
  }
  if (state.leave_deadline > now) return;
  if (state.phase == Phase::draining) {
    leave(state, now, effects);
  } else if (state.phase == Phase::leaving) {
    finish(state, effects);
  }
}

}  // namespace

State::State(Options given) : options(std::move(given)), rng(options.seed) {
  CHECK(check(options).has_value());
}

void step(State& state, Time now, const Event& event, Effects& effects) {
  if (state.phase == Phase::finished) return;
  std::visit([&](const auto& happened) { on(state, now, happened, effects); }, event);
}

Time next_deadline(const State& state) {
  if (state.phase == Phase::finished) return never;
  Time next = std::min(run_deadline(state), state.leave_deadline);
  for (const auto& [agent_id, offers] : state.held) {
    for (const HeldOffer& offer : offers) next = std::min(next, offer.until);
  }
  return next;
}

mesos::v1::FrameworkInfo framework_info(const Options& options, const std::string& user,
                                        const std::string& hostname) {
  mesos::v1::FrameworkInfo info;
  info.set_user(user);
  info.set_name(options.name);
  info.add_roles(options.role);
  info.add_capabilities()->set_type(mesos::v1::FrameworkInfo::Capability::MULTI_ROLE);
  if (!hostname.empty()) info.set_hostname(hostname);
  return info;
}

std::string live_line(const State& state, Time now, const Observation& observation) {
  constexpr int width = 40;  // of the whole cluster
  const auto usage =
      std::find_if(observation.frameworks.begin(), observation.frameworks.end(),
                   [&](const FrameworkUsage& one) { return one.id == state.framework_id; });
  const auto track = state.tracks.by_id.find(state.framework_id);
  if (usage == observation.frameworks.end() || track == state.tracks.by_id.end()) {
    return fmt::format("{:4.0f} s  not yet known to the master", to_seconds(now - state.started));
  }
  if (observation.totals.empty()) {
    return fmt::format("{:4.0f} s  the cluster has no agent", to_seconds(now - state.started));
  }
  const Point& point = track->second.points.back();
  const auto column = [&](double share) {
    return std::clamp(static_cast<int>(std::lround(share * width)), 0, width);
  };
  std::string bar(width, '.');
  std::fill_n(bar.begin(), column(point.share), '#');
  bar[static_cast<size_t>(std::min(column(point.ideal), width - 1))] = '|';
  const std::string resource = dominant_resource(usage->used, observation.totals);
  return fmt::format(
      "{:4.0f} s  share {:5.1f}% of {:4}  ideal {:5.1f}%  [{}]  {} tasks, {} cpus, "
      "{} MB",
      to_seconds(now - state.started), 100 * point.share, resource.empty() ? "-" : resource,
      100 * point.ideal, bar, usage->tasks, model::format_millis(usage->used.get(model::cpus)),
      model::format_millis(usage->used.get(model::mem)));
}

}  // namespace mesolith::frameworks::drf_demo
