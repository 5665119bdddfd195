// SPDX-License-Identifier: Apache-2.0
// /state, /state-summary, /slaves and /frameworks (mesos-api.md 3.3).
#include "master/http/documents.hpp"
#include "master/http/routes.hpp"
#include "model/task_state.hpp"

namespace mesolith::master::http {
namespace {

using wire::JsonWriter;

template <class Fn>
void array(JsonWriter& json, std::string_view key, Fn fill) {
  json.key(key);
  json.begin_array();
  fill();
  json.end_array();
}

void write_leader(JsonWriter& json, const State& state) {
  json.member("leader", state.info.pid());
  json.key("leader_info");
  json.begin_object();
  json.member("id", state.info.id());
  json.member("pid", state.info.pid());
  json.member("port", state.info.port());
  json.member("hostname", state.info.hostname());
  json.end_object();
}

void write_identity(JsonWriter& json, const State& state) {
  json.member("version", state.options.version);
  json.member("build_date", "");
  json.member("build_time", 0.0);
  json.member("build_user", "");
  json.member("start_time", to_seconds(state.started));
  json.member("elected_time", to_seconds(state.elected));
  json.member("id", state.info.id());
  json.member("pid", state.info.pid());
  json.member("hostname", state.info.hostname());
  array(json, "capabilities", [&] {
    for (const auto& capability : state.info.capabilities()) {
      json.string(mesos::v1::MasterInfo::Capability::Type_Name(capability.type()));
    }
  });
  size_t active = 0;
  for (const auto& [id, agent] : state.agents) active += agent.active ? 1 : 0;
  json.member("activated_slaves", static_cast<double>(active));
  json.member("deactivated_slaves", static_cast<double>(state.agents.size() - active));
  json.member("unreachable_slaves", static_cast<double>(state.unreachable_agents.size()));
}

void write_flags(JsonWriter& json, const State& state) {
  json.key("flags");
  json.begin_object();
  for (const auto& [name, value] : state.options.flags) json.member(name, value);
  json.end_object();
}

void write_recovered(JsonWriter& json, const State& state) {
  array(json, "recovered_slaves", [&] {
    for (const auto& [id, agent] : state.recovered_agents) write_recovered_agent(json, agent.info);
  });
}

using StateCounts = std::map<mesos::v1::TaskState, int64_t>;

constexpr mesos::v1::TaskState summarized[] = {
    mesos::v1::TASK_STAGING,    mesos::v1::TASK_STARTING, mesos::v1::TASK_RUNNING,
    mesos::v1::TASK_KILLING,    mesos::v1::TASK_FINISHED, mesos::v1::TASK_KILLED,
    mesos::v1::TASK_FAILED,     mesos::v1::TASK_LOST,     mesos::v1::TASK_ERROR,
    mesos::v1::TASK_UNREACHABLE};

void write_counts(JsonWriter& json, const StateCounts& counts) {
  for (const auto task_state : summarized) {
    const auto found = counts.find(task_state);
    json.key(model::name_of(task_state));
    json.number(found == counts.end() ? int64_t{0} : found->second);
  }
}

struct Summary {  // who runs how many tasks where
  std::map<std::string, StateCounts> by_agent, by_framework;
  std::map<std::string, std::set<std::string>> frameworks_of, agents_of;
};

Summary summarize(const State& state) {
  Summary summary;
  for (const auto& [id, framework] : state.frameworks) {
    const auto count = [&](const mesos::v1::Task& task) {
      const std::string& agent = task.agent_id().value();
      ++summary.by_agent[agent][task.state()];
      ++summary.by_framework[id.value][task.state()];
      summary.frameworks_of[agent].insert(id.value);
      summary.agents_of[id.value].insert(agent);
    };
    for (const auto& [task_id, task] : framework.tasks) count(task.proto);
    for (const auto& [task_id, task] : framework.unreachable_tasks) count(task.proto);
    for (const auto& task : framework.completed_tasks) count(task);
    for (const auto& [agent, executors] : framework.executors) {
      summary.frameworks_of[agent.value].insert(id.value);
      summary.agents_of[id.value].insert(agent.value);
    }
  }
  return summary;
}

void write_ids(JsonWriter& json, std::string_view key, const std::set<std::string>& ids) {
  array(json, key, [&] {
    for (const std::string& id : ids) json.string(id);
  });
}

}  // namespace

Outcome state_document(const Context& context) {
  const State& state = context.state;
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  write_identity(json, state);
  write_leader(json, state);
  if (!state.options.cluster.empty()) json.member("cluster", state.options.cluster);
  write_flags(json, state);
  array(json, "slaves", [&] {
    for (const auto& [id, agent] : state.agents) {
      write_agent(json, state, agent, Detail::summary);
      json.end_object();
    }
  });
  write_recovered(json, state);
  array(json, "frameworks", [&] {
    for (const auto& [id, framework] : state.frameworks) write_framework(json, state, framework);
  });
  array(json, "completed_frameworks", [&] {
    for (const auto& completed : state.completed_frameworks) {
      write_framework(json, state, completed.framework);
    }
  });
  array(json, "orphan_tasks", [] {});
  array(json, "unregistered_frameworks", [] {});
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome state_summary(const Context& context) {
  const State& state = context.state;
  Summary summary = summarize(state);
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.member("hostname", state.info.hostname());
  if (!state.options.cluster.empty()) json.member("cluster", state.options.cluster);
  array(json, "slaves", [&] {
    for (const auto& [id, agent] : state.agents) {
      write_agent(json, state, agent, Detail::summary);
      write_counts(json, summary.by_agent[id.value]);
      write_ids(json, "framework_ids", summary.frameworks_of[id.value]);
      json.end_object();
    }
  });
  array(json, "frameworks", [&] {
    for (const auto& [id, framework] : state.frameworks) {
      json.begin_object();
      write_framework_summary(json, state, framework);
      write_counts(json, summary.by_framework[id.value]);
      write_ids(json, "slave_ids", summary.agents_of[id.value]);
      json.end_object();
    }
  });
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome slaves(const Context& context) {
  const auto wanted = context.request.query.find("slave_id");
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  array(json, "slaves", [&] {
    for (const auto& [id, agent] : context.state.agents) {
      if (wanted && *wanted != id.value) continue;
      write_agent(json, context.state, agent, Detail::whole);
      json.end_object();
    }
  });
  array(json, "recovered_slaves", [&] {
    for (const auto& [id, agent] : context.state.recovered_agents) {
      if (!wanted || *wanted == id.value) write_recovered_agent(json, agent.info);
    }
  });
  json.end_object();
  return json_answer(context.request, std::move(body));
}

Outcome frameworks(const Context& context) {
  const auto wanted = context.request.query.find("framework_id");
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  array(json, "frameworks", [&] {
    for (const auto& [id, framework] : context.state.frameworks) {
      if (!wanted || *wanted == id.value) write_framework(json, context.state, framework);
    }
  });
  array(json, "completed_frameworks", [&] {
    for (const auto& completed : context.state.completed_frameworks) {
      if (wanted && *wanted != completed.framework.id.value) continue;
      write_framework(json, context.state, completed.framework);
    }
  });
  array(json, "unregistered_frameworks", [] {});
  json.end_object();
  return json_answer(context.request, std::move(body));
}

}  // namespace mesolith::master::http
