// SPDX-License-Identifier: Apache-2.0
#include "os/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

namespace mesolith::os {
namespace {

namespace fs = std::filesystem;

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "os-process-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    spec_.environment = {"PATH=/usr/bin:/bin"};
  }
  void TearDown() override { EXPECT_TRUE(remove_tree(root_)); }

  SpawnSpec shell(const std::string& script) {
    SpawnSpec spec = spec_;
    spec.program = "/bin/sh";
    spec.arguments = {"sh", "-c", script};
    return spec;
  }
  // What the script writes to standard output; it must end with status 0.
  std::string output_of(SpawnSpec spec) {
    fs::remove(root_ / "out");
    spec.standard_output.path = (root_ / "out").native();
    auto process = spawn(spec);
    EXPECT_TRUE(process) << process.error().message;
    if (!process) return "";
    EXPECT_EQ(wait_for(process->pid).value(), 0);
    return read_file(root_ / "out").value();
  }
  // Waits until the file is there and has a whole line.
  std::string line_of(const fs::path& path) {
    while (true) {
      auto text = read_file(path);
      if (text && text->ends_with('\n')) return text->substr(0, text->size() - 1);
      std::this_thread::yield();
    }
  }

  fs::path root_;
  SpawnSpec spec_;
};

size_t open_descriptors() {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

TEST_F(ProcessTest, RunsWithWhatItWasGivenAndNothingElse) {
  ::setenv("OS_TEST_INHERITED", "no", 1);
  SpawnSpec spec = shell("pwd; echo \"$GREETING|$OS_TEST_INHERITED\"; ls /proc/self/fd | wc -l");
  spec.environment.push_back("GREETING=hello there");
  spec.directory = root_.native();
  int leaked = ::open("/dev/null", O_RDONLY);  // without close-on-exec on purpose
  ASSERT_GE(leaked, 0);
  // Three standard streams, and the one that ls reads the directory by.
  EXPECT_EQ(output_of(spec), root_.native() + "\nhello there|\n4\n");
  ::close(leaked);
}

TEST_F(ProcessTest, FindsTheProgramByItsPath) {
  SpawnSpec spec = spec_;
  spec.program = "echo";
  spec.arguments = {"echo", "found"};
  EXPECT_EQ(output_of(spec), "found\n");
  // Relative ones are taken from the working directory.
  ASSERT_TRUE(write_file_atomic(root_ / "script", "echo script \"$1\"\n", 0755));
  spec.program = "./script";
  spec.arguments = {"./script", "one"};
  spec.directory = root_.native();
  EXPECT_EQ(output_of(spec), "script one\n");  // no "#!": the shell runs it
}

TEST_F(ProcessTest, ErrorsOfExecAreReported) {
  auto check = [&](const SpawnSpec& spec, SpawnStage expected, const std::string& message) {
    SpawnStage stage;
    auto process = spawn(spec, &stage);
    ASSERT_FALSE(process);
    EXPECT_EQ(stage, expected);
    EXPECT_NE(process.error().message.find(message), std::string::npos) << process.error().message;
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // nobody is left to wait for
    EXPECT_EQ(errno, ECHILD);
  };
  SpawnSpec spec = spec_;
  spec.program = "/does/not/exist";
  check(spec, SpawnStage::execute, "Failed to execute '/does/not/exist': No such file");
  spec.program = "does-not-exist";
  check(spec, SpawnStage::execute, "Failed to execute 'does-not-exist': No such file");
  spec.program = "";
  check(spec, SpawnStage::execute, "No such file");
  spec.program = root_.native();
  check(spec, SpawnStage::execute, "Permission denied");
  spec = shell("true");
  spec.directory = "/does/not/exist";
  check(spec, SpawnStage::directory, "working directory '/does/not/exist': No such file");
  spec = shell("true");
  spec.standard_output.path = "/does/not/exist";
  check(spec, SpawnStage::streams, "/does/not/exist: No such file");
  spec = shell("true");
  spec.cgroup_procs = {"/does/not/exist"};
  check(spec, SpawnStage::cgroup, "No such file");
  spec = shell("true");
  spec.limits = {{RLIMIT_NOFILE, {100, 10}}};
  check(spec, SpawnStage::limits, "resource limits: Invalid argument");
}

TEST_F(ProcessTest, SignalsAndLimitsStartFresh) {
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  SpawnSpec spec = shell("grep -E 'Sig(Blk|Ign)' /proc/self/status; ulimit -n");
  spec.limits = {{RLIMIT_NOFILE, {77, 77}}};
  EXPECT_EQ(output_of(spec), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n77\n");
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGUSR1, SIG_DFL);
}

TEST_F(ProcessTest, BecomesAnotherUser) {
  SpawnSpec spec = shell("id -u; id -g; id -G");
  bool root = ::geteuid() == 0;
  spec.identity = Identity{12345, 54321, {54321, 7}};
  if (root) {
    EXPECT_EQ(output_of(spec), "12345\n54321\n54321 7\n");
    EXPECT_EQ(::geteuid(), 0u);  // this process stays who it was
  } else {
    SpawnStage stage;
    EXPECT_FALSE(spawn(spec, &stage));
    EXPECT_EQ(stage, SpawnStage::identity);
  }
}

TEST_F(ProcessTest, StandardStreamsMayBeDescriptorsInAnyOrder) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  SpawnSpec spec = shell("echo out; echo err >&2");
  spec.standard_output.descriptor = ends[1];
  spec.standard_error.descriptor = ends[1];
  auto process = spawn(spec);
  ASSERT_TRUE(process);
  ::close(ends[1]);
  EXPECT_EQ(wait_for(process->pid).value(), 0);
  char text[64];
  ssize_t count = ::read(ends[0], text, sizeof text);
  EXPECT_EQ(std::string(text, static_cast<size_t>(count)), "out\nerr\n");
  ::close(ends[0]);
}

