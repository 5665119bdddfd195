// SPDX-License-Identifier: Apache-2.0
// What the files of this room share: the context of one request, the handlers of the route table,
// and the answers that several of them give.
#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "master/http/handle.hpp"
#include "mesos/v1/master/master.pb.h"
#include "wire/answers.hpp"

namespace mesolith::master::http {

struct Context {
  const State& state;
  Time now;
  const wire::Request& request;
  const ProcessFigures& figures;
  const std::string& stream_uuid;
};

inline constexpr std::string_view log_path = "/master/log";

using Handler = Outcome (*)(const Context&);

// Streams and calls.
Outcome scheduler_api(const Context&);
Outcome agent_api(const Context&);
Outcome operator_api(const Context&);

// Documents of the v0 interface (mesos-api.md 3.3).
Outcome state_document(const Context&);
Outcome state_summary(const Context&);
Outcome slaves(const Context&);
Outcome frameworks(const Context&);
Outcome tasks(const Context&);
Outcome roles(const Context&);
Outcome weights(const Context&);
Outcome quota(const Context&);
Outcome maintenance_schedule(const Context&);
Outcome maintenance_status(const Context&);
Outcome machine_down(const Context&);
Outcome machine_up(const Context&);
Outcome health(const Context&);
Outcome version(const Context&);
Outcome flags(const Context&);
Outcome redirect(const Context&);
Outcome system_stats(const Context&);
Outcome teardown(const Context&);
Outcome reserve(const Context&);
Outcome unreserve(const Context&);
Outcome create_volumes(const Context&);
Outcome destroy_volumes(const Context&);
Outcome registry_document(const Context&);
Outcome metrics_snapshot(const Context&);
Outcome metrics_prometheus(const Context&);
Outcome files_browse(const Context&);
Outcome files_read(const Context&);
Outcome files_download(const Context&);
Outcome files_debug(const Context&);

// Ours: why something waits, and the allocator's decisions.
Outcome why(const Context&);
Outcome decisions(const Context&);
Outcome kill(const Context&);
Outcome openapi(const Context&);

// A v1 call that reserves, unreserves, makes or destroys volumes; nothing when it is another.
std::optional<Outcome> resource_operation(const State&, const mesos::v1::master::Call&);

// Every metric by its original name.
std::map<std::string, double> collect_metrics(const Context&);

using wire::accepted_media;
using wire::decode_body;
using wire::json_answer;
using wire::method_not_allowed;
using wire::not_acceptable;

}  // namespace mesolith::master::http
