// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/core/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace mesolith::frameworks::drf_demo {
namespace {

namespace json = boost::json;

constexpr size_t columns = 60;

double share_max(const Report& report) {
  double most = 0;
  for (const Track& track : report.tracks) {
    for (const Point& point : track.points) most = std::max({most, point.share, point.ideal});
  }
  return most;
}

std::string run_text(const Run& run) {
  const Counts& counts = run.counts;
  std::string text = fmt::format("  each task     {}\n", run.task.describe());
  text += fmt::format("  launching for {:.1f} s, seed {}\n", run.seconds, run.seed);
  text +=
      fmt::format("  tasks         {} launched: {} finished, {} failed, {} killed, {} dropped",
                  counts.launched, counts.finished, counts.failed, counts.killed, counts.dropped);
  if (run.unfinished > 0) text += fmt::format(", {} left to the master to kill", run.unfinished);
  text +=
      fmt::format("\n  wait          p50 {:.3f} s, p99 {:.3f} s between one launch and the next\n",
                  run.wait_p50, run.wait_p99);
  text += fmt::format("  start         p50 {:.3f} s, p99 {:.3f} s from launch to TASK_RUNNING\n",
                      run.start_p50, run.start_p99);
  return text;
}

std::string tracks_text(const Report& report) {
  std::string text = fmt::format("\n  {:<20} {:>9} {:>9} {:>11}   ({})\n", "dominant share",
                                 "measured", "ideal", "most apart", warm_up_text(report));
  for (const Track& track : report.tracks) {
    const Summary summary = summarize(track, saturating_add(report.begin, report.warm_up));
    text +=
        fmt::format("  {:<20} {:8.1f}% {:8.1f}% {:10.1f}%\n", track.name, 100 * summary.share_mean,
                    100 * summary.ideal_mean, 100 * summary.deviation_max);
  }
  const double most = share_max(report);
  text += fmt::format("\n  over time (0 is nothing, 9 is {:.1f}%)\n", 100 * most);
  for (const Track& track : report.tracks) {
    text += fmt::format("  {:<20} {}\n", track.name, ascii_series(track, most, columns));
  }
  return text;
}

std::string verdicts_text(const Report& report) {
  if (report.verdicts.empty()) return {};
  std::string text = fmt::format("\n  {:<20} {:>9} {:>9} {:>10}  {}\n", "framework", "measured",
                                 "ideal", "tolerance", "verdict");
  for (const Verdict& verdict : report.verdicts) {
    text += fmt::format("  {:<20} {:8.1f}% {:8.1f}% {:9.1f}%  {}\n", verdict.name,
                        100 * verdict.measured, 100 * verdict.ideal, 100 * verdict.tolerance,
                        verdict.holds() ? "fair" : "NOT FAIR");
  }
  return text;
}

json::object quantities_json(const model::Quantities& quantities) {
  json::object object;
  quantities.for_each([&](const model::Name& name, model::Millis amount) {
    object[name.str()] = model::to_units(amount);
  });
  return object;
}

json::object run_json(const Run& run) {
  const Counts& counts = run.counts;
  return {{"id", run.id},
          {"name", run.name},
          {"role", run.role},
          {"task", quantities_json(run.task)},
          {"seed", run.seed},
          {"seconds", run.seconds},
          {"tasks",
           {{"launched", counts.launched},
            {"finished", counts.finished},
            {"failed", counts.failed},
            {"killed", counts.killed},
            {"dropped", counts.dropped},
            {"unfinished", run.unfinished}}},
          {"wait_seconds", {{"p50", run.wait_p50}, {"p99", run.wait_p99}}},
          {"start_seconds", {{"p50", run.start_p50}, {"p99", run.start_p99}}}};
}

json::object track_json(const Report& report, const Track& track) {
  const Summary summary = summarize(track, saturating_add(report.begin, report.warm_up));
  json::array series;
  for (const Point& point : track.points) {
    series.push_back({{"seconds", to_seconds(point.at - report.begin)},
                      {"share", point.share},
                      {"ideal", point.ideal}});
  }
  return {{"id", track.id},
          {"name", track.name},
          {"demand", quantities_json(track.demand)},
          {"share_mean", summary.share_mean},
          {"ideal_mean", summary.ideal_mean},
          {"deviation_max", summary.deviation_max},
          {"series", std::move(series)}};
}

}  // namespace

