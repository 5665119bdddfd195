// SPDX-License-Identifier: Apache-2.0
// What a framework may say of itself and change later (mesos-api.md 1.5, 1.6). Pure; fails with
// Mesos' messages, which SUBSCRIBE gives as an ERROR event and UPDATE_FRAMEWORK as a 400.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "master/core/state.hpp"

namespace mesolith::master {

using CompiledConstraints = std::map<std::string, std::shared_ptr<const model::OfferConstraints>>;

// Roles that the master's --roles allows.
Result<void> validate_roles(const State&, const mesos::v1::FrameworkInfo& info);
// Of subscribed roles only.
Result<CompiledConstraints> compile_constraints(
    const mesos::v1::FrameworkInfo& info,
    const mesos::v1::scheduler::OfferConstraints& constraints);
Result<void> validate_update(const State&, const Framework&,
                             const mesos::v1::scheduler::Call::UpdateFramework& update);

}  // namespace mesolith::master
