// SPDX-License-Identifier: Apache-2.0
// The lattice of task states (mesos-api.md 1.9): a task moves forward only, and a terminal state is
// the end of it. TASK_UNREACHABLE is not an end: the agent may come back with the task running.
// Pure, never fails.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mesos/v1/mesos.pb.h"

namespace mesolith::model {

bool is_terminal(mesos::v1::TaskState state);
// Whether a task in `from` may go to `to`: nothing follows a terminal state, STAGING comes first
// only, KILLING is not followed by STAGING, STARTING or RUNNING. Staying in a state is allowed
// unless it is terminal: health changes do that.
bool may_follow(mesos::v1::TaskState from, mesos::v1::TaskState to);
// DROPPED, UNREACHABLE, GONE, GONE_BY_OPERATOR and UNKNOWN are told only to PARTITION_AWARE
// frameworks.
bool needs_partition_aware(mesos::v1::TaskState state);
// The state to tell: itself, or TASK_LOST where the framework would not understand it.
mesos::v1::TaskState told_state(mesos::v1::TaskState state, bool partition_aware);

const std::string& name_of(mesos::v1::TaskState state);  // "TASK_RUNNING"
std::optional<mesos::v1::TaskState> task_state_named(std::string_view name);

}  // namespace mesolith::model