TEST_F(ProcessTest, PassesDescriptorsOnInTheirOrder) {
  std::vector<FileDescriptor> files;
  SpawnSpec spec = shell("cat <&3; cat <&4; cat <&5; ls /proc/self/fd | wc -l");
  for (const char* text : {"a", "b", "c"}) {
    ASSERT_TRUE(write_file_atomic(root_ / text, text));
    files.emplace_back(::open((root_ / text).c_str(), O_RDONLY | O_CLOEXEC));
  }
  for (const int each : {2, 0, 1})
    spec.descriptors.push_back(files[static_cast<size_t>(each)].get());
  EXPECT_EQ(output_of(spec), "cab7\n");  // with the standard ones and ls' own
}

TEST_F(ProcessTest, TenThousandSpawnsLeakNoDescriptor) {
  SpawnSpec spec = spec_;
  spec.program = "/bin/true";
  spec.new_session = true;
  SpawnSpec wrong = spec;
  wrong.program = "/does/not/exist";
  size_t before = open_descriptors();
  for (int i = 0; i < 10'000; ++i) {
    spec.want_descriptor = i % 2 == 0;
    auto process = spawn(i % 10 == 9 ? wrong : spec);
    ASSERT_EQ(process.has_value(), i % 10 != 9);
    if (process) ASSERT_EQ(wait_for(process->pid).value(), 0);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ProcessTest, SpawnsFromSeveralThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        SpawnSpec spec = shell("exit " + std::to_string(t));
        auto process = spawn(spec);
        ASSERT_TRUE(process);
        int status = wait_for(process->pid).value();
        EXPECT_EQ(WEXITSTATUS(status), t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ProcessTest, ADescriptorTellsTheEnd) {
  SpawnSpec spec = shell("kill -STOP $$; exit 3");
  spec.want_descriptor = true;
  auto process = spawn(spec);
  ASSERT_TRUE(process);
  int status = 0;
  ASSERT_EQ(::waitpid(process->pid, &status, WUNTRACED), process->pid);
  ASSERT_TRUE(WIFSTOPPED(status));
  pollfd wanted{process->descriptor.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&wanted, 1, 0), 0);
  ASSERT_EQ(::kill(process->pid, SIGCONT), 0);
  EXPECT_EQ(::poll(&wanted, 1, 60'000), 1);
  status = wait_for(process->pid).value();
  EXPECT_EQ(describe_status(status), "exited with status 3");
}

TEST_F(ProcessTest, KnowsReuseOfAPidByTheStartTime) {
  auto process = spawn(shell("kill -STOP $$"));
  ASSERT_TRUE(process);
  auto status = process_status(process->pid);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->parent, ::getpid());
  EXPECT_TRUE(is_running(process->pid, status->start_time_ticks));
  EXPECT_FALSE(is_running(process->pid, status->start_time_ticks + 1));
  ASSERT_EQ(::kill(process->pid, SIGKILL), 0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(process->pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(is_running(process->pid, status->start_time_ticks));  // a zombie
  EXPECT_EQ(describe_status(wait_for(process->pid).value()), "terminated with signal Killed");
  EXPECT_EQ(process_status(process->pid).error().code, Code::not_found);
}

TEST_F(ProcessTest, FindsAndKillsAWholeTree) {
  // The grandchild leads a session of its own; its parent stays.
  SpawnSpec spec = shell(
      "sh -c 'setsid sh -c \"echo \\$\\$ > deep; sleep 1000\" & wait' & "
      "sleep 1000 & wait");
  spec.directory = root_.native();
  spec.new_session = true;
  spec.environment.push_back("MARK=of the tree");
  auto process = spawn(spec);
  ASSERT_TRUE(process);
  pid_t deep = std::stoi(line_of(root_ / "deep"));
  ASSERT_TRUE(process_environment(deep, "MARK"));
  EXPECT_EQ(process_environment(deep, "MARK").value(), "of the tree");
  EXPECT_EQ(process_environment(deep, "MAR").value(), std::nullopt);
  auto table = process_table();
  ASSERT_TRUE(table);
  std::vector<pid_t> tree = process_tree(*table, process->pid);
  ASSERT_FALSE(tree.empty());
  EXPECT_EQ(tree[0], process->pid);
  EXPECT_EQ(std::set<pid_t>(tree.begin(), tree.end()).count(deep), 1u);
  EXPECT_EQ(table->at(deep).session, deep);
  TreeUsage usage = usage_of(*table, tree);
  EXPECT_EQ(usage.processes, tree.size());
  EXPECT_GT(usage.resident_bytes, 0u);
  uint64_t started = table->at(deep).start_time_ticks;
  EXPECT_GE(signal_tree(process->pid, SIGKILL).value(), 4u);
  EXPECT_EQ(describe_status(wait_for(process->pid).value()), "terminated with signal Killed");
  while (is_running(deep, started)) std::this_thread::yield();
}

TEST_F(ProcessTest, ATreeHasNothingOfOthers) {
  auto one = spawn(shell("kill -STOP $$"));
  auto two = spawn(shell("kill -STOP $$"));
  ASSERT_TRUE(one && two);
  auto table = process_table().value();
  EXPECT_EQ(process_tree(table, one->pid), std::vector<pid_t>{one->pid});
  ASSERT_TRUE(signal_tree(one->pid, SIGKILL));
  ASSERT_TRUE(wait_for(one->pid));
  EXPECT_TRUE(process_status(two->pid));
  ::kill(two->pid, SIGKILL);
  ASSERT_TRUE(wait_for(two->pid));
}

TEST(BootTest, TheBootHasAnId) {
  EXPECT_EQ(boot_id().value().size(), 36u);
  EXPECT_EQ(boot_id(), boot_id());
}

}  // namespace
}  // namespace mesolith::os
