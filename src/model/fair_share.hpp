// SPDX-License-Identifier: Apache-2.0
// The ideal of dominant resource fairness (Ghodsi et al., NSDI 2011), reckoned exactly for tasks
// that may be cut into any pieces: what an allocator of whole tasks is measured against. Never
// fails; the cost is O(resources x demands) per resource that is used up.
#pragma once

#include <vector>

#include "model/quantities.hpp"

namespace mesolith::model {

struct Demand {       // of one framework, which wants as many such tasks as it can get
  Quantities task;    // amounts <= 0 count as 0
  double weight = 1;  // > 0; the dominant share per weight is what is made equal
};

// The dominant share (0 to 1) of each demand, in their order. All rise together, in proportion to
// their weights, until a resource is used up; those that need it stop, and the others go on. A
// demand for nothing, or for a resource that there is none of, has the share 0.
std::vector<double> dominant_shares(const std::vector<Demand>& demands, const Quantities& totals);

}  // namespace mesolith::model
