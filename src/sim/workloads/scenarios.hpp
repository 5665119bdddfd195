// SPDX-License-Identifier: Apache-2.0
// The scenarios by name. A seed may vary a scenario where its text says so.
#pragma once

#include <optional>
#include <string_view>

#include "sim/scenario.hpp"

namespace mesolith::sim {

// One master, three agents, two frameworks that do anything, and faults for half a minute.
Scenario small_faulty();
// The same cluster with a framework that does anything and two demos; masters, agents and
// frameworks also end on purpose.
Scenario endings();
// Three demos whose task sizes the seed decides, with faults and endings at first; then they share.
Scenario demos(uint64_t seed);
// One of the three above, as the seed decides.
Scenario mixed(uint64_t seed);
// Two frameworks that always want more, in roles whose weights the seed decides; no faults.
Scenario reservations();  // the same, with operations on resources
Scenario fair_sharing(uint64_t seed);
// 50,000 agents and 200 frameworks with tasks of N(30, 10) seconds, as in section 6 of Hindman et
// al., Mesos, NSDI 2011; the weights are equal and there are no faults.
Scenario nsdi_replay();

// none: no scenario of that name.
std::optional<Scenario> scenario_named(std::string_view name, uint64_t seed);

}  // namespace mesolith::sim
