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

// Shared answers.
wire::Response method_not_allowed(const wire::Request& request, std::string_view allowed);
wire::Response not_acceptable();
// Reads the body by its Content-Type into `out`; the refusal if that fails.
std::optional<wire::Response> decode_body(const wire::Request& request,
                                          google::protobuf::Message& out);
std::optional<wire::Media> accepted_media(const wire::Request& request);
wire::Response api_answer(wire::Media media, std::string body);
// JSON, or a call of the function named by ?jsonp= with it.
wire::Response json_answer(const wire::Request& request, std::string body);

}  // namespace mesolith::agent::http
