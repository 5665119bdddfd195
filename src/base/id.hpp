// SPDX-License-Identifier: Apache-2.0
// Strong string identifiers: a FrameworkId cannot be passed where a TaskId is meant. Ordered by
// their text, so that walking a map of them is deterministic.
#pragma once

#include <compare>
#include <string>
#include <utility>

namespace mesolith {

template <class Tag>
struct Id {
  Id() = default;
  explicit Id(std::string value) : value(std::move(value)) {}
  auto operator<=>(const Id&) const = default;
  bool empty() const { return value.empty(); }

  std::string value;
};

using MasterId = Id<struct MasterIdTag>;
using FrameworkId = Id<struct FrameworkIdTag>;
using AgentId = Id<struct AgentIdTag>;
using TaskId = Id<struct TaskIdTag>;
using ExecutorId = Id<struct ExecutorIdTag>;
using OfferId = Id<struct OfferIdTag>;
using ContainerId = Id<struct ContainerIdTag>;

}  // namespace mesolith
