// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>
#include <set>

#include "agent/core/fixture_test.hpp"
#include "agent/http/handle.hpp"
#include "wire/json.hpp"
#include "wire/json_reader.hpp"

namespace mesolith::agent::http {
namespace {

using Keys = std::set<std::string>;

// Every key of a JSON text by its path: "frameworks[].executors[].id".
void collect(wire::JsonCursor& cursor, const std::string& path, Keys& keys) {
  if (cursor.kind() == wire::JsonKind::object) {
    cursor.begin();
    std::string name;
    while (cursor.next_key(name)) {
      const std::string here = path.empty() ? name : path + "." + name;
      keys.insert(here);
      collect(cursor, here, keys);
    }
  } else if (cursor.kind() == wire::JsonKind::array) {
    cursor.begin();
    while (cursor.next_element()) collect(cursor, path + "[]", keys);
  } else {
    cursor.skip();
  }
}

Keys keys_of(const std::string& json) {
  EXPECT_TRUE(wire::check_json_syntax(json, 100)) << json;
  wire::JsonCursor cursor(json);
  Keys keys;
  collect(cursor, "", keys);
  return keys;
}

// The body of the answer in a recorded exchange.
std::string recorded_body(const std::string& name) {
  std::ifstream file(std::string(MESOLITH_SOURCE_DIR) + "/tests/golden/agent/" + name);
  const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t answer = all.find("#<");
  EXPECT_NE(answer, std::string::npos) << name;
  const size_t body = all.find("\n\n", answer);
  return all.substr(body + 2);
}

Keys without(Keys keys, const std::vector<std::string>& prefixes) {
  std::erase_if(keys, [&](const std::string& key) {
    return std::ranges::any_of(prefixes, [&](const auto& each) { return key.starts_with(each); });
  });
  return keys;
}

// Ours has all that was recorded, and nothing that was not.
void expect_same_keys(const std::string& ours, const std::string& recorded,
                      const std::vector<std::string>& ignored) {
  const Keys mine = without(keys_of(ours), ignored);
  const Keys theirs = without(keys_of(recorded), ignored);
  for (const std::string& key : theirs) EXPECT_TRUE(mine.contains(key)) << "lacks " << key;
  for (const std::string& key : mine) EXPECT_TRUE(theirs.contains(key)) << "adds " << key;
}

class Http : public testing::Test {
 protected:
  Http() : core(options()) {
    core.start();
    auto task = Core::task("demo-running", "echo demo; sleep 1000");
    auto* label = task.mutable_labels()->add_labels();
    label->set_key("k");
    label->set_value("v");
    *task.mutable_discovery()->mutable_labels() = task.labels();
    task.mutable_discovery()->set_visibility(mesos::v1::DiscoveryInfo::CLUSTER);
    task.mutable_discovery()->set_name("d");
    task.mutable_discovery()->set_environment("e");
    task.mutable_discovery()->set_location("l");
    task.mutable_discovery()->set_version("v");
    auto* port = task.mutable_discovery()->mutable_ports()->add_ports();
    port->set_number(31000);
    port->set_name("p");
    port->set_protocol("tcp");
    task.mutable_health_check()->set_type(mesos::v1::HealthCheck::COMMAND);
    task.mutable_health_check()->mutable_command()->set_value("true");
    task.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(1'000'000'000);
    running = core.run(framework(), task);
    const ContainerId done = core.run(framework(), Core::task("demo-finished"));
    core.step(ContainerExited{done, 0});
    core.acknowledge(core.last_update());
    auto custom = Core::custom_task("demo-custom");
    *custom.mutable_executor()->mutable_labels() = task.labels();
    custom.mutable_executor()->set_source("s");
    core.launch(framework(), custom, true);
    custom_container = core.one<LaunchContainer>()->container_id;
    core.step(ContainerLaunched{custom_container, 200});
    mesos::v1::executor::Call call;
    call.set_type(mesos::v1::executor::Call::SUBSCRIBE);
    call.mutable_executor_id()->set_value("E");
    call.mutable_framework_id()->set_value("F");
    core.step(ExecutorSubscribing{1, call});
  }
  static Options options() {
    Options options = Core::default_options();
    auto* attribute = options.info.add_attributes();
    attribute->set_name("rack");
    attribute->set_type(mesos::v1::Value::TEXT);
    attribute->mutable_text()->set_value("r1");
    options.flags = {{"port", "5051"}};
    options.log_dir = "/log";
    options.log_file = "/log/agent.log";
    return options;
  }
  mesos::v1::FrameworkInfo framework() const {
    mesos::v1::FrameworkInfo info = core.framework();
    info.set_principal("p");
    info.set_hostname("h");
    info.add_roles("demo");
    info.add_capabilities()->set_type(mesos::v1::FrameworkInfo::Capability::MULTI_ROLE);
    return info;
  }

  Outcome get(const std::string& target) {
    const auto request = wire::make_request("GET", target);
    EXPECT_TRUE(request);
    return handle(core.state, core.now, *request, figures);
  }
  Outcome post(const std::string& target, const std::string& body) {
    auto request = *wire::make_request("POST", target);
    request.headers.set("Content-Type", "application/json");
    request.body = body;
    return handle(core.state, core.now, request, figures);
  }
  static wire::Response response(const Outcome& outcome) {
    const auto* response = std::get_if<wire::Response>(&outcome);
    EXPECT_NE(response, nullptr);
    return response ? *response : wire::Response();
  }
  static FileRequest file(const Outcome& outcome) {
    const auto* request = std::get_if<FileRequest>(&outcome);
    EXPECT_NE(request, nullptr);
    return request ? *request : FileRequest();
  }
  std::string sandbox() const {
    return "/var/agent/slaves/M-S0/frameworks/F/executors/demo-running/runs/" + running.value;
  }

  Core core;
  ContainerId running, custom_container;
  ProcessFigures figures;
};

TEST_F(Http, StateHasTheRecordedShape) {
  const std::vector<std::string> ignored = {"git_",
                                            "flags.",
                                            "attributes.",
                                            "resources.",
                                            "unreserved_resources",
                                            "reserved_resources",
                                            "completed_frameworks[]",
                                            "frameworks[].executors[].resources.",
                                            "frameworks[].executors[].tasks[].resources.",
                                            "frameworks[].executors[].completed_tasks",
                                            "frameworks[].executors[].tasks[].health_check",
                                            "frameworks[].executors[].tasks[].statuses",
                                            "frameworks[].completed_executors[]"};
  for (const char* path : {"/state", "/slave(1)/state", "/state/", "/state.json"}) {
    expect_same_keys(response(get(path)).body, recorded_body("state.http"), ignored);
  }
  const Keys keys = keys_of(response(get("/state")).body);
  for (const char* key :
       {"flags.port", "attributes.rack", "unreserved_resources_full[].role",
        "unreserved_resources_allocated.cpus", "completed_frameworks",
        "frameworks[].executors[].tasks[].statuses[].container_status.container_id.value",
        "frameworks[].completed_executors[].completed_tasks[].statuses[].state"}) {
    EXPECT_TRUE(keys.contains(key)) << key;
  }
}

TEST_F(Http, UnacknowledgedEndIsACompletedTask) {
  core.step(ContainerExited{running, 0});
  const std::string body = response(get("/state")).body;
  const size_t completed = body.find("\"completed_tasks\":[{\"id\":\"demo-running\"");
  ASSERT_NE(completed, std::string::npos);
  EXPECT_NE(body.find("\"state\":\"TASK_FINISHED\"", completed), std::string::npos);
}

TEST_F(Http, ContainersAndStatistics) {
  Statistics measured;
  for (const ContainerId& id : {running, custom_container}) {
    auto& statistics = measured[id];
    statistics.set_timestamp(1);
    statistics.set_cpus_soft_limit(1);
    statistics.set_cpus_system_time_secs(1);
    statistics.set_cpus_user_time_secs(1);
    statistics.set_mem_limit_bytes(1);
    statistics.set_mem_rss_bytes(1);
    statistics.set_mem_soft_limit_bytes(1);
  }
  for (const auto& [target, recorded] :
       {std::pair("/containers", "containers.http"), {"/monitor/statistics", "statistics.http"}}) {
    const Outcome outcome = get(target);
    ASSERT_TRUE(std::holds_alternative<StatisticsRequest>(outcome));
    const auto& request = std::get<StatisticsRequest>(outcome);
    EXPECT_EQ(request.containers.size(), 2u);
    expect_same_keys(render(core.state, request, measured).body, recorded_body(recorded),
                     {"[].statistics.disk"});
  }
  const Outcome one = get("/containers?framework_id=F&executor_id=E");
  EXPECT_EQ(std::get<StatisticsRequest>(one).containers,
            std::vector<ContainerId>{custom_container});
  EXPECT_EQ(response(get("/containers?executor_id=x")).status, 400);
  const Outcome api = post("/api/v1", R"({"type":"GET_CONTAINERS","get_containers":{}})");
  expect_same_keys(render(core.state, std::get<StatisticsRequest>(api), measured).body,
                   recorded_body("operator-get_containers.http"),
                   {"get_containers.containers[].resource_statistics.disk",
                    "get_containers.containers[].container_status.container_id.parent"});
}

TEST_F(Http, SmallEndpoints) {
  EXPECT_EQ(response(get("/health")).status, 200);
  EXPECT_EQ(keys_of(response(get("/system/stats.json")).body),
            keys_of(recorded_body("system-stats.http")));
  expect_same_keys(response(get("/version")).body, recorded_body("version.http"), {"git_"});
  expect_same_keys(response(get("/metrics/snapshot")).body, recorded_body("metrics.http"),
                   {"containerizer/", "gc/", "resource_provider_manager/",
                    "slave/executor_directory_max_allowed_age_secs", "slave/recovery_time_secs"});
  EXPECT_EQ(response(get("/flags")).body, R"({"flags":{"port":"5051"}})");
  EXPECT_EQ(response(get("/flags?jsonp=f")).body, R"(f({"flags":{"port":"5051"}}))");
  EXPECT_EQ(response(get("/nothing")).status, 404);
  EXPECT_NE(response(get("/openapi.json")).body.find("/files/read"), std::string::npos);
}

TEST_F(Http, FilesAreMapped) {
  const std::string latest = "/frameworks/F/executors/demo-running/runs/latest";
  for (const std::string& path : {latest, "/var/agent/slaves/M-S0" + latest, sandbox()}) {
    const FileRequest request = file(get("/files/read?path=" + path + "/f&offset=3&length=4"));
    EXPECT_EQ(request.path, sandbox() + "/f");
    EXPECT_EQ(request.root, sandbox());
    EXPECT_EQ(request.offset, 3u);
    EXPECT_EQ(request.length, 4u);
    EXPECT_FALSE(request.size_only);
  }
  EXPECT_TRUE(file(get("/files/read?path=" + latest + "/f&offset=-1")).size_only);
  EXPECT_TRUE(file(get("/files/read?path=" + latest + "/f")).size_only);
  EXPECT_EQ(file(get("/files/browse?path=" + latest + "/d/../e/.")).path, sandbox() + "/e");
  EXPECT_EQ(file(get("/files/read?path=/slave/log&offset=0")).path, "/log/agent.log");
  EXPECT_FALSE(
      file(get("/files/read?path=/frameworks/F/executors/demo-finished/runs/latest/stdout"))
          .path.empty());
  const auto refusal = [&](const std::string& target) { return response(get(target)); };
  EXPECT_EQ(refusal("/files/read").body, "Expecting 'path=value' in query.\n");
  EXPECT_EQ(refusal("/files/browse?path=/etc").status, 404);
  EXPECT_EQ(refusal("/files/browse?path=/var/agent/slaves/M-S0").status, 404);
  EXPECT_EQ(refusal("/files/download?path=/nope").body, "404 Not Found.");
  EXPECT_EQ(refusal("/files/read?path=" + latest + "&offset=x").body,
            "Failed to parse offset: Failed to convert 'x' to number.\n");
  const wire::Response escape = refusal("/files/browse?path=" + latest + "/../../x");
  EXPECT_EQ(escape.status, 400);
  EXPECT_EQ(escape.body, "'" + sandbox() + "/../../x' is inaccessible.\n");
  EXPECT_NE(refusal("/files/debug").body.find("\"" + latest + "\":\"" + sandbox() + "\""),
            std::string::npos);
}

TEST_F(Http, FilesAreRendered) {
  FileRequest request = file(get("/files/read?path=" + sandbox() + "/f&offset=3&length=4"));
  EXPECT_EQ(render(request, Content{"3456", 10}).body, R"({"data":"3456","offset":3})");
  request.size_only = true;
  EXPECT_EQ(render(request, Content{"", 10}).body, R"({"data":"","offset":10})");
  EXPECT_EQ(render(request, FileFault::is_directory).body, "Cannot read a directory.\n");
  EXPECT_EQ(render(request, FileFault::is_directory).status, 400);
  EXPECT_EQ(render(request, FileFault::not_found).status, 404);
  const Listing listing{{{"f", 3, 1, 0100640, 1795353407, "root", "daemon"},
                         {"d", 4096, 2, 0040750, 1795353407, "root", "root"}}};
  const FileRequest browse = file(get("/files/browse?path=" + sandbox() + "/"));
  EXPECT_EQ(render(browse, listing).body,
            R"([{"gid":"root","mode":"drwxr-x---","mtime":1795353407.0,"nlink":2,"path":")" +
                sandbox() +
                R"(/d","size":4096,"uid":"root"},{"gid":"daemon","mode":"-rw-r-----",)"
                R"("mtime":1795353407.0,"nlink":1,"path":")" +
                sandbox() + R"(/f","size":3,"uid":"root"}])");
  expect_same_keys(render(browse, listing).body, recorded_body("files-browse.http"), {});
  const wire::Response download =
      render(file(get("/files/download?path=" + sandbox() + "/f.bin")), Content{"a\0b", 3});
  EXPECT_EQ(*download.headers.find("Content-Disposition"), "attachment; filename=f.bin");
  const FileRequest list =
      file(post("/api/v1", R"({"type":"LIST_FILES","list_files":{"path":")" + sandbox() + "\"}}"));
  expect_same_keys(render(list, listing).body, recorded_body("operator-list_files.http"), {});
  const FileRequest read = file(post(
      "/api/v1", R"({"type":"READ_FILE","read_file":{"offset":1,"path":")" + sandbox() + "/f\"}}"));
  EXPECT_EQ(render(read, Content{"demo\n", 5}).body,
            R"({"type":"READ_FILE","read_file":{"size":5,"data":"ZGVtbwo="}})");
}

