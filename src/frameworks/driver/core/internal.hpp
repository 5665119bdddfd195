// SPDX-License-Identifier: Apache-2.0
// What the driver core's files share: one handler per event, and sending with the framework's id
// filled in.
#pragma once

#include "frameworks/driver/core/driver.hpp"

namespace mesolith::frameworks::driver {

void on(State& state, Time now, const Started&, Effects& effects);
void on(State& state, Time now, const Opened&, Effects& effects);
void on(State& state, Time now, const Refused&, Effects& effects);
void on(State& state, Time now, const Closed&, Effects& effects);
void on(State& state, Time now, const Received&, Effects& effects);
void on(State& state, Time now, const Requested&, Effects& effects);
void on(State& state, Time now, const Tick&, Effects& effects);

void send(const State& state, mesos::v1::scheduler::Call call, Effects& effects);
// The connection is gone: wait, then try again.
void lose(State& state, Time now, const std::string& reason, Effects& effects);
void retry_reconcile(State& state, Time now, Effects& effects);
void retry_kills(State& state, Time now, Effects& effects);

}  // namespace mesolith::frameworks::driver
