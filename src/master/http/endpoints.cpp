// SPDX-License-Identifier: Apache-2.0
// The small v0 endpoints: /tasks, /roles, /teardown, /health, /version, /flags,
// /redirect, /system/stats.json and /files of the master's own log.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "master/http/documents.hpp"
#include "master/http/routes.hpp"

namespace mesolith::master::http {
namespace {

using wire::JsonWriter;

// A whole number in the query, or the default when it is absent.
Result<int64_t> query_number(const wire::Request& request, std::string_view name,
                             int64_t fallback) {
  const auto text = request.query.find(name);
  if (!text) return fallback;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) {
    return failure(Code::invalid,
                   fmt::format("Failed to parse {}: '{}' is not a number", name, *text));
  }
  return value;
}

void write_quantities(JsonWriter& json, std::string_view key, const model::Resources& resources) {
  json.key(key);
  json.begin_object();
  resources.quantities().for_each([&](const model::Name& name, model::Millis amount) {
    json.member(name.text(), model::to_units(amount));
  });
  std::set<std::string> ranged;
  for (const model::Entry& entry : resources.entries()) {
    if (entry.type != model::Entry::Type::ranges || !ranged.insert(entry.name.str()).second)
      continue;
    json.member(entry.name.text(), static_cast<double>(resources.ranges(entry.name).count()));
  }
  json.end_object();
}

void write_quota(JsonWriter& json, std::string_view key,
                 const google::protobuf::Map<std::string, mesos::v1::Value::Scalar>& amounts) {
  std::map<std::string, double> sorted;
  for (const auto& [name, scalar] : amounts) sorted[name] = scalar.value();
  json.key(key);
  json.begin_object();
  for (const auto& [name, value] : sorted) json.member(name, value);
  json.end_object();
}

const mesos::v1::quota::QuotaConfig& quota_of(const State& state, const std::string& role) {
  for (const auto& config : state.cluster.quotas()) {
    if (config.role() == role) return config;
  }
  return mesos::v1::quota::QuotaConfig::default_instance();
}

struct RoleFigures {
  model::Resources allocated, offered, reserved;
  std::vector<std::string> frameworks;
};

std::map<std::string, RoleFigures> known_roles(const State& state) {
  std::map<std::string, RoleFigures> known;
  for (const auto& [id, framework] : state.frameworks) {
    for (const std::string& role : framework.roles) known[role].frameworks.push_back(id.value);
    for (const auto& [agent, resources] : framework.used) {
      for (const std::string& role : resources.allocation_roles()) {
        known[role].allocated += resources.allocated_part(role);
      }
    }
  }
  for (const auto& [id, offer] : state.offers) known[offer.role].offered += offer.resources;
  for (const auto& [id, agent] : state.agents) {
    for (const model::Entry& entry : agent.total.reserved().entries()) {
      known[entry.reservation_role()].reserved += model::Resources::of(entry);
    }
  }
  for (const auto& [role, weight] : state.weights) known[role];
  for (const auto& config : state.cluster.quotas()) known[config.role()];
  known.erase("");
  return known;
}

struct Listed {
  double first_seen = 0;
  size_t place = 0;  // among those found, for equal times
  const mesos::v1::Task* task = nullptr;
  bool command = true;
};

std::vector<Listed> listed_tasks(const Context& context) {
  const auto framework_wanted = context.request.query.find("framework_id");
  const auto task_wanted = context.request.query.find("task_id");
  std::vector<Listed> found;
  const auto add = [&](const mesos::v1::Task& task, bool command) {
    if (task_wanted && task.task_id().value() != *task_wanted) return;
    found.push_back(
        {task.statuses_size() ? task.statuses(0).timestamp() : 0, found.size(), &task, command});
  };
  const auto add_all = [&](const Framework& framework) {
    if (framework_wanted && framework.id.value != *framework_wanted) return;
    for (const auto& [id, task] : framework.tasks) add(task.proto, task.command);
    for (const auto& [id, task] : framework.unreachable_tasks) add(task.proto, task.command);
    for (const auto& task : framework.completed_tasks)
      add(task, task.executor_id().value().empty());
  };
  for (const auto& [id, framework] : context.state.frameworks) add_all(framework);
  for (const auto& completed : context.state.completed_frameworks) add_all(completed.framework);
  return found;
}

wire::Response bad(const Error& error) {
  return wire::text(400, error.message);
}

// The path of a /files request that is not the log: 400 without one, else 404.
std::optional<wire::Response> not_the_log(const Context& context) {
  const auto path = context.request.query.find("path");
  if (!path) return wire::text(400, "Expecting 'path=value' in query.\n");
  if (*path != log_path || context.figures.log_file.empty()) return wire::empty(404);
  return std::nullopt;
}

}  // namespace

