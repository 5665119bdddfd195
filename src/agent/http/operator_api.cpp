// SPDX-License-Identifier: Apache-2.0
// POST /api/v1: the agent's operator API (mesos-api.md 3.1, 4), both media types. The lists of
// GET_STATE, GET_TASKS, GET_EXECUTORS and GET_FRAMEWORKS are shown in JSON even when empty.
#include "agent/http/routes.hpp"
#include "google/protobuf/descriptor.h"
#include "model/task_state.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::agent::http {
namespace {

using mesos::v1::agent::Call;
using AgentResponse = mesos::v1::agent::Response;

void fill(AgentResponse::GetTasks* out, const State& state, const Framework& framework,
          const Executor& executor) {
  for (const auto& [id, task] : executor.tasks) {
    mesos::v1::Task* proto = nullptr;
    if (model::is_terminal(task.state)) {
      proto = out->add_terminated_tasks();
    } else if (task.delivered) {
      proto = out->add_launched_tasks();
    } else {
      proto = out->add_queued_tasks();
    }
    *proto = to_proto(framework, executor, task, state.id);
  }
  for (const auto& task : executor.completed_tasks) *out->add_completed_tasks() = task;
}

template <class Each>
void for_each_framework(const State& state, Each&& each) {
  for (const auto& [id, framework] : state.frameworks) each(framework);
  for (const Framework& framework : state.completed_frameworks) each(framework);
}

void fill(AgentResponse::GetTasks* out, const State& state) {
  for_each_framework(state, [&](const Framework& framework) {
    for (const auto& [id, executor] : framework.executors) fill(out, state, framework, executor);
    for (const Executor& executor : framework.completed_executors) {
      fill(out, state, framework, executor);
    }
  });
}

void fill(AgentResponse::GetExecutors* out, const State& state) {
  for_each_framework(state, [&](const Framework& framework) {
    for (const auto& [id, executor] : framework.executors) {
      *out->add_executors()->mutable_executor_info() = executor_info(executor);
    }
    for (const Executor& executor : framework.completed_executors) {
      *out->add_completed_executors()->mutable_executor_info() = executor_info(executor);
    }
  });
}

void fill(AgentResponse::GetFrameworks* out, const State& state) {
  for (const auto& [id, framework] : state.frameworks) {
    *out->add_frameworks()->mutable_framework_info() = framework.info;
  }
  for (const Framework& framework : state.completed_frameworks) {
    *out->add_completed_frameworks()->mutable_framework_info() = framework.info;
  }
}

void fill(AgentResponse::GetMetrics* out, const Context& context) {
  for (const auto& [name, value] : collect_metrics(context)) {
    auto* metric = out->add_metrics();
    metric->set_name(name);
    metric->set_value(value);
  }
}

void fill(AgentResponse::GetFlags* out, const State& state) {
  for (const auto& [name, value] : state.options.flags) {
    auto* flag = out->add_flags();
    flag->set_name(name);
    flag->set_value(value);
  }
}

// A message of lists, each shown even when it is empty.
void write_lists(wire::JsonWriter& json, const google::protobuf::Message& message) {
  const auto* descriptor = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  json.begin_object();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    json.key(field->name());
    if (!field->is_repeated()) {
      write_lists(json, reflection->GetMessage(message, field));
      continue;
    }
    json.begin_array();
    for (int k = 0; k < reflection->FieldSize(message, field); ++k) {
      json.message(reflection->GetRepeatedMessage(message, field, k));
    }
    json.end_array();
  }
  json.end_object();
}

std::string encode(wire::Media media, const AgentResponse& answer) {
  if (media == wire::Media::protobuf) return wire::encode(media, answer);
  const google::protobuf::Message* lists = nullptr;
  const char* name = nullptr;
  if (answer.has_get_state()) lists = &answer.get_state(), name = "get_state";
  if (answer.has_get_tasks()) lists = &answer.get_tasks(), name = "get_tasks";
  if (answer.has_get_executors()) lists = &answer.get_executors(), name = "get_executors";
  if (answer.has_get_frameworks()) lists = &answer.get_frameworks(), name = "get_frameworks";
  if (!lists) return wire::encode(media, answer);
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  json.member("type", AgentResponse::Type_Name(answer.type()));
  json.key(name);
  write_lists(json, *lists);
  json.end_object();
  return body;
}

mesos::v1::VersionInfo version_of(const State& state) {
  mesos::v1::VersionInfo info;
  info.set_version(state.options.version);
  info.set_build_date("");
  info.set_build_time(0);
  info.set_build_user("");
  return info;
}

