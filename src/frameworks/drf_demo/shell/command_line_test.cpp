// SPDX-License-Identifier: Apache-2.0
#include "frameworks/drf_demo/shell/command_line.hpp"

#include <gtest/gtest.h>

namespace mesolith::frameworks::drf_demo {
namespace {

using namespace std::chrono_literals;

std::variant<CommandLine, int> parse(std::vector<std::string> arguments) {
  return parse_command_line(arguments);
}

TEST(CommandLine, ShortFormsMeanWhatTheyMeantBefore) {
  const auto parsed = parse({"-m", "10.0.0.1:5050", "-n", "Framework A", "-c", "0.5", "-t", "512"});
  const auto& line = std::get<CommandLine>(parsed);
  EXPECT_EQ(line.master, "10.0.0.1:5050");
  EXPECT_EQ(line.options.name, "Framework A");
  EXPECT_EQ(line.options.task.get(model::cpus), 500);
  EXPECT_EQ(line.options.task.get(model::mem), 512000);
  EXPECT_EQ(line.options.duration_min, 20s);
  EXPECT_EQ(line.options.duration_max, 40s);
  EXPECT_EQ(line.options.warm_up, 40s);
  EXPECT_EQ(line.options.role, "*");
}

TEST(CommandLine, LongFormsAndTheRest) {
  const auto parsed = parse({"--mesos-master=localhost:1", "--framework-name=B", "--task-cpus=2",
                             "--task-memory=1000", "--duration-min=1", "--duration-max=2.5",
                             "--run-time=60", "--tasks=7", "--seed=42", "--role=dev", "--wait",
                             "--hold=0.25", "--html=x.html", "--json=x.json", "--quiet"});
  const auto& line = std::get<CommandLine>(parsed);
  EXPECT_EQ(line.options.duration_max, 2500ms);
  EXPECT_EQ(line.options.run_time, 60s);
  EXPECT_EQ(line.options.tasks, 7u);
  EXPECT_EQ(line.options.seed, 42u);
  EXPECT_EQ(line.options.role, "dev");
  EXPECT_EQ(line.options.hold, 250ms);
  EXPECT_TRUE(line.options.wait_for_tasks);
  EXPECT_TRUE(line.quiet);
  EXPECT_EQ(line.html_file, "x.html");
  EXPECT_EQ(line.json_file, "x.json");
}

TEST(CommandLine, NothingThatWouldFitWithoutEnd) {
  EXPECT_EQ(std::get<int>(parse({"-n", "A", "-c", "0", "-t", "10"})), 2);
  EXPECT_EQ(std::get<int>(parse({"-n", "A", "-c", "1", "-t", "0"})), 2);
  EXPECT_EQ(std::get<int>(parse({"-n", "A", "-c", "-1", "-t", "10"})), 2);
  EXPECT_EQ(std::get<int>(parse({"-n", "A", "--no-such-flag"})), 2);
  EXPECT_EQ(std::get<int>(parse({"-c", "1"})), 2);  // no name
}

TEST(CommandLine, HelpSucceeds) {
  EXPECT_EQ(std::get<int>(parse({"--help"})), 0);
}

}  // namespace
}  // namespace mesolith::frameworks::drf_demo
