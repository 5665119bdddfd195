// SPDX-License-Identifier: Apache-2.0
// Shares and weights hold: while every framework wants more, the dominant share of each is, on
// average over the quiet time, what ideal water filling makes it, within one task of the largest.
// A demo's report says the same of its own.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "frameworks/drf_demo/core/report.hpp"
#include "model/fair_share.hpp"
#include "sim/checkers/checker.hpp"
#include "sim/framework_node.hpp"
#include "sim/master_node.hpp"
#include "sim/workloads/tasks.hpp"
#include "sim/world.hpp"

namespace mesolith::sim {
namespace {

namespace drf_demo = frameworks::drf_demo;

constexpr Duration sample_interval = std::chrono::milliseconds(500);
// After the last framework came: its share is filled by what ends of the others'.
constexpr Duration settling = std::chrono::seconds(6);
constexpr Duration window_min = std::chrono::seconds(8);

class SharesChecker : public Checker {
 public:
  explicit SharesChecker(World& world);

  const char* name() const override { return "shares"; }
  Complaint quiet_from_now() override {
    sample();
    return {};
  }
  Complaint demo_ends(const FrameworkNode& node, const drf_demo::State& state,
                      const DemoEnd&) override;
  Complaint at_end() override;

 private:
  struct Part {
    double ideal = 0, sum = 0;  // the sum over the samples
  };

  void sample();
  bool settled() const;
  double weight(const FrameworkPlan& plan) const;
  double mean(size_t i) const { return parts_[i].sum / static_cast<double>(samples_); }

  World& world_;
  model::Quantities totals_;
  double tolerance_ = 0;
  std::vector<Part> parts_;  // as the frameworks
  uint64_t samples_ = 0;     // since all are there
  Time since_ = never;
  Time until_{};  // the last sample
};

SharesChecker::SharesChecker(World& world) : world_(world) {
  const Scenario& scenario = world.scenario;
  const double agents = scenario.agents;
  totals_ = {{model::cpus, model::to_millis(scenario.agent_cpus * agents)},
             {model::mem, model::to_millis(scenario.agent_mem_mb * agents)}};
  std::vector<model::Demand> demands;
  for (const FrameworkPlan& plan : scenario.frameworks) {
    demands.push_back({size_of(plan), weight(plan)});
    tolerance_ = std::max(tolerance_, drf_demo::dominant_share(size_of(plan), totals_));
  }
  for (const double ideal : model::dominant_shares(demands, totals_)) parts_.push_back({ideal, 0});
}

double SharesChecker::weight(const FrameworkPlan& plan) const {
  const auto& weights = world_.scenario.weights;
  const auto found = weights.find(plan.role);
  const auto in_role =
      std::ranges::count(world_.scenario.frameworks, plan.role, &FrameworkPlan::role);
  return (found == weights.end() ? 1 : found->second) / static_cast<double>(in_role);
}

// Whether everybody who shares has been there long enough.
bool SharesChecker::settled() const {
  const auto& frameworks = world_.master().state().frameworks;
  return std::ranges::all_of(world_.frameworks(), [&](const auto& node) {
    const auto found = frameworks.find(node->framework_id());
    return found != frameworks.end() && found->second.active &&
           found->second.registered + settling <= world_.now();
  });
}

void SharesChecker::sample() {
  if (!world_.launching()) return;
  world_.schedule.after(sample_interval, [this] { sample(); });
  if (!settled()) {
    for (Part& part : parts_) part.sum = 0;
    samples_ = 0;
    since_ = never;
    return;
  }
  if (since_ == never) since_ = world_.now();
  ++samples_;
  until_ = world_.now();
  for (size_t i = 0; i < parts_.size(); ++i) {
    const auto& id = world_.frameworks()[i]->framework_id();
    model::Quantities used;
    for (const auto& [agent, resources] : world_.master().state().frameworks.at(id).used) {
      used += resources.quantities();
    }
    parts_[i].sum += drf_demo::dominant_share(used, totals_);
  }
}

Complaint SharesChecker::demo_ends(const FrameworkNode& node, const drf_demo::State& state,
                                   const DemoEnd&) {
  if (world_.launching() || samples_ == 0) return {};
  size_t i = 0;
  while (world_.frameworks()[i].get() != &node) ++i;
  const drf_demo::Report report = drf_demo::make_report(state, world_.now());
  if (report.tracks.empty() || report.tracks.front().id != node.framework_id().value) {
    return node.name() + " reports nothing of its share";
  }
  // Once they launch no more they leave one by one, and the shares of those who stay grow.
  drf_demo::Track track = report.tracks.front();
  std::erase_if(track.points, [&](const drf_demo::Point& point) { return point.at > until_; });
  const drf_demo::Summary summary = drf_demo::summarize(track, since_);
  if (std::abs(summary.ideal_mean - parts_[i].ideal) > tolerance_ / 10) {
    return fmt::format("{} takes {:.3f} for its ideal share, which is {:.3f}", node.name(),
                       summary.ideal_mean, parts_[i].ideal);
  }
  if (std::abs(summary.share_mean - mean(i)) > tolerance_) {
    return fmt::format("{} reports a share of {:.3f} on average, but had {:.3f}", node.name(),
                       summary.share_mean, mean(i));
  }
  return {};
}

Complaint SharesChecker::at_end() {
  if (static_cast<int64_t>(samples_) * sample_interval < window_min) {
    return fmt::format("all frameworks were there for {} samples only", samples_);
  }
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (std::abs(mean(i) - parts_[i].ideal) <= tolerance_) continue;
    return fmt::format("{} had a dominant share of {:.3f} on average; {:.3f} is fair",
                       world_.frameworks()[i]->name(), mean(i), parts_[i].ideal);
  }
  return {};
}

}  // namespace

std::unique_ptr<Checker> make_shares_checker(World& world) {
  return std::make_unique<SharesChecker>(world);
}

}  // namespace mesolith::sim
