// SPDX-License-Identifier: Apache-2.0
#include "sim/containers.hpp"

#include <gtest/gtest.h>

namespace mesolith::sim {
namespace {

using std::chrono::seconds;

TEST(Program, IsItsCommand) {
  const Program program{std::chrono::milliseconds(1500), 3, false};
  const auto parsed = program_of({"sh", "-c", command_of(program)});
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->duration, program.duration);
  EXPECT_EQ(parsed->exit_code, 3);
  EXPECT_FALSE(parsed->heeds_sigterm);
  EXPECT_FALSE(program_of({"sh", "-c", "true"}));
  EXPECT_FALSE(program_of({}));
}

class ContainersTest : public testing::Test {
 protected:
  void run(Duration duration) {
    const Time limit = schedule.now() + duration;
    while (schedule.run_next(limit)) {
    }
  }

  Schedule schedule{Time{}};
  Rng rng{1};
  std::vector<int> exits;
  Containers containers{schedule, rng, [this](const ContainerId&, const Containers::Container& c) {
                          exits.push_back(*c.exit_status);
                        }};
  const ContainerId id{"c"};
};

TEST_F(ContainersTest, KeepsTheExitStatusUntilItIsAcknowledged) {
  containers.spawn(id, {}, {seconds(5), 2, true}, {});
  run(seconds(4));
  ASSERT_EQ(containers.listing().size(), 1u);
  EXPECT_FALSE(containers.listing()[0].exit_status);
  containers.acknowledge(id);  // it runs: it can't be forgotten
  run(seconds(2));
  EXPECT_EQ(exits, std::vector<int>{2 << 8});
  EXPECT_EQ(containers.listing()[0].exit_status, 2 << 8);
  containers.acknowledge(id);
  EXPECT_TRUE(containers.listing().empty());
}

TEST_F(ContainersTest, HeedsOrIgnoresSigtermAndDiesOfDestroy) {
  containers.spawn(id, {}, {seconds(100), 0, true}, {});
  containers.signal(id, 15);
  run(seconds(1));
  EXPECT_EQ(exits, std::vector<int>{15});
  const ContainerId stubborn{"stubborn"};
  containers.spawn(stubborn, {}, {seconds(100), 0, false}, {});
  containers.signal(stubborn, 15);
  run(seconds(50));
  EXPECT_EQ(exits.size(), 1u);
  containers.destroy(stubborn);
  run(seconds(1));
  EXPECT_EQ(exits, (std::vector<int>{15, 9}));
}

TEST(Containers, SleepIsAProgram) {
  const auto program = program_of({"sh", "-c", "sleep 1.250"});
  ASSERT_TRUE(program.has_value());
  EXPECT_EQ(program->duration, std::chrono::milliseconds(1250));
  EXPECT_EQ(program->exit_code, 0);
  EXPECT_TRUE(program->heeds_sigterm);
  EXPECT_FALSE(program_of({"sh", "-c", "sleep"}));
}

}  // namespace
}  // namespace mesolith::sim
