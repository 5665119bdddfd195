// SPDX-License-Identifier: Apache-2.0
// What the core's files share: one noun per file, one function per thing that can happen to it.
#pragma once

#include "frameworks/drf_demo/core/drf_demo.hpp"

namespace mesolith::frameworks::drf_demo {

// offers.cpp
void on_offers(State& state, Time now, const mesos::v1::scheduler::Event::Offers& offers,
               Effects& effects);
void on_rescinded(State& state, const OfferId& id);
void expire_held_offers(State& state, Time now, Effects& effects);
void release_held_offers(State& state, Effects& effects);

// updates.cpp
void on_update(State& state, Time now, const mesos::v1::TaskStatus& status, Effects& effects);

// ending.cpp
void end_run(State& state, Time now, const std::string& why, Effects& effects);
void leave(State& state, Time now, Effects& effects);
void finish(State& state, Effects& effects);

// Removes from `free` what one task takes, or nothing at all when it does not fit.
std::optional<model::Resources> take(model::Resources& free, const model::Quantities& task);

// What a person sees each second.
std::string live_line(const State& state, Time now, const Observation& observation);

}  // namespace mesolith::frameworks::drf_demo