std::optional<AgentResponse> read(const Context& context, const Call& call) {
  const State& state = context.state;
  AgentResponse answer;
  AgentResponse::Type type = AgentResponse::UNKNOWN;
  // The two enumerations name alike what they number differently.
  if (!AgentResponse::Type_Parse(Call::Type_Name(call.type()), &type)) return std::nullopt;
  answer.set_type(type);
  switch (call.type()) {
    case Call::GET_HEALTH:
      answer.mutable_get_health()->set_healthy(true);
      break;
    case Call::GET_FLAGS:
      fill(answer.mutable_get_flags(), state);
      break;
    case Call::GET_VERSION:
      *answer.mutable_get_version()->mutable_version_info() = version_of(state);
      break;
    case Call::GET_METRICS:
      fill(answer.mutable_get_metrics(), context);
      break;
    case Call::GET_LOGGING_LEVEL:
      answer.mutable_get_logging_level()->set_level(0);
      break;
    case Call::GET_STATE:
      fill(answer.mutable_get_state()->mutable_get_tasks(), state);
      fill(answer.mutable_get_state()->mutable_get_executors(), state);
      fill(answer.mutable_get_state()->mutable_get_frameworks(), state);
      break;
    case Call::GET_TASKS:
      fill(answer.mutable_get_tasks(), state);
      break;
    case Call::GET_EXECUTORS:
      fill(answer.mutable_get_executors(), state);
      break;
    case Call::GET_FRAMEWORKS:
      fill(answer.mutable_get_frameworks(), state);
      break;
    case Call::GET_AGENT:
      *answer.mutable_get_agent()->mutable_agent_info() = state.info;
      if (state.drain) {
        *answer.mutable_get_agent()->mutable_drain_config() = *state.drain;
        answer.mutable_get_agent()->mutable_estimated_drain_start_time()->set_nanoseconds(
            state.drain_started.time_since_epoch().count());
      }
      break;
    case Call::GET_OPERATIONS:
      answer.mutable_get_operations();
      for (const auto& [uuid, operation] : state.operations) {
        *answer.mutable_get_operations()->add_operations() = operation.info;
      }
      break;
    case Call::GET_RESOURCE_PROVIDERS:
      answer.mutable_get_resource_providers();
      break;
    default:
      return std::nullopt;
  }
  return answer;
}

Outcome look_at_file(const Context& context, const Call& call, wire::Media media) {
  FileRequest request;
  request.answer = media;
  if (call.type() == Call::LIST_FILES) {
    request.kind = FileRequest::Kind::browse;
    request.virtual_path = call.list_files().path();
  } else {
    request.virtual_path = call.read_file().path();
    request.offset = call.read_file().offset();
    if (call.read_file().has_length()) request.length = call.read_file().length();
  }
  auto found = find_file(context.state, request.virtual_path);
  if (auto* refused = std::get_if<wire::Response>(&found)) return *refused;
  request.path = std::get<FileFound>(found).path;
  request.root = std::get<FileFound>(found).root;
  return request;
}

std::optional<std::string> invalid(const Call& call) {
  if (!call.has_type()) return "Expecting 'type' to be present";
  if (call.type() == Call::LIST_FILES && !call.has_list_files()) {
    return "Expecting 'list_files' to be present";
  }
  if (call.type() == Call::READ_FILE && !call.has_read_file()) {
    return "Expecting 'read_file' to be present";
  }
  return std::nullopt;
}

}  // namespace

Outcome operator_api(const Context& context) {
  const wire::Request& request = context.request;
  if (!context.state.recovered) return wire::text(503, "Agent has not finished recovery");
  if (request.method != "POST") return method_not_allowed(request, "POST");
  Call call;
  if (auto refused = decode_body(request, call)) return *refused;
  if (auto problem = invalid(call)) {
    return wire::text(400, "Failed to validate agent::Call: " + *problem);
  }
  const std::optional<wire::Media> media = accepted_media(request);
  if (!media) return not_acceptable();
  if (call.type() == Call::LIST_FILES || call.type() == Call::READ_FILE) {
    return look_at_file(context, call, *media);
  }
  if (call.type() == Call::GET_CONTAINERS) {
    StatisticsRequest measure;
    measure.containers = running_containers(context.state);
    measure.with_status = true;
    measure.answer = *media;
    return measure;
  }
  const std::optional<AgentResponse> answer = read(context, call);
  if (!answer) {
    return wire::text(
        501, "The call " + Call::Type_Name(call.type()) + " is not served by this version");
  }
  return api_answer(*media, encode(*media, *answer));
}

}  // namespace mesolith::agent::http
