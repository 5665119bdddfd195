// SPDX-License-Identifier: Apache-2.0
// Weights hold: when every framework always wants more, each role's part of the cluster is, on
// average over the quiet time, what its weight makes it, within one task.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "sim/checkers/checker.hpp"
#include "sim/master_node.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

constexpr Duration sample_interval = std::chrono::milliseconds(500);
constexpr double cpus_per_task = 1;

class SharesChecker : public Checker {
 public:
  explicit SharesChecker(World& world) : world_(world) {}

  const char* name() const override { return "shares"; }
  Complaint quiet_from_now() override {
    sample();
    return {};
  }
  Complaint at_end() override;

 private:
  void sample();
  double weight(const std::string& role) const {
    const auto found = world_.scenario.weights.find(role);
    return found == world_.scenario.weights.end() ? 1 : found->second;
  }

  World& world_;
  uint64_t samples_ = 0;
  std::map<std::string, double> cpus_;  // sums over the samples
};

void SharesChecker::sample() {
  if (!world_.launching()) return;
  ++samples_;
  for (const FrameworkPlan& plan : world_.scenario.frameworks) cpus_.try_emplace(plan.role, 0);
  for (auto& [role, sum] : cpus_) {
    sum += model::to_units(
        world_.master().state().allocator.allocated(role).quantities().get(model::cpus));
  }
  world_.schedule.after(sample_interval, [this] { sample(); });
}

Complaint SharesChecker::at_end() {
  double weights = 0;
  for (const auto& [role, sum] : cpus_) weights += weight(role);
  const double total = world_.scenario.agent_cpus * world_.scenario.agents;
  for (const auto& [role, sum] : cpus_) {
    const double ideal = total * weight(role) / weights;
    const double mean = sum / static_cast<double>(samples_);
    if (std::abs(mean - ideal) <= cpus_per_task) continue;
    return fmt::format("role {} had {:.2f} cpus on average; its weight of {} makes it {:.2f}", role,
                       mean, weight(role), ideal);
  }
  return {};
}

}  // namespace

std::unique_ptr<Checker> make_shares_checker(World& world) {
  return std::make_unique<SharesChecker>(world);
}

}  // namespace mesolith::sim
