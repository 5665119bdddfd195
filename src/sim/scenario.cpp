// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.hpp"

#include <array>

namespace mesolith::sim {
namespace {

struct Row {
  Plant plant;
  std::string_view name;
};
constexpr std::array rows = {
    Row{Plant::none, "none"},
    Row{Plant::early_persist, "early_persist"},
    Row{Plant::freed_twice, "freed_twice"},
    Row{Plant::started_twice, "started_twice"},
    Row{Plant::update_not_delivered, "update_not_delivered"},
    Row{Plant::update_invented, "update_invented"},
    Row{Plant::weights_ignored, "weights_ignored"},
    Row{Plant::timer_lost, "timer_lost"},
    Row{Plant::teardown_unheard, "teardown_unheard"},
    Row{Plant::task_miscounted, "task_miscounted"},
};

}  // namespace

std::optional<Plant> plant_named(std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return row.plant;
  }
  return std::nullopt;
}

std::string_view name_of(Plant plant) {
  for (const Row& row : rows) {
    if (row.plant == plant) return row.name;
  }
  return "?";
}

const std::vector<Plant>& all_plants() {
  static const std::vector<Plant> plants = [] {
    std::vector<Plant> plants;
    for (const Row& row : rows) {
      if (row.plant != Plant::none) plants.push_back(row.plant);
    }
    return plants;
  }();
  return plants;
}

}  // namespace mesolith::sim
