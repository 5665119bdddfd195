// SPDX-License-Identifier: Apache-2.0
#include "agent/core/fixture_test.hpp"

namespace mesolith::agent {
namespace {

using namespace std::chrono_literals;

class Garbage : public testing::Test {
 protected:
  static Options options() {
    Options options = Core::default_options();
    options.gc_delay = 1h;
    options.gc_disk_headroom = 0.1;
    options.disk_watch_interval = 1min;
    return options;
  }
  void SetUp() override {
    core.start();
    core.state.ping_deadline = never;  // the master stays
  }
  // A task that has come and gone; its sandbox.
  std::string end_task(const std::string& name) {
    const ContainerId id = core.run(core.framework(), Core::task(name));
    core.step(ContainerExited{id, exit_status(0)});
    core.acknowledge(core.last_update());
    return "/var/agent/slaves/M-S0/frameworks/F/executors/" + name + "/runs/" + id.value;
  }
  // Lets the time pass until then; what was removed.
  std::vector<std::string> removed_until(Time then) {
    std::vector<std::string> removed;
    while (next_deadline(core.state, core.now) <= then) {
      core.tick_at_deadline();
      note(removed);
    }
    core.now = then;
    return removed;
  }
  void note(std::vector<std::string>& removed) {
    const auto* remove = core.one<RemoveSandboxes>();
    if (!remove) return;
    const std::vector<std::string> directories = remove->directories;
    removed.insert(removed.end(), directories.begin(), directories.end());
    core.step(SandboxesRemoved{static_cast<uint32_t>(directories.size()), 0});
  }

  Core core{options()};
};

TEST_F(Garbage, IsRemovedAfterItsDelay) {
  const Time begin = core.now;
  const std::string first = end_task("A");
  core.advance(10min);
  const std::string second = end_task("B");
  EXPECT_TRUE(removed_until(begin + 59min).empty());
  EXPECT_EQ(removed_until(begin + 61min), std::vector{first});
  EXPECT_EQ(removed_until(begin + 71min), std::vector{second});
  EXPECT_EQ(core.state.counters["gc/path_removals_succeeded"], 2u);
}

TEST_F(Garbage, GoesSoonerWhenTheDiskFillsUp) {
  const Time begin = core.now;
  const std::string sandbox = end_task("A");
  core.step(DiskMeasured{0.4});  // half of the delay is left: 1 - 0.1 - 0.4
  EXPECT_TRUE(removed_until(begin + 29min).empty());
  EXPECT_EQ(removed_until(begin + 31min), std::vector{sandbox});
  const std::string next = end_task("B");
  core.step(DiskMeasured{0.95});
  EXPECT_EQ(removed_until(core.now), std::vector{next});
  core.step(DiskMeasured{std::nullopt});  // says nothing
  EXPECT_EQ(core.state.garbage.age_max, Duration::zero());
}

TEST_F(Garbage, NeverASandboxOfALivingTask) {
  core.step(DiskMeasured{1.0});
  const ContainerId living = core.run(core.framework(), Core::task("L"));
  // One that has ended and whose end nobody has acknowledged yet is not left either.
  const ContainerId ended = core.run(core.framework(), Core::task("E"));
  core.step(ContainerExited{ended, exit_status(0)});
  const std::string base = "/var/agent/slaves/M-S0/frameworks/F/executors/";
  SandboxesFound found;
  found.sandboxes = {{base + "L/runs/" + living.value, Time{}},
                     {base + "E/runs/" + ended.value, Time{}},
                     {base + "X/runs/old", Time{}}};
  core.step(found);
  EXPECT_EQ(removed_until(core.now + 24h), std::vector{base + "X/runs/old"});
}

TEST_F(Garbage, OfEarlierLivesIsFoundOnTheDisk) {
  Core fresh(options());
  fresh.recover_empty();
  EXPECT_NE(fresh.one<MeasureDisk>(), nullptr);
  fresh.step(DiskMeasured{0.0});
  const auto* find = fresh.one<FindSandboxes>();
  ASSERT_NE(find, nullptr);
  EXPECT_EQ(find->count_max, fresh.state.options.sandboxes_left_max);
  fresh.step(DiskMeasured{0.0});
  EXPECT_EQ(fresh.one<FindSandboxes>(), nullptr);  // one at a time
  SandboxesFound found;
  found.sandboxes = {{"/var/agent/slaves/S/frameworks/F/executors/E/runs/1", fresh.now - 50min}};
  fresh.step(found);
  EXPECT_LE(next_deadline(fresh.state, fresh.now), fresh.now + 10min);
  fresh.now += 10min;
  fresh.step(Tick{});
  ASSERT_NE(fresh.one<RemoveSandboxes>(), nullptr);
  fresh.step(DiskMeasured{0.0});
  EXPECT_EQ(fresh.one<FindSandboxes>(), nullptr);  // those were all
}

TEST_F(Garbage, WhatIsTooMuchToKnowIsLookedForLater) {
  Options few = options();
  few.sandboxes_left_max = 2;
  core.state.options = few;
  core.step(SandboxesFound{{}, true});
  const std::string first = end_task("A");
  core.advance(1s);
  const std::string second = end_task("B");
  core.advance(1s);
  end_task("C");
  EXPECT_EQ(core.state.garbage.sandboxes.size(), 2u);
  EXPECT_EQ(removed_until(core.now + 2h), (std::vector{first, second}));
  core.step(DiskMeasured{0.0});
  EXPECT_NE(core.one<FindSandboxes>(), nullptr);
}

TEST_F(Garbage, IsRemovedInBatchesAndCounted) {
  core.step(DiskMeasured{1.0});
  SandboxesFound found;
  for (int i = 0; i < 600; ++i) found.sandboxes.push_back({"/s/" + std::to_string(i), Time{}});
  core.step(found);
  core.step(Tick{});
  const auto* first = core.one<RemoveSandboxes>();
  ASSERT_NE(first, nullptr);
  EXPECT_LT(first->directories.size(), 600u);
  core.step(Tick{});
  EXPECT_EQ(core.one<RemoveSandboxes>(), nullptr);  // one batch at a time
  core.step(SandboxesRemoved{250, 6});
  EXPECT_EQ(core.state.counters["gc/path_removals_failed"], 6u);
  std::vector<std::string> rest = removed_until(core.now);
  EXPECT_EQ(rest.size(), 600u - 256u);
}

}  // namespace
}  // namespace mesolith::agent
