// SPDX-License-Identifier: Apache-2.0
// Reservations and volumes by chance: what of an offer is reserved, given back, made a volume of,
// resized, destroyed, and used by tasks.
#pragma once

#include "base/rng.hpp"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "model/quantities.hpp"

namespace mesolith::sim {

// Adds operations on the offer to its ACCEPT, some with an id that begins with `prefix`. What they
// take of the unreserved is taken from `left`. Volumes that stay are for tasks: see use_volume().
void add_operations(Rng& rng, const mesos::v1::Offer& offer, const std::string& role,
                    const std::string& prefix, model::Quantities& left,
                    mesos::v1::scheduler::Call& accept);
// A task may get one of the offer's volumes, which may have been destroyed just before.
void use_volume(Rng& rng, const mesos::v1::Offer& offer, mesos::v1::TaskInfo& task);
// Only what is not reserved.
model::Quantities unreserved_of(const mesos::v1::Offer& offer);
mesos::v1::scheduler::Call make_operation_acknowledgement(const mesos::v1::OperationStatus& status);

}  // namespace mesolith::sim
