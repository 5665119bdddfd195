// SPDX-License-Identifier: Apache-2.0
#include "model/fair_share.hpp"

#include <algorithm>
#include <limits>

namespace mesolith::model {
namespace {

struct Filler {
  std::vector<std::pair<Name, double>> rates;  // part of each resource's total per unit of level
  double weight = 1;
  bool rising = false;
};

Filler filler_for(const Demand& demand, const Quantities& totals) {
  Filler filler;
  filler.weight = demand.weight;
  double most = 0;
  bool possible = demand.weight > 0;
  demand.task.for_each([&](const Name& name, Millis amount) {
    if (amount <= 0) return;
    const Millis total = totals.get(name);
    if (total <= 0) {
      possible = false;
      return;
    }
    const double part = static_cast<double>(amount) / static_cast<double>(total);
    filler.rates.emplace_back(name, part);
    most = std::max(most, part);
  });
  filler.rising = possible && most > 0;
  if (!filler.rising) return filler;
  for (auto& [name, rate] : filler.rates) rate *= demand.weight / most;
  return filler;
}

}  // namespace

std::vector<double> dominant_shares(const std::vector<Demand>& demands, const Quantities& totals) {
  std::vector<Filler> fillers;
  std::map<Name, double> left;  // part of the total
  for (const Demand& demand : demands) {
    fillers.push_back(filler_for(demand, totals));
    for (const auto& [name, rate] : fillers.back().rates) left[name] = 1;
  }
  std::vector<double> shares(demands.size(), 0.0);
  while (std::ranges::any_of(fillers, &Filler::rising)) {
    std::map<Name, double> rates;
    for (const Filler& filler : fillers) {
      if (!filler.rising) continue;
      for (const auto& [name, rate] : filler.rates) rates[name] += rate;
    }
    // The next to be used up is named, not found again by a comparison with 0: rounding must not
    // keep anybody rising.
    double rise = std::numeric_limits<double>::infinity();
    Name used_up;
    for (const auto& [name, rate] : rates) {
      const double until = std::max(left[name], 0.0) / rate;
      if (until < rise) {
        rise = until;
        used_up = name;
      }
    }
    for (const auto& [name, rate] : rates) left[name] -= rise * rate;
    for (size_t i = 0; i < fillers.size(); ++i) {
      if (!fillers[i].rising) continue;
      shares[i] += rise * fillers[i].weight;
      fillers[i].rising = std::ranges::none_of(
          fillers[i].rates, [&](const auto& need) { return need.first == used_up; });
    }
  }
  return shares;
}

}  // namespace mesolith::model
