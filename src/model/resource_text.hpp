// SPDX-License-Identifier: Apache-2.0
// Resources in the text form of the agent's flag:
// `cpus:4;mem:1024;ports:[31000-32000];disk(role):100;set:{a,b}`, or a JSON array of Resource
// messages (mesos-api.md 6.6). `name(role):` is a static reservation; without it the default role
// applies. Fails saying what is wrong and in which part.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "model/resources.hpp"

namespace mesolith::model {

Result<Resources> parse_resources(std::string_view text, std::string_view default_role = "*");

}  // namespace mesolith::model
