// SPDX-License-Identifier: Apache-2.0
// The agent's core: decides, never waits. One event in, effects out, in order.
//
// What is for a framework that checkpoints is durable before it is visible: its task before it is
// launched, an update before the master or the executor hears of it, the end of a task before the
// launcher may forget it. All that one event changes goes out as one Persist at the end of the
// step. For other frameworks there is no Persist at all.
#pragma once

#include "agent/core/effects.hpp"
#include "agent/core/events.hpp"
#include "agent/core/state.hpp"

namespace mesolith::agent {

void step(State& state, Time now, const Event& event, Effects& effects);

// When the shell must send Tick at the latest; `never` when nothing waits for time.
Time next_deadline(const State& state, Time now);

}  // namespace mesolith::agent