Outcome tasks(const Context& context) {
  const auto limit = query_number(context.request, "limit", 100);
  if (!limit) return bad(limit.error());
  const auto offset = query_number(context.request, "offset", 0);
  if (!offset) return bad(offset.error());
  const std::string* order = context.request.query.find("order");
  const bool ascending = order && *order == "asc";
  std::vector<Listed> found = listed_tasks(context);
  std::sort(found.begin(), found.end(), [&](const Listed& a, const Listed& b) {
    if (a.first_seen == b.first_seen) return a.place < b.place;
    return ascending ? a.first_seen < b.first_seen : b.first_seen < a.first_seen;
  });
  const auto count = static_cast<int64_t>(found.size());
  const int64_t begin = std::clamp<int64_t>(*offset, 0, count);
  const int64_t end = begin + std::clamp<int64_t>(*limit, 0, count - begin);
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("tasks");
  json.begin_array();
  for (int64_t i = begin; i < end; ++i) {
    write_task(json, *found[static_cast<size_t>(i)].task, found[static_cast<size_t>(i)].command);
  }
  json.end_array();
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome roles(const Context& context) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("roles");
  json.begin_array();
  for (const auto& [name, figures] : known_roles(context.state)) {
    json.begin_object();
    json.member("name", name);
    json.member("weight", context.state.allocator.weight(name));
    json.key("quota");
    json.begin_object();
    json.member("role", name);
    write_quota(json, "guarantee", quota_of(context.state, name).guarantees());
    write_quota(json, "limit", quota_of(context.state, name).limits());
    write_quantities(json, "consumed", figures.allocated.unreserved() + figures.reserved);
    json.end_object();
    write_quantities(json, "resources", figures.allocated + figures.offered);
    write_quantities(json, "allocated", figures.allocated);
    write_quantities(json, "offered", figures.offered);
    write_quantities(json, "reserved", figures.reserved);
    json.key("frameworks");
    json.begin_array();
    for (const std::string& id : figures.frameworks) json.string(id);
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome teardown(const Context& context) {
  if (context.request.method != "POST") return method_not_allowed(context.request, "POST");
  const auto form = wire::parse_form(context.request.body);
  if (!form) return bad(form.error());
  const auto wanted = form->find("frameworkId");
  if (!wanted) return wire::text(400, "Missing 'frameworkId' query parameter in the request body");
  const FrameworkId id(*wanted);
  if (!context.state.frameworks.contains(id)) {
    return wire::text(400, "No framework found with specified ID");
  }
  return Accepted{wire::empty(200), FrameworkTornDown{id}};
}

Outcome kill(const Context& context) {
  if (context.request.method != "POST") return method_not_allowed(context.request, "POST");
  const auto form = wire::parse_form(context.request.body);
  if (!form) return bad(form.error());
  const std::string* framework = form->find("frameworkId");
  const std::string* task = form->find("taskId");
  if (!framework || !task)
    return wire::text(400, "Expecting 'frameworkId' and 'taskId' in the form");
  const auto found = context.state.frameworks.find(FrameworkId(*framework));
  if (found == context.state.frameworks.end()) return wire::text(404, "Framework cannot be found");
  if (!found->second.tasks.contains(TaskId(*task))) return wire::text(404, "Task cannot be found");
  FrameworkCalled called;
  called.call.set_type(mesos::v1::scheduler::Call::KILL);
  called.call.mutable_framework_id()->set_value(*framework);
  called.call.mutable_kill()->mutable_task_id()->set_value(*task);
  return Accepted{wire::empty(200), std::move(called)};
}

Outcome health(const Context&) {
  return wire::empty(200);
}

Outcome version(const Context& context) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.member("build_date", "");
  json.member("build_time", 0.0);
  json.member("build_user", "");
  json.member("version", context.state.options.version);
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome flags(const Context& context) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("flags");
  json.begin_object();
  for (const auto& [name, value] : context.state.options.flags) json.member(name, value);
  json.end_object();
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome redirect(const Context& context) {
  wire::Response response = wire::empty(307);
  response.headers.set(
      "Location", fmt::format("//{}:{}", context.state.info.hostname(), context.state.info.port()));
  return response;
}

Outcome system_stats(const Context& context) {
  const ProcessFigures& figures = context.figures;
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.member("avg_load_15min", figures.load_15min);
  json.member("avg_load_1min", figures.load_1min);
  json.member("avg_load_5min", figures.load_5min);
  json.member("cpus_total", static_cast<uint64_t>(figures.cpus_total));
  json.member("mem_free_bytes", figures.mem_free_bytes);
  json.member("mem_total_bytes", figures.mem_total_bytes);
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome files_browse(const Context& context) {
  if (auto refused = not_the_log(context)) return *refused;
  return json_answer(context.request, "[]");  // the log is a file, as the original has it
}

Outcome files_read(const Context& context) {
  if (auto refused = not_the_log(context)) return *refused;
  const auto offset = query_number(context.request, "offset", -1);
  if (!offset) return bad(offset.error());
  const auto length = query_number(context.request, "length", -1);
  if (!length) return bad(length.error());
  if (*offset < -1)
    return wire::text(400, "Negative offset provided: " + std::to_string(*offset) + ".\n");
  ReadLog read;
  if (*offset >= 0) read.offset = static_cast<uint64_t>(*offset);
  read.size_only = *offset < 0;
  if (*length >= 0) read.length = static_cast<uint64_t>(*length);
  return read;
}

Outcome files_download(const Context& context) {
  if (auto refused = not_the_log(context)) return *refused;
  ReadLog read;
  read.download = true;
  return read;
}

wire::Response render(const ReadLog& read, std::istream& log) {
  constexpr uint64_t window_bytes_max = 64 * 1024;  // 16 pages
  log.seekg(0, std::ios::end);
  const auto size = static_cast<uint64_t>(std::max<std::streamoff>(log.tellg(), 0));
  const uint64_t begin = std::min(read.offset, size);
  uint64_t length = read.download ? size : std::min(read.length.value_or(size), window_bytes_max);
  if (read.size_only) length = 0;
  std::string data(std::min(length, size - begin), '\0');
  log.seekg(static_cast<std::streamoff>(begin));
  log.read(data.data(), static_cast<std::streamsize>(data.size()));
  data.resize(static_cast<size_t>(log.gcount()));
  if (read.download) {
    wire::Response response = wire::empty(200);
    response.body = std::move(data);
    response.headers.set("Content-Type", "application/octet-stream");
    response.headers.set("Content-Disposition", "attachment; filename=log");
    return response;
  }
  if (read.call) {
    mesos::v1::master::Response answer;
    answer.set_type(mesos::v1::master::Response::READ_FILE);
    answer.mutable_read_file()->set_size(size);
    answer.mutable_read_file()->set_data(std::move(data));
    return wire::api_answer(*read.call, wire::encode(*read.call, answer));
  }
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.member("data", data);
  json.member("offset", read.size_only ? size : begin);
  json.end_object();
  return wire::json(std::move(body));
}

Outcome files_debug(const Context& context) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  if (!context.figures.log_file.empty()) json.member(log_path, context.figures.log_file);
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace mesolith::master::http
