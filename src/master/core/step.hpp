// SPDX-License-Identifier: Apache-2.0
// The master's core: decides, never waits. One event in, effects out, in order.
//
// Allocation is an effect of time: what an event frees or adds makes the allocator dirty,
// next_deadline() is then `now`, and the Tick that follows offers it. A shell that drains its inbox
// before it looks at the deadline so gets one allocation for a whole batch of events.
#pragma once

#include "master/core/effects.hpp"
#include "master/core/events.hpp"
#include "master/core/state.hpp"

namespace mesolith::master {

void step(State& state, Time now, const Event& event, Effects& effects);

// When the shell must send Tick at the latest; `never` when nothing waits for time.
Time next_deadline(const State& state, Time now);

}  // namespace mesolith::master
