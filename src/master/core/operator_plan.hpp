// SPDX-License-Identifier: Apache-2.0
// The operator's operations on resources (mesos-api.md 3.1): what each would do, worked out without
// doing it, so that a refused one changes nothing. Offers are taken back only when what is free is
// not enough. Code::invalid: it makes no sense; Code::conflict: there is not as much.
#pragma once

#include <vector>

#include "master/core/state.hpp"
#include "model/operations.hpp"

namespace mesolith::master {

struct OperatorPlan {
  model::Conversion conversion;
  std::vector<OfferId> rescinded;
};

// The agent is registered and connected.
Result<OperatorPlan> operator_plan(const State&, const Agent&,
                                   const mesos::v1::Offer::Operation& operation);

}  // namespace mesolith::master
