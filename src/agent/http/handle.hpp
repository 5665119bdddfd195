// SPDX-License-Identifier: Apache-2.0
// The agent's HTTP surface, pure: a request and a const view of State become an answer, an event
// for the core, a stream to open, or a question to the machine whose answer a second pure function
// renders. The refusals of mesos-api.md 2.1 are decided here, in its order. The caller steps an
// event before it looks at another request.
//
// No path outside the sandboxes of this agent and its own log is ever asked for; FileRequest says
// which directory the real path must stay in once symbolic links are followed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/core/events.hpp"
#include "agent/core/state.hpp"
#include "base/time.hpp"
#include "mesos/v1/agent/agent.pb.h"
#include "wire/http.hpp"
#include "wire/media_type.hpp"

namespace mesolith::agent::http {

// What only the shell can know, measured when the request came.
struct ProcessFigures {
  double load_1min = 0, load_5min = 0, load_15min = 0;
  uint32_t cpus_total = 0;
  uint64_t mem_total_bytes = 0, mem_free_bytes = 0;
  uint64_t fetcher_cache_bytes_total = 0, fetcher_cache_bytes_used = 0;
};

// Step `event`, then send `response`.
struct Accepted {
  wire::Response response;
  Event event;
};
// Open a stream with `head`, put its id into `event.stream`, step it. Records go out in `media`.
struct OpenStream {
  wire::Response head;
  wire::Media media = wire::Media::json;
  ExecutorSubscribing event;
};

// Look at a file, then answer with render().
struct FileRequest {
  enum class Kind { browse, read, download };
  Kind kind = Kind::read;
  std::string path;          // real and absolute
  std::string root;          // what `path` must lie in after symbolic links are followed
  std::string virtual_path;  // as asked for
  uint64_t offset = 0;
  std::optional<uint64_t> length;     // bytes; none: to the end, or read_bytes_max
  bool size_only = false;             // only the size is wanted
  std::optional<wire::Media> answer;  // v1 API in that encoding; none: v0 JSON
};
inline constexpr uint64_t read_bytes_max = 64 * 1024;

struct FileInfo {
  std::string name;  // in its directory
  uint64_t size = 0;
  uint32_t nlink = 1;
  uint32_t mode = 0;  // st_mode
  int64_t mtime_seconds = 0;
  std::string user, group;  // names; numbers where there are none
};
struct Listing {  // of a directory, in any order
  std::vector<FileInfo> files;
};
struct Content {
  std::string data;
  uint64_t size = 0;  // of the whole file
};
enum class FileFault { not_found, is_directory, inaccessible };
using FileAnswer = std::variant<Listing, Content, FileFault>;

// Measure these containers, then answer with render().
struct StatisticsRequest {
  std::vector<ContainerId> containers;
  bool with_status = false;           // /containers; else /monitor/statistics
  std::optional<wire::Media> answer;  // v1 API in that encoding; none: v0 JSON
};
using Statistics = std::map<ContainerId, mesos::v1::ResourceStatistics>;  // absent: gone meanwhile

using Outcome = std::variant<wire::Response, Accepted, OpenStream, FileRequest, StatisticsRequest>;

Outcome handle(const State& state, Time now, const wire::Request& request,
               const ProcessFigures& figures);

wire::Response render(const FileRequest& request, const FileAnswer& answer);
wire::Response render(const State& state, const StatisticsRequest& request,
                      const Statistics& statistics);

}  // namespace mesolith::agent::http
