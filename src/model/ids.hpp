// SPDX-License-Identifier: Apache-2.0
// Identifiers that come from outside: the rules they must keep (mesos-api.md 1.8 item 1) because
// they become names of directories, and the way between the strong ids and their messages.
// Validation fails with Mesos' messages.
#pragma once

#include <string>
#include <string_view>

#include "base/id.hpp"
#include "base/result.hpp"
#include "mesos/v1/mesos.pb.h"

namespace mesolith::model {

// Task, executor, framework, agent and persistence ids alike.
Result<void> validate_id(std::string_view id);

inline FrameworkId id_of(const mesos::v1::FrameworkID& id) {
  return FrameworkId(id.value());
}
inline AgentId id_of(const mesos::v1::AgentID& id) {
  return AgentId(id.value());
}
inline TaskId id_of(const mesos::v1::TaskID& id) {
  return TaskId(id.value());
}
inline ExecutorId id_of(const mesos::v1::ExecutorID& id) {
  return ExecutorId(id.value());
}
inline OfferId id_of(const mesos::v1::OfferID& id) {
  return OfferId(id.value());
}

inline mesos::v1::FrameworkID to_proto(const FrameworkId& id) {
  mesos::v1::FrameworkID proto;
  proto.set_value(id.value);
  return proto;
}
inline mesos::v1::AgentID to_proto(const AgentId& id) {
  mesos::v1::AgentID proto;
  proto.set_value(id.value);
  return proto;
}
inline mesos::v1::TaskID to_proto(const TaskId& id) {
  mesos::v1::TaskID proto;
  proto.set_value(id.value);
  return proto;
}
inline mesos::v1::ExecutorID to_proto(const ExecutorId& id) {
  mesos::v1::ExecutorID proto;
  proto.set_value(id.value);
  return proto;
}
inline mesos::v1::OfferID to_proto(const OfferId& id) {
  mesos::v1::OfferID proto;
  proto.set_value(id.value);
  return proto;
}

// Container ids nest: "parent.child", outermost first.
ContainerId id_of(const mesos::v1::ContainerID& id);
mesos::v1::ContainerID to_proto(const ContainerId& id);

}  // namespace mesolith::model
