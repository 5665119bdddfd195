// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/core/tracks.hpp"

#include <algorithm>
#include <cmath>

#include "model/fair_share.hpp"

namespace mesolith::frameworks::drf_demo {
namespace {

void thin(std::vector<Point>& points) {
  size_t kept = 0;
  for (size_t i = 0; i < points.size(); i += 2) points[kept++] = points[i];
  points.resize(kept);
}

Track* track_of(Tracks& tracks, const FrameworkUsage& usage) {
  const auto found = tracks.by_id.find(usage.id);
  if (found != tracks.by_id.end()) return &found->second;
  if (tracks.by_id.size() >= tracks_max) return nullptr;
  Track& track = tracks.by_id[usage.id];
  track.id = usage.id;
  track.name = usage.name;
  return &track;
}

}  // namespace

std::vector<double> ideal_shares(const Tracks& tracks, const Observation& observation) {
  std::map<std::string, size_t> role_sizes;
  std::vector<size_t> wanting;  // indices of those that take part
  std::vector<model::Demand> demands;
  for (size_t i = 0; i < observation.frameworks.size(); ++i) {
    const FrameworkUsage& usage = observation.frameworks[i];
    const auto track = tracks.by_id.find(usage.id);
    if (!usage.active || track == tracks.by_id.end() || track->second.demand.empty()) continue;
    wanting.push_back(i);
    demands.push_back({track->second.demand, 1.0});
    ++role_sizes[usage.role];
  }
  for (size_t i = 0; i < wanting.size(); ++i) {
    const size_t size = role_sizes[observation.frameworks[wanting[i]].role];
    demands[i].weight = 1.0 / static_cast<double>(size);
  }
  const std::vector<double> shares = model::dominant_shares(demands, observation.totals);
  std::vector<double> all(observation.frameworks.size(), 0.0);
  for (size_t i = 0; i < wanting.size(); ++i) all[wanting[i]] = shares[i];
  return all;
}

void observe(Tracks& tracks, Time now, const Observation& observation,
             const std::map<std::string, model::Quantities>& known_demand) {
  tracks.totals = observation.totals;
  for (const FrameworkUsage& usage : observation.frameworks) {
    Track* track = track_of(tracks, usage);
    if (!track) continue;
    const auto known = known_demand.find(usage.id);
    if (known != known_demand.end()) {
      track->demand = known->second;
    } else if (!usage.demand.empty()) {
      track->demand = usage.demand;
    }
  }
  const std::vector<double> ideals = ideal_shares(tracks, observation);
  for (size_t i = 0; i < ideals.size(); ++i) {
    const FrameworkUsage& usage = observation.frameworks[i];
    const auto track = tracks.by_id.find(usage.id);
    if (track == tracks.by_id.end()) continue;
    std::vector<Point>& points = track->second.points;
    if (points.size() >= points_max) thin(points);
    points.push_back({now, dominant_share(usage.used, observation.totals), ideals[i]});
  }
}

Summary summarize(const Track& track, Time from) {
  const std::vector<Point>& points = track.points;
  Summary summary;
  if (points.empty()) return summary;
  auto first = std::find_if(points.begin(), points.end(),
                            [&](const Point& point) { return point.at >= from; });
  if (points.end() - first < 2) first = points.begin();
  summary.whole = first == points.begin();
  double seconds = 0;
  for (auto point = first; point != points.end(); ++point) {
    ++summary.points;
    summary.deviation_max = std::max(summary.deviation_max, std::fabs(point->share - point->ideal));
    if (std::next(point) == points.end()) break;
    const double held = to_seconds(std::next(point)->at - point->at);
    summary.share_mean += held * point->share;
    summary.ideal_mean += held * point->ideal;
    seconds += held;
  }
  if (seconds <= 0) {  // one instant only
    summary.share_mean = points.back().share;
    summary.ideal_mean = points.back().ideal;
  } else {
    summary.share_mean /= seconds;
    summary.ideal_mean /= seconds;
  }
  return summary;
}

}  // namespace mesolith::frameworks::drf_demo
