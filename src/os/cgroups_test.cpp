// SPDX-License-Identifier: Apache-2.0
#include "os/cgroups.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "os/process.hpp"

namespace mesolith::os {
namespace {

TEST(CgroupMountsTest, ReadsAHybridMachine) {
  CgroupMounts mounts = parse_cgroup_mounts(
      "24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "25 24 0:23 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "26 24 0:24 / /sys/fs/cgroup/with\\040space rw - cgroup cgroup rw,memory\n"
      "27 24 0:25 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
      "28 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "broken line\n");
  EXPECT_EQ(mounts.unified, "/sys/fs/cgroup/unified");
  EXPECT_EQ(mounts.version1.size(), 3u);
  EXPECT_EQ(mounts.version1["cpu"], "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(mounts.version1["cpuacct"], "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(mounts.version1["memory"], "/sys/fs/cgroup/with space");
}

TEST(CgroupMountsTest, AbsenceIsSaid) {
  auto none = CgroupHierarchy::open("mesolith", CgroupMounts{});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::unavailable);
  CgroupMounts wrong;
  wrong.version1 = {{"cpu", "/proc"}, {"memory", "/proc"}};
  auto refused = CgroupHierarchy::open("mesolith", wrong);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("/proc/mesolith"), std::string::npos);
  EXPECT_EQ(CgroupHierarchy::open("../x", wrong).error().code, Code::invalid);
}

TEST(CgroupMountsTest, SharesBecomeWeights) {
  EXPECT_EQ(weight_of_shares(0), 1u);
  EXPECT_EQ(weight_of_shares(2), 1u);
  EXPECT_EQ(weight_of_shares(1024), 39u);
  EXPECT_EQ(weight_of_shares(262'144), 10'000u);
  EXPECT_EQ(weight_of_shares(1'000'000), 10'000u);
}

// Where cgroups may not be used, opening them must say so, and nothing more can be asserted there.
class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = CgroupHierarchy::open(fmt::format("mesolith-test-{}", ::getpid()));
    if (opened) {
      hierarchy_ = *std::move(opened);
    } else {
      EXPECT_FALSE(opened.error().message.empty());
      std::printf("cgroups cannot be used here: %s\n", opened.error().message.c_str());
    }
  }
  void TearDown() override {
    if (!hierarchy_) return;
    for (const std::string& name : hierarchy_->groups().value()) {
      ASSERT_TRUE(hierarchy_->kill(name));
      while (!hierarchy_->processes(name)->empty()) std::this_thread::yield();
      auto removed = hierarchy_->remove(name);
      EXPECT_TRUE(removed) << removed.error().message;
    }
    EXPECT_TRUE(hierarchy_->remove_root());
  }
  pid_t run(const std::string& script) {
    SpawnSpec spec;
    spec.program = "/bin/sh";
    spec.arguments = {"sh", "-c", script};
    spec.environment = {"PATH=/usr/bin:/bin"};
    spec.cgroup_procs = hierarchy_->process_files("one");
    auto process = spawn(spec);
    EXPECT_TRUE(process) << process.error().message;
    return process ? process->pid : -1;
  }
  std::optional<CgroupHierarchy> hierarchy_;
};

TEST_F(CgroupTest, LimitsAreSetChangedAndReset) {
  if (!hierarchy_) return;
  CgroupLimits limits;
  limits.cpu_shares = 512;
  limits.cpu_quota_micros = 50'000;
  limits.memory_limit_bytes = 64 << 20;
  limits.memory_soft_limit_bytes = 32 << 20;
  limits.processes_max = 20;
  auto created = hierarchy_->create("one", limits);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(hierarchy_->memory_limit("one").value(), 64u << 20);
  CgroupLimits more;
  more.memory_limit_bytes = 128 << 20;
  ASSERT_TRUE(hierarchy_->update("one", more));
  EXPECT_EQ(hierarchy_->memory_limit("one").value(), 128u << 20);
  EXPECT_EQ(hierarchy_->groups().value(), std::vector<std::string>{"one"});
  ASSERT_TRUE(hierarchy_->reset("one"));
  EXPECT_EQ(hierarchy_->memory_limit("one").value(), 0u);
  ASSERT_TRUE(hierarchy_->remove("one"));
  EXPECT_FALSE(hierarchy_->statistics("one"));
  EXPECT_TRUE(hierarchy_->groups()->empty());
  EXPECT_EQ(hierarchy_->create("../one", limits).error().code, Code::invalid);
}

TEST_F(CgroupTest, ProcessesStartInsideAndAreKilledFrozenOrNot) {
  if (!hierarchy_) return;
  ASSERT_TRUE(hierarchy_->create("one", {}));
  pid_t pid = run("setsid sleep 1000 & sleep 1000 & wait");
  while (hierarchy_->processes("one")->size() < 3) std::this_thread::yield();
  auto statistics = hierarchy_->statistics("one");
  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->processes, 3u);
  EXPECT_GT(statistics->memory_bytes, 0u);
  EXPECT_FALSE(hierarchy_->remove("one"));  // it is not empty
  ASSERT_TRUE(hierarchy_->freeze("one", true));
  ASSERT_TRUE(hierarchy_->kill("one"));
  EXPECT_EQ(describe_status(wait_for(pid).value()), "terminated with signal Killed");
  while (!hierarchy_->processes("one")->empty()) std::this_thread::yield();
  EXPECT_TRUE(hierarchy_->remove("one"));
}

TEST_F(CgroupTest, MoreMemoryThanTheLimitEndsItAndIsCounted) {
  if (!hierarchy_) return;
  CgroupLimits limits;
  limits.memory_limit_bytes = 32 << 20;
  ASSERT_TRUE(hierarchy_->create("one", limits));
  EXPECT_EQ(hierarchy_->statistics("one")->out_of_memory_kills, 0u);
  // tail keeps its only line, which never ends, in memory.
  pid_t pid = run("exec tail -n 1 /dev/zero");
  EXPECT_EQ(describe_status(wait_for(pid).value()), "terminated with signal Killed");
  auto statistics = hierarchy_->statistics("one");
  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->out_of_memory_kills, 1u);
  // For its next use it is as new, but the counters go on.
  ASSERT_TRUE(hierarchy_->reset("one"));
  EXPECT_LT(hierarchy_->statistics("one")->memory_max_bytes, 32u << 20);
  EXPECT_EQ(hierarchy_->statistics("one")->out_of_memory_kills, 1u);
}

TEST_F(CgroupTest, ProcessesAreCounted) {
  if (!hierarchy_) return;
  CgroupLimits limits;
  limits.processes_max = 3;
  ASSERT_TRUE(hierarchy_->create("one", limits));
  pid_t pid = run("sleep 1000 & sleep 1000 & sleep 1000 & wait");
  int status = wait_for(pid).value();  // the third cannot be forked
  EXPECT_NE(status, 0);
}

TEST_F(CgroupTest, AQuotaThrottles) {
  if (!hierarchy_) return;
  CgroupLimits limits;
  limits.cpu_quota_micros = 5'000;
  ASSERT_TRUE(hierarchy_->create("one", limits));
  pid_t pid = run("while :; do :; done");
  while (hierarchy_->statistics("one")->periods_throttled < 3) std::this_thread::yield();
  EXPECT_GT(hierarchy_->statistics("one")->throttled_seconds, 0.0);
  ASSERT_TRUE(hierarchy_->kill("one"));
  EXPECT_EQ(describe_status(wait_for(pid).value()), "terminated with signal Killed");
}

}  // namespace
}  // namespace mesolith::os
