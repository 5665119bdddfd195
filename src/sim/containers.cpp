// SPDX-License-Identifier: Apache-2.0
#include "sim/containers.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace mesolith::sim {
namespace {

constexpr int sigkill = 9, sigterm = 15;

}  // namespace

std::string command_of(const Program& program) {
  return fmt::format(
      "run {} {} {}",
      std::chrono::duration_cast<std::chrono::milliseconds>(program.duration).count(),
      program.exit_code, program.heeds_sigterm ? "heeds" : "ignores");
}

std::optional<Program> program_of(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return std::nullopt;
  long long milliseconds = 0;
  Program program;
  char rest[16] = "";
  double seconds = 0;
  if (std::sscanf(arguments.back().c_str(), "sleep %lf", &seconds) == 1) {
    program.duration = seconds_or(seconds, Duration::zero());
    return program;
  }
  if (std::sscanf(arguments.back().c_str(), "run %lld %d %15s", &milliseconds, &program.exit_code,
                  rest) != 3) {
    return std::nullopt;
  }
  program.duration = std::chrono::milliseconds(milliseconds);
  program.heeds_sigterm = std::string_view(rest) == "heeds";
  return program;
}

int64_t Containers::spawn(const ContainerId& id, TaskKey task, const Program& program,
                          model::Quantities uses, bool sized) {
  Container& container = containers_[id];
  container.task = std::move(task);
  container.pid = next_pid_++;
  container.program = program;
  container.uses = std::move(uses);
  container.sized = sized;
  end_after(id, program.duration, (program.exit_code & 0xff) << 8);
  return container.pid;
}

void Containers::end_after(const ContainerId& id, Duration wait, int status) {
  schedule_.after(wait, [this, id, status] {
    const auto found = containers_.find(id);
    if (found == containers_.end() || found->second.exit_status) return;
    found->second.exit_status = status;
    on_exit_(found->first, found->second);
  });
}

void Containers::signal(const ContainerId& id, int signal) {
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.exit_status) return;
  Container& container = found->second;
  if (signal == sigterm && !container.program.heeds_sigterm) return;
  if (container.terminating && signal != sigkill) return;
  container.terminating = container.touched = true;
  end_after(id, std::chrono::milliseconds(1 + rng_.below(200)), signal);
}

void Containers::destroy(const ContainerId& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.exit_status) return;
  found->second.touched = true;
  end_after(id, std::chrono::milliseconds(1 + rng_.below(20)), sigkill);
}

void Containers::resize(const ContainerId& id, model::Quantities uses) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  found->second.uses = std::move(uses);
  found->second.sized = true;
}

void Containers::acknowledge(const ContainerId& id) {
  const auto found = containers_.find(id);
  if (found != containers_.end() && found->second.exit_status) containers_.erase(found);
}

std::vector<agent::ContainerListing> Containers::listing() const {
  std::vector<agent::ContainerListing> listing;
  for (const auto& [id, container] : containers_) {
    listing.push_back({id, container.pid, container.exit_status, std::nullopt});
  }
  return listing;
}

}  // namespace mesolith::sim
