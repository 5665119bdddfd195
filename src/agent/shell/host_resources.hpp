// SPDX-License-Identifier: Apache-2.0
// What an agent offers when its flags do not say (mesos-api.md 6.6).
#pragma once

#include <map>
#include <string>

#include "base/result.hpp"
#include "model/resources.hpp"

namespace mesolith::agent {

// Adds cpus, mem, disk and ports where `resources` has none of that name: all cpus, memory less 1
// GB (half of less than 2 GB), disk less 5 GB (half of less than 10 GB), ports 31000 to 32000. What
// cannot be measured is 1 cpu, 1 GB, 10 GB.
void add_host_resources(const std::string& work_dir, model::Resources& resources);

// One of `count` equal parts of this machine: of the scalars, and of the ports its own stretch.
void share_out(size_t number, size_t count, model::Resources& resources);

// A JSON object whose values are strings.
Result<std::map<std::string, std::string>> parse_string_map(const std::string& json);

}  // namespace mesolith::agent
