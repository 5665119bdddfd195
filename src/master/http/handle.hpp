// SPDX-License-Identifier: Apache-2.0
// The master's HTTP surface, pure: a request and a const view of State become an answer, an event
// for the core, or a stream to open. All refusals of mesos-api.md 1.3 are decided here, in its
// order; whatever is passed on as an event is well formed and belongs to a live stream. The caller
// steps the event before it looks at another request.
#pragma once

#include <istream>
#include <optional>
#include <string>
#include <variant>

#include "base/time.hpp"
#include "master/core/events.hpp"
#include "master/core/state.hpp"
#include "wire/http.hpp"
#include "wire/media_type.hpp"

namespace mesolith::master::http {

// What only the shell can know, measured when the request came.
struct ProcessFigures {
  double load_1min = 0, load_5min = 0, load_15min = 0;
  uint32_t cpus_total = 0;
  uint64_t mem_total_bytes = 0, mem_free_bytes = 0;
  std::string log_file;  // of this process; empty when it logs to stderr only
};

// Step `event`, then send `response`.
struct Accepted {
  wire::Response response;
  Event event;
};
// Open a stream with `head`, put its id into `event`'s `stream`, step it. Records go out in
// `media`.
struct OpenStream {
  wire::Response head;
  wire::Media media = wire::Media::json;
  std::variant<FrameworkSubscribing, AgentSubscribing, OperatorSubscribing> event;
};
// Read the process's log for /files/*, and answer as mesos-api.md 3.5 says.
struct ReadLog {
  uint64_t offset = 0;
  std::optional<uint64_t> length;   // bytes; none: to the end
  bool size_only = false;           // answer with "" and the file's size
  bool download = false;            // the whole file, raw
  std::optional<wire::Media> call;  // READ_FILE asks, and is answered in this media
};

// Step `event` with a fresh request id; AnswerOperator with that id is the answer.
struct Asked {
  OperatorCalled event;
};

using Outcome = std::variant<wire::Response, Accepted, OpenStream, ReadLog, Asked>;

wire::Response render(const AnswerOperator& answer);

// `stream_uuid` is a fresh uuid, used if a stream is opened.
Outcome handle(const State& state, Time now, const wire::Request& request,
               const ProcessFigures& figures, const std::string& stream_uuid);

// The answer to a ReadLog, from the opened log.
wire::Response render(const ReadLog& read, std::istream& log);

}  // namespace mesolith::master::http
