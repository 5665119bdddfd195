// SPDX-License-Identifier: Apache-2.0
// What the master's public JSON says about the cluster's capacity and who uses how much of it. It
// is read from /slaves and /frameworks, or from /state twice, which both Apache Mesos and Mesolith
// serve (mesos-api.md 2.4). Unknown members are passed over; text that is not such a document is
// Code::invalid.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/quantities.hpp"

namespace mesolith::frameworks::drf_demo {

struct FrameworkUsage {
  std::string id;
  std::string name;
  std::string role;  // the first, where it has several
  bool active = true;
  size_t tasks = 0;          // running or about to
  model::Quantities used;    // by its tasks and executors; not what is merely offered
  model::Quantities demand;  // of one of its tasks, on average; empty while it has none
};

struct Observation {
  // Of the active agents, without what is reserved for roles that no framework here has: nobody
  // seen could ever use that.
  model::Quantities totals;
  std::vector<FrameworkUsage> frameworks;
};

Result<Observation> parse_observation(std::string_view slaves, std::string_view frameworks);

// The largest part that `used` is of one resource's total, 0 to 1 (Ghodsi et al., NSDI 2011).
double dominant_share(const model::Quantities& used, const model::Quantities& totals);
// The name of that resource; empty when nothing is used.
std::string dominant_resource(const model::Quantities& used, const model::Quantities& totals);

}  // namespace mesolith::frameworks::drf_demo
