// SPDX-License-Identifier: Apache-2.0
// What the files of this room share: the context of one request, the handlers of the route table,
// and the answers that several of them give.
#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/http/handle.hpp"
#include "wire/answers.hpp"

namespace mesolith::agent::http {

struct Context {
  const State& state;
  Time now;
  const wire::Request& request;
  const ProcessFigures& figures;
};

using Handler = Outcome (*)(const Context&);

Outcome executor_api(const Context&);
Outcome operator_api(const Context&);
Outcome state_document(const Context&);
Outcome health(const Context&);
Outcome version(const Context&);
Outcome flags(const Context&);
Outcome system_stats(const Context&);
Outcome metrics_snapshot(const Context&);
Outcome containers(const Context&);
Outcome statistics(const Context&);
Outcome files_browse(const Context&);
Outcome files_read(const Context&);
Outcome files_download(const Context&);
Outcome files_debug(const Context&);
Outcome openapi(const Context&);

// Every metric by its original name.
std::map<std::string, double> collect_metrics(const Context&);

// Containers that run, in a stable order.
std::vector<ContainerId> running_containers(const State& state);

// The file that a virtual path stands for, not yet looked at; the refusal if it stands for none.
struct FileFound {
  std::string path, root;
};
std::variant<FileFound, wire::Response> find_file(const State& state, std::string_view path);

using wire::accepted_media;
using wire::api_answer;
using wire::decode_body;
using wire::json_answer;
using wire::method_not_allowed;
using wire::not_acceptable;

}  // namespace mesolith::agent::http