TEST_F(Http, OperatorApiHasTheRecordedShapes) {
  const std::string tasks = "get_tasks.launched_tasks[].";
  const auto top = [](const std::string& body) {
    Keys keys = keys_of(body);
    std::erase_if(keys, [](const std::string& key) { return key.contains("[]"); });
    return keys;
  };
  for (const std::string call : {"GET_HEALTH", "GET_TASKS", "GET_EXECUTORS", "GET_FRAMEWORKS",
                                 "GET_STATE", "GET_FLAGS", "GET_METRICS"}) {
    std::string name;
    for (const char c : call) name += static_cast<char>(std::tolower(c));
    const wire::Response answer = response(post("/api/v1", R"({"type":")" + call + "\"}"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(top(answer.body), top(recorded_body("operator-" + name + ".http"))) << call;
  }
  const std::string body = response(post("/api/v1", R"({"type":"GET_TASKS"})")).body;
  EXPECT_NE(body.find("\"pending_tasks\":[]"), std::string::npos);
  const Keys mine = keys_of(body), theirs = keys_of(recorded_body("operator-get_tasks.http"));
  for (const char* key :
       {"task_id.value", "state", "statuses[].uuid", "status_update_uuid",
        "resources[].allocation_info.role", "kill_policy.grace_period.nanoseconds",
        "statuses[].container_status.executor_pid"}) {
    EXPECT_TRUE(theirs.contains(tasks + key)) << key;
    EXPECT_TRUE(mine.contains(tasks + key)) << key;
  }
  EXPECT_NE(response(post("/api/v1", R"({"type":"GET_AGENT"})")).body.find("M-S0"),
            std::string::npos);
  EXPECT_EQ(response(post("/api/v1", R"({"type":"PRUNE_IMAGES"})")).status, 501);
  EXPECT_EQ(response(post("/api/v1", R"({"type":"DANCE"})")).status, 400);
  EXPECT_EQ(response(get("/api/v1")).status, 405);
  auto request = *wire::make_request("POST", "/api/v1");
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Accept", "application/x-protobuf");
  request.body = R"({"type":"GET_TASKS"})";
  mesos::v1::agent::Response decoded;
  const Outcome outcome = handle(core.state, core.now, request, figures);
  ASSERT_TRUE(decoded.ParseFromString(response(outcome).body));
  EXPECT_EQ(decoded.get_tasks().launched_tasks_size(), 2);
  EXPECT_EQ(decoded.get_tasks().completed_tasks_size(), 1);
}

TEST_F(Http, ExecutorCalls) {
  const std::string ids = R"("executor_id":{"value":"E"},"framework_id":{"value":"F"})";
  const auto call = [&](const std::string& body) { return post("/api/v1/executor", body); };
  const auto refusal = [&](const std::string& body) { return response(call(body)); };
  EXPECT_EQ(response(get("/api/v1/executor")).body,
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.");
  EXPECT_EQ(refusal("{\"type\":\"DANCE\"," + ids + "}").body,
            "Failed to validate Executor::Call: Expecting 'type' to be present");
  EXPECT_EQ(refusal("{\"type\":\"HEARTBEAT\",\"executor_id\":{\"value\":\"x\"},"
                    "\"framework_id\":{\"value\":\"nobody\"}}")
                .status,
            202);
  EXPECT_EQ(refusal(R"({"type":"MESSAGE","executor_id":{"value":"x"},)"
                    R"("framework_id":{"value":"nobody"},"message":{"data":"AAAA"}})")
                .body,
            "Framework cannot be found");
  EXPECT_EQ(refusal(R"({"type":"MESSAGE","executor_id":{"value":"x"},)"
                    R"("framework_id":{"value":"F"},"message":{"data":"AAAA"}})")
                .body,
            "Executor cannot be found");
  const std::string update = R"({"type":"UPDATE",)" + ids + R"(,"update":{"status":{)" +
                             R"("task_id":{"value":"demo-custom"},"state":"TASK_RUNNING")";
  EXPECT_EQ(refusal(update + R"(,"source":"SOURCE_EXECUTOR"}}})").body,
            "Failed to validate Executor::Call: Expecting 'uuid' to be present");
  const std::string uuid = R"(,"uuid":"G7vOLD+LRbySTR0EyPsSGw==")";
  EXPECT_EQ(refusal(update + uuid + R"(,"source":"SOURCE_AGENT"}}})").body,
            "Failed to validate Executor::Call: Received Call from executor E of framework F with "
            "invalid source, expecting 'SOURCE_EXECUTOR'");
  const Outcome good = call(update + uuid + R"(,"source":"SOURCE_EXECUTOR"}}})");
  ASSERT_TRUE(std::holds_alternative<Accepted>(good));
  EXPECT_EQ(std::get<Accepted>(good).response.status, 202);
  core.step(std::get<Accepted>(good).event);
  EXPECT_EQ(core.last_update().state(), mesos::v1::TASK_RUNNING);
  const Outcome subscribe = call("{\"type\":\"SUBSCRIBE\"," + ids + ",\"subscribe\":{}}");
  ASSERT_TRUE(std::holds_alternative<OpenStream>(subscribe));
  EXPECT_EQ(*std::get<OpenStream>(subscribe).head.headers.find("Content-Type"), "application/json");
  core.step(StreamClosed{1});
  EXPECT_EQ(refusal("{\"type\":\"MESSAGE\"," + ids + ",\"message\":{\"data\":\"AAAA\"}}").body,
            "Executor is not subscribed");
  auto request = *wire::make_request("POST", "/api/v1/executor");
  EXPECT_EQ(response(handle(core.state, core.now, request, figures)).status, 400);
  request.headers.set("Content-Type", "text/plain");
  EXPECT_EQ(response(handle(core.state, core.now, request, figures)).status, 415);
}

TEST(HttpBeforeRecovery, IsUnavailable) {
  Core core;
  for (const char* target : {"/state", "/api/v1/executor"}) {
    const Outcome outcome =
        handle(core.state, core.now, *wire::make_request("GET", target), ProcessFigures());
    EXPECT_EQ(std::get<wire::Response>(outcome).status, 503);
  }
}

}  // namespace
}  // namespace mesolith::agent::http
