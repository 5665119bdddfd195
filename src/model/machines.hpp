// SPDX-License-Identifier: Apache-2.0
// Machines of a maintenance schedule, named by host name, address or both. Host names are compared
// without regard to case; a name or address that is absent fits any.
#pragma once

#include <string>

#include "base/result.hpp"
#include "mesos/v1/mesos.pb.h"

namespace mesolith::model {

// Code::invalid when it names nothing, or its address is not one of IPv4 or IPv6.
Result<void> validate_machine(const mesos::v1::MachineID& id);
std::string machine_key(const mesos::v1::MachineID& id);  // equal for equal machines
bool same_machine(const mesos::v1::MachineID& a, const mesos::v1::MachineID& b);
bool is_machine(const mesos::v1::MachineID& id, const std::string& hostname, const std::string& ip);
// {"hostname":"h","ip":"10.0.0.2"}
std::string describe_machine(const mesos::v1::MachineID& id);

}  // namespace mesolith::model
