// SPDX-License-Identifier: Apache-2.0
// Operations on resources: what each takes and what comes of it (mesos-api.md 1.7). Master and
// agent reckon with these same functions, so that both hold the same total after the same
// operation. Allocations are kept as they are given. Fails, with Mesos' messages, on resources
// that make no sense; whether they are there is the caller's question.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "mesos/v1/mesos.pb.h"
#include "model/resources.hpp"

namespace mesolith::model {

struct Conversion {
  Resources from, to;
};

// RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or SHRINK_VOLUME, and holds what its type says.
bool converts(const mesos::v1::Offer::Operation& operation);
// Whether a later operation of the same ACCEPT may use what came of it.
bool usable_at_once(const mesos::v1::Offer::Operation& operation);

Result<Conversion> conversion_of(const mesos::v1::Offer::Operation& operation);

// Every resource that the operation names, to be completed in place.
std::vector<mesos::v1::Resource*> resources_of(mesos::v1::Offer::Operation& operation);

// What has to be remembered over a restart: dynamic reservations and persistent volumes.
Resources converted(const Resources& total);
// As the agent's flags gave it: without volumes and dynamic reservations.
Resources as_configured(const Resources& resources);
// The agent's total again, from its flags and what was remembered. Fails when it no longer fits.
Result<Resources> restored(const Resources& configured, const Resources& converted);

// Where a volume lies below its disk: volumes/roles/<role>/<id>; '/' in a role is written ' '.
std::string volume_path(const Entry& volume);

}  // namespace mesolith::model
