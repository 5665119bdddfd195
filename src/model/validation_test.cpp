// SPDX-License-Identifier: Apache-2.0
// The messages are those of transcripts of a real master, where it was recorded saying them.
#include "model/validation.hpp"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <limits>

namespace mesolith::model {
namespace {

using mesos::v1::ExecutorInfo;
using mesos::v1::TaskInfo;

const std::string plain_resources =
    "resources { name: 'cpus' type: SCALAR scalar { value: 0.1 } allocation_info { role: 'demo' } "
    "} "
    "resources { name: 'mem' type: SCALAR scalar { value: 32 } allocation_info { role: 'demo' } } ";
const std::string disk_resource =
    "resources { name: 'disk' type: SCALAR scalar { value: 32 } allocation_info { role: 'demo' } "
    "} ";

template <class Message>
Message parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

TaskInfo task_with(const std::string& more, const std::string& resources = plain_resources,
                   const std::string& command = "command { value: 'sleep 1000' } ") {
  return parse<TaskInfo>("name: 't' task_id { value: 't' } agent_id { value: 'S0' } " + resources +
                         command + more);
}

std::string said(const Result<void>& result) {
  return result ? "accepted" : result.error().message;
}
std::string verdict(const TaskInfo& task) {
  return said(validation::task(task));
}
std::string verdict(const std::string& more) {
  return verdict(task_with(more));
}

TEST(TaskValidation, AcceptsAnOrdinaryTask) {
  EXPECT_EQ(verdict(""), "accepted");
}

TEST(TaskValidation, RecordedMessages) {
  EXPECT_EQ(verdict(task_with("", "")), "Task uses no resources");
  EXPECT_EQ(verdict(task_with("", plain_resources, "")),
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present");
  EXPECT_EQ(verdict("executor { executor_id { value: 'e' } command { value: 'x' } }"),
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present");
  EXPECT_EQ(verdict(task_with("executor { executor_id { value: 'e' } }", plain_resources, "")),
            "'ExecutorInfo.command' must be set");
  EXPECT_EQ(verdict("kill_policy { grace_period { nanoseconds: -1 } }"),
            "Task's 'kill_policy.grace_period' must be non-negative");
  EXPECT_EQ(verdict("check { type: HTTP }"),
            "Task uses invalid check: Expecting 'http' to be set for HTTP check");
  EXPECT_EQ(verdict("health_check { type: COMMAND command { } }"),
            "Task uses invalid health check: Command health check must contain 'shell command'");
  EXPECT_EQ(verdict(task_with("", plain_resources,
                              "command { value: 'x' environment { variables { name: 'A' } } }")),
            "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a "
            "value set");
  EXPECT_EQ(verdict("resources { name: 'gpus' type: SCALAR scalar { value: 0.5 } }"),
            "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an "
            "unsigned "
            "integer");
  EXPECT_EQ(verdict("limits { key: 'cpus' value { value: 0.05 } }"),
            "The cpu limit must be greater than or equal to the cpu request");
}

TEST(TaskValidation, FirstFaultIsTheAnswer) {
  TaskInfo task =
      task_with("kill_policy { grace_period { nanoseconds: -1 } } check { type: HTTP }", "");
  EXPECT_EQ(verdict(task), "Task's 'kill_policy.grace_period' must be non-negative");
  task.mutable_task_id()->set_value("a/b");
  EXPECT_EQ(verdict(task), "'a/b' contains invalid characters");
}

TEST(TaskValidation, Checks) {
  const auto check = [](const char* text) {
    return said(validation::check(parse<mesos::v1::CheckInfo>(text)));
  };
  EXPECT_EQ(check("type: HTTP http { port: 80 path: '/x' }"), "accepted");
  EXPECT_EQ(check("type: TCP tcp { port: 80 }"), "accepted");
  EXPECT_EQ(check("type: COMMAND command { command { value: 'true' } }"), "accepted");
  for (const char* wrong :
       {"", "type: UNKNOWN", "type: TCP", "type: COMMAND", "type: HTTP http { port: 80 path: 'x' }",
        "type: COMMAND command { command { shell: false } }",
        "type: TCP tcp { port: 80 } delay_seconds: -1",
        "type: TCP tcp { port: 80 } interval_seconds: -1",
        "type: TCP tcp { port: 80 } timeout_seconds: nan"}) {
    EXPECT_NE(check(wrong), "accepted") << wrong;
  }
}

TEST(TaskValidation, HealthChecks) {
  const auto check = [](const char* text) {
    return said(validation::health_check(parse<mesos::v1::HealthCheck>(text)));
  };
  EXPECT_EQ(check("type: HTTP http { port: 80 scheme: 'https' path: '/' }"), "accepted");
  for (const char* wrong :
       {"", "type: UNKNOWN", "type: HTTP", "type: HTTP http { port: 80 scheme: 'ftp' }",
        "type: HTTP http { port: 80 path: 'x' }", "type: TCP", "type: COMMAND",
        "type: TCP tcp { port: 1 } grace_period_seconds: -1",
        "type: COMMAND command { value: 'x' environment { variables { name: 'A' } } }"}) {
    EXPECT_NE(check(wrong), "accepted") << wrong;
  }
}

TEST(TaskValidation, Environment) {
  const auto environment = [](const std::string& variable) {
    return said(validation::environment(
        parse<mesos::v1::Environment>("variables { name: 'A' " + variable + " }")));
  };
  const std::string secret = "secret { type: VALUE value { data: 'x' } }";
  EXPECT_EQ(environment("value: ''"), "accepted");
  EXPECT_EQ(environment("type: SECRET " + secret), "accepted");
  EXPECT_EQ(environment("type: SECRET secret { type: REFERENCE reference { name: 'n' } }"),
            "accepted");
  for (const std::string& wrong :
       {std::string(), "value: 'x' " + secret, std::string("type: SECRET"),
        "type: SECRET value: 'x' " + secret, std::string("type: UNKNOWN value: 'x'"),
        std::string("type: SECRET secret { type: VALUE }"),
        std::string("type: SECRET secret { type: VALUE value { data: 'a\\000b' } }"),
        std::string("type: SECRET secret { type: REFERENCE }"),
        std::string("type: SECRET secret { }")}) {
    EXPECT_NE(environment(wrong), "accepted") << wrong;
  }
}

TEST(TaskValidation, Containers) {
  const auto container = [](const std::string& text) {
    return verdict("container { " + text + " }");
  };
  EXPECT_EQ(container("type: MESOS volumes { mode: RW container_path: 'a' host_path: '/b' }"),
            "accepted");
  EXPECT_EQ(container("type: DOCKER docker { image: 'busybox' }"), "accepted");
  EXPECT_EQ(container("type: DOCKER"),
            "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed "
            "ContainerInfo");
  EXPECT_EQ(container("type: DOCKER docker { image: 'x' parameters { key: 'name' value: 'y' } }"),
            "Task's `ContainerInfo` is invalid: Parameter in DockerInfo must not be 'name'");
  EXPECT_NE(container("type: MESOS volumes { mode: RW container_path: 'a' }"), "accepted");
  EXPECT_NE(
      container(
          "type: MESOS volumes { mode: RW container_path: 'a' source { type: SANDBOX_PATH } }"),
      "accepted");
  EXPECT_NE(container("type: MESOS linux_info { share_cgroups: false }"), "accepted");
}

TEST(TaskValidation, Limits) {
  EXPECT_EQ(verdict("limits { key: 'cpus' value { value: 0.1 } }"), "accepted");
  EXPECT_EQ(verdict("limits { key: 'mem' value { value: inf } }"), "accepted");
  EXPECT_EQ(verdict("limits { key: 'mem' value { value: 1 } }"),
            "The memory limit must be greater than or equal to the memory request");
  EXPECT_NE(verdict("limits { key: 'disk' value { value: 1 } }"), "accepted");
  EXPECT_NE(verdict("limits { key: 'cpus' value { value: nan } }"), "accepted");
  EXPECT_NE(verdict(task_with("limits { key: 'cpus' value { value: 1 } }", disk_resource)),
            "accepted");
}

TEST(TaskValidation, Resources) {
  EXPECT_NE(
      verdict(
          "resources { name: 'x' type: SCALAR scalar { value: 1 } allocation_info { role: 'o' } }"),
      "accepted");
  EXPECT_NE(verdict("resources { name: 'cpus' type: SCALAR scalar { value: 1 } revocable { } "
                    "allocation_info { role: 'demo' } }"),
            "accepted");
  const std::string volume =
      "resources { name: 'disk' type: SCALAR scalar { value: 1 } allocation_info { role: 'demo' } "
      "disk { "
      "persistence { id: 'v' } volume { mode: RW container_path: 'd' } } ";
  const std::string reserved = "reservations { type: DYNAMIC role: 'demo' } ";
  EXPECT_EQ(verdict(volume + reserved + "}"), "accepted");
  EXPECT_NE(verdict(volume + "}"), "accepted");
  EXPECT_NE(verdict(volume + reserved + "}" + volume + reserved + "}"), "accepted");
}

TEST(TaskValidation, ExecutorOfALaunch) {
  const auto with = [](const std::string& executor) {
    return verdict(task_with(
        "executor { executor_id { value: 'e' } framework_id { value: 'f' } " + executor + " }",
        plain_resources, ""));
  };
  EXPECT_EQ(with("command { value: 'x' }"), "accepted");
  EXPECT_EQ(with("type: CUSTOM command { value: 'x' }"), "accepted");
  EXPECT_EQ(with("type: DEFAULT command { value: 'x' }"),
            "'ExecutorInfo.command' must not be set for 'DEFAULT' executor");
  EXPECT_NE(with("type: DEFAULT"), "accepted");
  EXPECT_NE(with("command { value: 'x' } shutdown_grace_period { nanoseconds: -1 }"), "accepted");
  EXPECT_NE(with("command { value: 'x' environment { variables { name: 'A' } } }"), "accepted");
  EXPECT_NE(
      with("command { value: 'x' } container { type: MESOS linux_info { share_cgroups: true } }"),
      "accepted");
  EXPECT_NE(with("command { value: 'x' } resources { name: 'cpus' type: SCALAR scalar { value: 1 } "
                 "revocable { } "
                 "allocation_info { role: 'demo' } }"),
            "accepted");
  EXPECT_NE(with("command { value: 'x' } resources { name: 'cpus' type: SCALAR scalar { value: 1 } "
                 "allocation_info { role: 'other' } }"),
            "accepted");
}

TEST(TaskValidation, PortsOfTaskAndExecutorMustNotOverlap) {
  const std::string range =
      "resources { name: 'ports' type: RANGES ranges { range { begin: 1 end: 5 } } allocation_info "
      "{ role: 'demo' } } ";
  EXPECT_NE(
      verdict(task_with(
          "executor { executor_id { value: 'e' } framework_id { value: 'f' } command { value: "
          "'x' } " +
              range + "}",
          plain_resources + range, "")),
      "accepted");
}

ExecutorInfo group_executor(const std::string& more = "type: DEFAULT") {
  return parse<ExecutorInfo>("executor_id { value: 'g' } framework_id { value: 'f' } " +
                             plain_resources + disk_resource + more);
}

TEST(GroupValidation, Executor) {
  EXPECT_EQ(said(validation::group_executor(group_executor())), "accepted");
  EXPECT_EQ(said(validation::group_executor(group_executor(""))),
            "'ExecutorInfo.type' must be set");
  EXPECT_EQ(said(validation::group_executor(parse<ExecutorInfo>(
                "executor_id { value: 'g' } framework_id { value: 'f' } type: DEFAULT " +
                plain_resources))),
            "Executor 'g' uses no disk");
  EXPECT_EQ(said(validation::group_executor(
                parse<ExecutorInfo>("executor_id { value: 'g' } type: DEFAULT"))),
            "'ExecutorInfo.framework_id' must be set");
  EXPECT_NE(
      said(validation::group_executor(group_executor("type: DEFAULT command { value: 'x' }"))),
      "accepted");
  EXPECT_NE(
      said(validation::group_executor(group_executor("type: DEFAULT container { type: DOCKER }"))),
      "accepted");
}

TEST(GroupValidation, Tasks) {
  const auto group = [](std::vector<TaskInfo> tasks) {
    mesos::v1::TaskGroupInfo info;
    for (auto& task : tasks) *info.add_tasks() = task;
    return said(validation::task_group(info, group_executor()));
  };
  EXPECT_EQ(group({task_with(""), task_with("")}), "accepted");
  EXPECT_NE(group({}), "accepted");
  TaskInfo with_executor = task_with("");
  *with_executor.mutable_executor() = group_executor();
  EXPECT_EQ(group({with_executor}), "accepted");
  with_executor.mutable_executor()->set_name("other");
  EXPECT_NE(group({with_executor}), "accepted");
  EXPECT_NE(group({task_with("container { type: DOCKER docker { image: 'x' } }")}), "accepted");
  const std::string own_network = "container { type: MESOS network_infos { } } ";
  EXPECT_EQ(group({task_with(own_network)}), "accepted");
  EXPECT_NE(group({task_with(own_network + "health_check { type: TCP tcp { port: 1 } }")}),
            "accepted");
  EXPECT_NE(group({task_with(own_network + "health_check { type: HTTP http { port: 1 } }")}),
            "accepted");
  const std::string unshared = "container { type: MESOS linux_info { share_cgroups: false } } ";
  EXPECT_EQ(group({task_with(unshared + "limits { key: 'cpus' value { value: 1 } }")}), "accepted");
  EXPECT_NE(group({task_with("limits { key: 'cpus' value { value: 1 } }")}), "accepted");
  EXPECT_NE(group({task_with(unshared), task_with("")}), "accepted");
}

}  // namespace
}  // namespace mesolith::model