bool Verdict::holds() const {
  return std::fabs(measured - ideal) <= tolerance;
}

Report make_report(const State& state, Time now) {
  Report report;
  report.title = fmt::format("Dominant share of {}", state.options.name);
  report.begin = state.started == never ? now : state.started;
  report.warm_up = state.options.warm_up;
  report.totals = state.tracks.totals;
  report.lesson = {
      "The dominant share of a framework is the largest part it has of any one resource of the "
      "cluster. The master offers what is free to the framework whose dominant share is lowest.",
      "The ideal is water filling: all dominant shares rise together until a resource is used up. "
      "It takes each framework for one that wants as many tasks as it can get, which may be cut "
      "into any pieces; whole tasks can only come near it."};
  Run run;
  run.id = state.framework_id;
  run.name = state.options.name;
  run.role = state.options.role;
  run.task = state.options.task;
  run.seed = state.options.seed;
  run.seconds = to_seconds((state.ended == never ? now : state.ended) - report.begin);
  run.counts = state.counts;
  run.unfinished = state.tasks.size();
  run.wait_p50 = percentile(state.waits, 0.5);
  run.wait_p99 = percentile(state.waits, 0.99);
  run.start_p50 = percentile(state.starts, 0.5);
  run.start_p99 = percentile(state.starts, 0.99);
  report.run = std::move(run);
  for (const auto& [id, track] : state.tracks.by_id) {
    if (id == state.framework_id) {
      report.tracks.insert(report.tracks.begin(), track);
    } else {
      report.tracks.push_back(track);
    }
  }
  return report;
}

std::string warm_up_text(const Report& report) {
  const Time from = saturating_add(report.begin, report.warm_up);
  const bool whole = std::ranges::any_of(
      report.tracks, [&](const Track& track) { return summarize(track, from).whole; });
  if (whole) return "means weighted with time, over the whole run";
  return fmt::format("means weighted with time, without the first {:.3g} s",
                     to_seconds(report.warm_up));
}

std::string ascii_series(const Track& track, double share_max, size_t columns) {
  std::string line;
  const size_t count = track.points.size();
  const size_t shown = std::min(columns, count);
  for (size_t column = 0; column < shown; ++column) {
    const size_t begin = column * count / shown, end = (column + 1) * count / shown;
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += track.points[i].share;
    const double mean = sum / static_cast<double>(end - begin);
    const int digit = share_max > 0 ? static_cast<int>(std::lround(9 * mean / share_max)) : 0;
    line.push_back(static_cast<char>('0' + std::clamp(digit, 0, 9)));
  }
  return line;
}

std::string report_text(const Report& report) {
  std::string text = fmt::format("\n{}\n", report.title);
  if (!report.totals.empty()) {
    text += fmt::format("  cluster       {}\n", report.totals.describe());
  }
  if (report.run) text += run_text(*report.run);
  if (!report.tracks.empty()) text += tracks_text(report);
  return text + verdicts_text(report);
}

std::string report_json(const Report& report) {
  json::object object{{"title", report.title},
                      {"warm_up_seconds", to_seconds(report.warm_up)},
                      {"totals", quantities_json(report.totals)}};
  if (report.run) object["framework"] = run_json(*report.run);
  json::array tracks;
  for (const Track& track : report.tracks) tracks.push_back(track_json(report, track));
  object["shares"] = std::move(tracks);
  if (!report.verdicts.empty()) {
    json::array verdicts;
    for (const Verdict& verdict : report.verdicts) {
      verdicts.push_back({{"name", verdict.name},
                          {"measured", verdict.measured},
                          {"ideal", verdict.ideal},
                          {"tolerance", verdict.tolerance},
                          {"holds", verdict.holds()}});
    }
    object["verdicts"] = std::move(verdicts);
  }
  return json::serialize(object) + "\n";
}

}  // namespace mesolith::frameworks::drf_demo
