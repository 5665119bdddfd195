// SPDX-License-Identifier: Apache-2.0
// /files (mesos-api.md 3.5): virtual paths of sandboxes and of the agent's log, mapped to real
// ones. A sandbox can be named by /frameworks/F/executors/E/runs/R, with or without the real
// <work_dir>/slaves/<agent> before it; R is "latest" or a container id.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/http/routes.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::agent::http {
namespace {

using Parts = std::vector<std::string_view>;

constexpr std::string_view log_path = "/slave/log";
constexpr size_t sandbox_parts = 6;  // frameworks F executors E runs R

Parts split(std::string_view path) {
  Parts parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

const Executor* find_run(const Framework& framework, std::string_view id, std::string_view run) {
  const auto fits = [&](const Executor& executor) {
    return executor.id.value == id && (run == "latest" || executor.container_id.value == run);
  };
  const auto live = framework.executors.find(ExecutorId(std::string(id)));
  if (live != framework.executors.end() && fits(live->second)) return &live->second;
  const auto& completed = framework.completed_executors;
  const auto found = std::find_if(completed.rbegin(), completed.rend(), fits);
  return found == completed.rend() ? nullptr : &*found;
}

const Executor* find_run(const State& state, const Parts& parts) {
  const FrameworkId id{std::string(parts[1])};
  if (const auto live = state.frameworks.find(id); live != state.frameworks.end()) {
    return find_run(live->second, parts[3], parts[5]);
  }
  for (const Framework& framework : state.completed_frameworks) {
    if (framework.id == id) return find_run(framework, parts[3], parts[5]);
  }
  return nullptr;
}

std::string sandboxes_root(const State& state) {
  return state.options.work_dir + "/slaves/" + state.id.value;
}

// The path below a sandbox without "." and ".."; none when it leaves the sandbox.
std::optional<std::string> below(const Parts& parts) {
  Parts kept;
  for (size_t i = sandbox_parts; i < parts.size(); ++i) {
    if (parts[i] == ".") continue;
    if (parts[i] != "..") {
      kept.push_back(parts[i]);
    } else if (kept.empty()) {
      return std::nullopt;
    } else {
      kept.pop_back();
    }
  }
  std::string path;
  for (const std::string_view part : kept) path += "/" + std::string(part);
  return path;
}

std::string rest_as_given(const Parts& parts) {
  std::string path;
  for (size_t i = sandbox_parts; i < parts.size(); ++i) path += "/" + std::string(parts[i]);
  return path;
}

std::variant<std::optional<int64_t>, wire::Response> query_number(const wire::Request& request,
                                                                  std::string_view name) {
  const std::string* text = request.query.find(name);
  if (!text) return std::optional<int64_t>();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) {
    return wire::text(
        400, fmt::format("Failed to parse {}: Failed to convert '{}' to number.\n", name, *text));
  }
  if (value < -1) return wire::text(400, fmt::format("Negative {} provided: {}.\n", name, value));
  return value == -1 ? std::optional<int64_t>() : std::optional(value);
}

Outcome files(const Context& context, FileRequest::Kind kind) {
  const std::string* path = context.request.query.find("path");
  if (!path || path->empty()) return wire::text(400, "Expecting 'path=value' in query.\n");
  FileRequest request;
  request.kind = kind;
  request.virtual_path = *path;
  if (kind == FileRequest::Kind::read) {
    auto offset = query_number(context.request, "offset");
    if (auto* refused = std::get_if<wire::Response>(&offset)) return *refused;
    auto length = query_number(context.request, "length");
    if (auto* refused = std::get_if<wire::Response>(&length)) return *refused;
    const auto from = std::get<0>(offset), most = std::get<0>(length);
    request.size_only = !from;
    request.offset = static_cast<uint64_t>(from.value_or(0));
    if (most) request.length = static_cast<uint64_t>(*most);
  }
  auto found = find_file(context.state, *path);
  if (auto* refused = std::get_if<wire::Response>(&found)) {
    if (kind == FileRequest::Kind::download && refused->status == 404) {
      return wire::text(404, "404 Not Found.");
    }
    return *refused;
  }
  request.path = std::get<FileFound>(found).path;
  request.root = std::get<FileFound>(found).root;
  return request;
}

void add_paths(const State& state, const Framework& framework, const Executor& executor,
               std::map<std::string, std::string>& paths) {
  const std::string run =
      "/frameworks/" + framework.id.value + "/executors/" + executor.id.value + "/runs/latest";
  paths[run] = executor.directory;
  paths[sandboxes_root(state) + run] = executor.directory;
  paths[executor.directory] = executor.directory;
}

}  // namespace

std::variant<FileFound, wire::Response> find_file(const State& state, std::string_view path) {
  if (path == log_path) {
    const std::string& log = state.options.log_file;
    if (log.empty()) return wire::empty(404);
    return FileFound{log, log.substr(0, log.rfind('/'))};
  }
  const std::string root = sandboxes_root(state);
  if (path.starts_with(root + "/")) path.remove_prefix(root.size());
  const Parts parts = split(path);
  if (parts.size() < sandbox_parts || parts[0] != "frameworks" || parts[2] != "executors" ||
      parts[4] != "runs") {
    return wire::empty(404);
  }
  const Executor* executor = find_run(state, parts);
  if (!executor) return wire::empty(404);
  const std::optional<std::string> rest = below(parts);
  if (!rest) {
    return wire::text(400,
                      "'" + executor->directory + rest_as_given(parts) + "' is inaccessible.\n");
  }
  return FileFound{executor->directory + *rest, executor->directory};
}

Outcome files_browse(const Context& context) {
  return files(context, FileRequest::Kind::browse);
}
Outcome files_read(const Context& context) {
  return files(context, FileRequest::Kind::read);
}
Outcome files_download(const Context& context) {
  return files(context, FileRequest::Kind::download);
}

Outcome files_debug(const Context& context) {
  const State& state = context.state;
  std::map<std::string, std::string> paths;
  const auto add = [&](const Framework& framework) {
    for (const Executor& executor : framework.completed_executors) {
      add_paths(state, framework, executor, paths);
    }
    for (const auto& [id, executor] : framework.executors) {
      add_paths(state, framework, executor, paths);
    }
  };
  for (const Framework& framework : state.completed_frameworks) add(framework);
  for (const auto& [id, framework] : state.frameworks) add(framework);
  if (!state.options.log_file.empty()) paths[std::string(log_path)] = state.options.log_file;
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  for (const auto& [name, real] : paths) json.member(name, real);
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace mesolith::agent::http
