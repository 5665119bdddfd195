// SPDX-License-Identifier: Apache-2.0
// How the dominant share of each framework went over time, and beside it what ideal water filling
// would have given (model/fair_share.hpp): each framework is taken to want as many tasks as it can
// get, all of the size of those it was last seen with. Roles share first, then the frameworks of a
// role. Invariant: the points of a track are in the order of time, at most points_max of them; when
// they are more, every other one is dropped.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "frameworks/drf_demo/core/observation.hpp"

namespace mesolith::frameworks::drf_demo {

inline constexpr size_t points_max = 8192;  // per track
inline constexpr size_t tracks_max = 64;    // frameworks beyond are not followed

struct Point {
  Time at{};
  double share = 0;  // of the dominant resource, 0 to 1
  double ideal = 0;
};

struct Track {
  std::string id;
  std::string name;
  model::Quantities demand;  // of one task
  std::vector<Point> points;
};

struct Tracks {
  model::Quantities totals;  // as last observed
  std::map<std::string, Track> by_id;
};

// Of each framework of the observation, in its order; 0 for those without tasks so far.
std::vector<double> ideal_shares(const Tracks& tracks, const Observation& observation);

// `known_demand` by framework id goes before what is seen.
void observe(Tracks& tracks, Time now, const Observation& observation,
             const std::map<std::string, model::Quantities>& known_demand = {});

// Each value holds until the next point. What is before `from` is left out, unless that is all.
struct Summary {
  double share_mean = 0;
  double ideal_mean = 0;
  double deviation_max = 0;  // of share from ideal, at a point
  size_t points = 0;
  bool whole = false;  // nothing was left out
};
Summary summarize(const Track& track, Time from);

}  // namespace mesolith::frameworks::drf_demo
