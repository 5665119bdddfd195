// SPDX-License-Identifier: Apache-2.0
// FrameworkInfo: what it must be (mesos-api.md 1.5), and what can be read from it. Fails with
// Mesos' messages, as the ERROR event of a subscription carries them. The principal, the user and
// the role whitelist are the master's business.
#pragma once

#include <set>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "mesos/v1/mesos.pb.h"

namespace mesolith::model {

Result<void> validate_framework_info(const mesos::v1::FrameworkInfo& info);
// `suppressed` must be subscribed.
Result<void> validate_suppressed_roles(const mesos::v1::FrameworkInfo& info,
                                       const std::set<std::string>& suppressed);

bool has_capability(const mesos::v1::FrameworkInfo& info,
                    mesos::v1::FrameworkInfo::Capability::Type capability);
// `roles` with MULTI_ROLE, else the one `role`.
std::set<std::string> roles_of(const mesos::v1::FrameworkInfo& info);
// 0 when the framework has set none. Valid infos only.
Duration failover_timeout_of(const mesos::v1::FrameworkInfo& info);

}  // namespace mesolith::model
