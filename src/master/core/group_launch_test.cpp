// SPDX-License-Identifier: Apache-2.0
// LAUNCH_GROUP (mesos-api.md 1.8, 2.5). The messages are those recorded from a real master where it
// was recorded saying them.
#include "master/core/stepped_master.hpp"

namespace mesolith::master {
namespace {

struct Groups : testing::Test {
  std::string executor(const std::string& more = "type: DEFAULT", const std::string& disk = "10") {
    return "executor { executor_id { value: 'pod' } framework_id { value: '" + scheduler.id +
           "' } " + more + " " + scalar("cpus", 0.1) + scalar("mem", 32) +
           (disk.empty() ? "" : scalar("disk", std::stod(disk))) + "} ";
  }
  static std::string grouped(const std::string& task) {
    return "tasks" + task.substr(task.find(' '));  // in place of task_infos
  }
  std::string task(const std::string& id, const std::string& more = "command { value: 'x' }") {
    return grouped(SteppedMaster::task(id, node.id, more));
  }
  void launch(const std::string& executor, const std::string& tasks,
              const std::string& operation_id = "") {
    const auto offer = master.offer(scheduler);
    master.call(scheduler, "type: ACCEPT accept { offer_ids { value: '" + offer.id().value() +
                               "' } operations { type: LAUNCH_GROUP " + operation_id +
                               " launch_group { " + executor + " task_group { " + tasks +
                               " } } } filters { refuse_seconds: 0 } }");
  }
  // Refused as a whole, and nothing is held for it.
  void refused(const std::string& executor, const std::string& tasks, const std::string& message) {
    launch(executor, tasks);
    const auto updates = master.updates(scheduler.stream);
    ASSERT_FALSE(updates.empty()) << message;
    for (const auto& status : updates) {
      EXPECT_EQ(status.state(), mesos::v1::TASK_ERROR);
      EXPECT_EQ(status.source(), mesos::v1::TaskStatus::SOURCE_MASTER);
      EXPECT_EQ(status.reason(), mesos::v1::TaskStatus::REASON_TASK_GROUP_INVALID);
      EXPECT_TRUE(status.message().find(message) != std::string::npos) << status.message();
    }
    EXPECT_TRUE(master.orders(node.stream, MasterEvent::LAUNCH_GROUP).empty());
    EXPECT_TRUE(master.framework(scheduler).executors.empty());
  }

