// SPDX-License-Identifier: Apache-2.0
// Pieces of the v0 JSON documents (mesos-api.md 3.4), each appended to a writer: the names there
// are the v0 names.
#pragma once

#include "agent/core/state.hpp"
#include "model/resources.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::agent::http {

// {"disk":..,"mem":..,"gpus":..,"cpus":..,"ports":"[a-b]",..}: the four known scalars always.
void write_resources(wire::JsonWriter& json, const model::Resources& resources);
// An array of Resource messages in the endpoint format.
void write_resources_full(wire::JsonWriter& json, const model::Resources& resources);
void write_attributes(wire::JsonWriter& json, const mesos::v1::AgentInfo& info);
void write_framework(wire::JsonWriter& json, const State& state, const Framework& framework);

// Resources that cannot be understood count as none.
model::Resources parse(const model::RepeatedResource& resources);
// What an executor and those of its tasks that have not ended use.
model::Resources used(const Executor& executor);
model::Resources used(const State& state);
// By role; unreserved ones are left out.
std::map<std::string, model::Resources> reserved_by_role(const model::Resources& resources);

}  // namespace mesolith::agent::http
