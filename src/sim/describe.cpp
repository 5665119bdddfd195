// SPDX-License-Identifier: Apache-2.0
#include "sim/describe.hpp"

#include <fmt/format.h>

#include <array>

namespace mesolith::sim {
namespace {

namespace driver = frameworks::driver;

constexpr std::array<std::string_view, 12> master_kinds = {
    "RegistryRecovered", "RegistryPersisted", "FrameworkSubscribing", "FrameworkCalled",
    "AgentSubscribing",  "AgentCalled",       "OperatorSubscribing",  "StreamClosed",
    "OperatorCalled",    "FrameworkTornDown", "OperatorConverted",    "Tick"};
static_assert(std::variant_size_v<master::Event> == master_kinds.size());

constexpr std::array<std::string_view, 18> agent_kinds = {"Recovered",
                                                          "Persisted",
                                                          "MasterDetected",
                                                          "MasterEventReceived",
                                                          "MasterDisconnected",
                                                          "ExecutorSubscribing",
                                                          "ExecutorCalled",
                                                          "StreamClosed",
                                                          "UrisFetched",
                                                          "ContainerLaunched",
                                                          "ContainerLaunchFailed",
                                                          "ContainerExited",
                                                          "Probed",
                                                          "DiskMeasured",
                                                          "SandboxesFound",
                                                          "SandboxesRemoved",
                                                          "OperatorStopped",
                                                          "Tick"};
static_assert(std::variant_size_v<agent::Event> == agent_kinds.size());

constexpr std::array<std::string_view, 7> driver_kinds = {
    "Started", "Opened", "Refused", "Closed", "Received", "Requested", "Tick"};
static_assert(std::variant_size_v<driver::Event> == driver_kinds.size());

std::string detail(const master::RegistryPersisted& event) {
  return fmt::format("ticket {}", event.ticket);
}
std::string detail(const master::RegistryRecovered& event) {
  return fmt::format("{} agents", event.agents.size());
}
std::string detail(const master::FrameworkSubscribing& event) {
  return fmt::format("stream {}: {}", event.stream, event.call.ShortDebugString());
}
std::string detail(const master::FrameworkCalled& event) {
  return event.call.ShortDebugString();
}
std::string detail(const master::AgentSubscribing& event) {
  return fmt::format("stream {}: {}", event.stream, event.call.ShortDebugString());
}
std::string detail(const master::AgentCalled& event) {
  return event.call.ShortDebugString();
}
std::string detail(const master::StreamClosed& event) {
  return fmt::format("stream {}", event.stream);
}
std::string detail(const agent::Recovered& event) {
  return fmt::format("{} records, {} containers", event.records.size(), event.containers.size());
}
std::string detail(const agent::Persisted& event) {
  return fmt::format("ticket {}", event.ticket);
}
std::string detail(const agent::MasterEventReceived& event) {
  return fmt::format("connection {}: {}", event.connection, event.event.ShortDebugString());
}
std::string detail(const agent::MasterDisconnected& event) {
  return fmt::format("connection {}", event.connection);
}
std::string detail(const agent::UrisFetched& event) {
  return event.container_id.value;
}
std::string detail(const agent::ContainerLaunched& event) {
  return fmt::format("{} pid {}", event.container_id.value, event.pid);
}
std::string detail(const agent::ContainerLaunchFailed& event) {
  return fmt::format("{}: {}", event.container_id.value, event.message);
}
std::string detail(const agent::ContainerExited& event) {
  return fmt::format("{} status {}", event.container_id.value, event.status);
}
std::string detail(const driver::Refused& event) {
  return fmt::format("{} {}", event.status, event.body);
}
std::string detail(const driver::Closed& event) {
  return event.reason;
}
std::string detail(const driver::Received& event) {
  return event.event.ShortDebugString();
}
std::string detail(const driver::Requested& event) {
  return event.call.ShortDebugString();
}
template <class Other>
std::string detail(const Other&) {
  return "";
}

template <class Event>
std::string text(const Event& event) {
  std::string text(kind_of(event));
  const std::string rest = std::visit([](const auto& happened) { return detail(happened); }, event);
  return rest.empty() ? text : text + ": " + rest;
}

}  // namespace

std::string_view kind_of(const master::Event& event) {
  return master_kinds[event.index()];
}
std::string_view kind_of(const agent::Event& event) {
  return agent_kinds[event.index()];
}
std::string_view kind_of(const driver::Event& event) {
  return driver_kinds[event.index()];
}

std::string describe(const master::Event& event) {
  return text(event);
}
std::string describe(const agent::Event& event) {
  return text(event);
}
std::string describe(const driver::Event& event) {
  return text(event);
}

}  // namespace mesolith::sim