  SteppedMaster master;
  Node node = master.admit();
  Scheduler scheduler = master.subscribe("role: 'demo'");
};

TEST_F(Groups, GoToTheAgentInOneMessage) {
  launch(executor(), task("a") + task("b"));
  EXPECT_TRUE(master.updates(scheduler.stream).empty());
  auto orders = master.orders(node.stream, MasterEvent::LAUNCH_GROUP);
  ASSERT_EQ(orders.size(), 1U);
  const auto& group = orders[0].launch_group();
  EXPECT_TRUE(group.launch_executor());
  EXPECT_EQ(group.framework().id().value(), scheduler.id);
  EXPECT_EQ(group.executor().resources(0).allocation_info().role(), "demo");
  ASSERT_EQ(group.task_group().tasks_size(), 2);
  for (const auto& each : group.task_group().tasks()) {
    EXPECT_EQ(each.executor().SerializeAsString(), group.executor().SerializeAsString());
    EXPECT_EQ(each.resources(0).allocation_info().role(), "demo");
  }
  const Framework& framework = master.framework(scheduler);
  EXPECT_EQ(framework.tasks.at(TaskId("a")).proto.executor_id().value(), "pod");
  EXPECT_EQ(framework.used.at(AgentId(node.id)).scalar(model::cpus), 2100);
  // A second group of the same executor does not pay for it again.
  launch(executor(), task("c"));
  orders = master.orders(node.stream, MasterEvent::LAUNCH_GROUP);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_FALSE(orders[0].launch_group().launch_executor());
  EXPECT_EQ(framework.used.at(AgentId(node.id)).scalar(model::cpus), 3100);
}

TEST_F(Groups, ComeInTheOrderOfTheOperations) {
  const auto offer = master.offer(scheduler);
  master.call(scheduler, "type: ACCEPT accept { offer_ids { value: '" + offer.id().value() +
                             "' } operations { type: LAUNCH launch { " +
                             SteppedMaster::task("first", node.id) +
                             " } } operations { type: LAUNCH_GROUP launch_group { " + executor() +
                             " task_group { " + task("second") +
                             " } } } operations { type: LAUNCH launch { " +
                             SteppedMaster::task("third", node.id) + " } } }");
  const auto orders = master.orders(node.stream);
  ASSERT_EQ(orders.size(), 3U);
  EXPECT_EQ(orders[0].launch().tasks(0).task_id().value(), "first");
  EXPECT_EQ(orders[1].launch_group().task_group().tasks(0).task_id().value(), "second");
  ASSERT_EQ(orders[2].launch().tasks_size(), 1);
  EXPECT_EQ(orders[2].launch().tasks(0).task_id().value(), "third");
}

TEST_F(Groups, AreRefusedAsAWhole) {
  const std::string good = task("a") + task("b");
  refused(executor(""), good, "'ExecutorInfo.type' must be set");
  refused(executor("type: DEFAULT", ""), good, "Executor 'pod' uses no disk");
  refused(executor("type: DEFAULT command { value: 'x' }"), good,
          "'ExecutorInfo.command' must not be set for 'DEFAULT' executor");
  refused("executor { executor_id { value: 'pod' } type: DEFAULT } ", good,
          "'ExecutorInfo.framework_id' must be set");
  refused("executor { executor_id { value: 'pod' } framework_id { value: 'other' } type: DEFAULT " +
              scalar("cpus", 0.1) + scalar("mem", 32) + scalar("disk", 1) + "} ",
          good, "ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: ");
  refused(executor(), task("a") + task("a"), "Task 'a' is invalid: Task has duplicate ID: a");
  refused(executor(), task("a") + task("b/c"), "is invalid: ");
  refused(executor(), task("a") + grouped(SteppedMaster::task("b", "elsewhere")),
          "Task 'b' is invalid: Task uses invalid agent elsewhere");
  refused(executor(),
          task("a") + task("b",
                           "command { value: 'x' } container { type: DOCKER docker { image: "
                           "'i' } }"),
          "Docker ContainerInfo is not supported on the task");
  refused(executor(), task("a") + task("b", "command { value: 'x' } health_check { type: HTTP }"),
          "Task 'b' is invalid: ");
  refused(executor(),
          task("a") + task("b", "command { value: 'x' } executor { executor_id { value: 'pod' } }"),
          "is different from executor 'pod'");
}

TEST_F(Groups, MustFitTheOffersTogether) {
  const auto port = [&](const std::string& id) {
    return grouped(SteppedMaster::task(
        id, node.id, "command { value: 'x' }",
        scalar("cpus", 1) + "resources { name: 'ports' type: RANGES ranges { range { begin: 31000 "
                            "end: 31000 } } } "));
  };
  refused(executor(), port("a") + port("b"), "is more than available");
  const std::string big =
      grouped(SteppedMaster::task("c", node.id, "command { value: 'x' }", scalar("cpus", 5)));
  const std::string more =
      grouped(SteppedMaster::task("d", node.id, "command { value: 'x' }", scalar("cpus", 3)));
  refused(executor(), big + more, "required by task group and its executor is more than");
  launch(executor(), port("a") + big);
  EXPECT_EQ(master.orders(node.stream, MasterEvent::LAUNCH_GROUP).size(), 1U);
}

TEST_F(Groups, MayHaveACustomExecutor) {
  launch(executor("type: CUSTOM command { value: 'run' }"), task("a"));
  const auto orders = master.orders(node.stream, MasterEvent::LAUNCH_GROUP);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].launch_group().executor().command().value(), "run");
}

TEST_F(Groups, HaveNoOperationId) {
  launch(executor(), task("a"), "id { value: 'o' }");
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(updates[0].message(), "The `id` field cannot be set on LAUNCH_GROUP operations");
}

TEST_F(Groups, ALaterGroupMustDescribeItsExecutorTheSame) {
  launch(executor(), task("a"));
  master.orders(node.stream);
  launch(executor("type: DEFAULT name: 'another'"), task("b"));
  const auto updates = master.updates(scheduler.stream);
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_TRUE(updates[0].message().starts_with("ExecutorInfo is not compatible"));
}

}  // namespace
}  // namespace mesolith::master
