// SPDX-License-Identifier: Apache-2.0
// Pieces of the v0 JSON documents (mesos-api.md 3.2, 3.3), each appended to a writer: the names
// there are the v0 names.
#pragma once

#include "master/core/snapshot.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::master::http {

// {"cpus":..,"gpus":..,"mem":..,"disk":..,"ports":"[a-b]",..}: the four known scalars always.
void write_resources(wire::JsonWriter& json, const model::Resources& resources);
// An array of Resource messages in the endpoint format.
void write_resources_full(wire::JsonWriter& json, const model::Resources& resources);
void write_task(wire::JsonWriter& json, const mesos::v1::Task& task, bool command);
void write_offer(wire::JsonWriter& json, const Offer& offer);
void write_executor(wire::JsonWriter& json, const mesos::v1::ExecutorInfo& executor,
                    const AgentId& agent_id);
void write_labels(wire::JsonWriter& json, const mesos::v1::Labels& labels);

enum class Detail { summary, whole };  // whole adds the *_full arrays of /slaves
// Opens the object and leaves it open: /state-summary adds to it.
void write_agent(wire::JsonWriter& json, const State& state, const Agent& agent, Detail detail);
void write_recovered_agent(wire::JsonWriter& json, const mesos::v1::AgentInfo& info);

// Opens no object: the members id..recovered that /state-summary shows, in its order.
void write_framework_summary(wire::JsonWriter& json, const State& state,
                             const Framework& framework);
// The whole object of /state and /frameworks.
void write_framework(wire::JsonWriter& json, const State& state, const Framework& framework);

}  // namespace mesolith::master::http
