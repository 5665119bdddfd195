// SPDX-License-Identifier: Apache-2.0
#include "launcher/launcher.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>

#include "mesolith/launcher.pb.h"
#include "os/process.hpp"
#include "os/unix_socket.hpp"

namespace mesolith::launcher {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr Duration patience = seconds(60);

// One connection of an agent.
class Agent {
 public:
  explicit Agent(os::UnixStream stream) : stream_(std::move(stream)) {}

  void send(const std::vector<Request>& requests) {
    RequestFrame frame;
    for (const Request& request : requests) *frame.add_requests() = request;
    ASSERT_TRUE(stream_.send_frame(frame.SerializeAsString()));
    ASSERT_TRUE(stream_.wait_sent(patience));
  }
  // The next event; nothing when the connection has ended.
  std::optional<Event> next() {
    while (events_.empty()) {
      auto bytes = stream_.wait_frame(patience);
      if (!bytes) return std::nullopt;
      EventFrame frame;
      EXPECT_TRUE(frame.ParseFromString(*bytes));
      for (Event& event : *frame.mutable_events()) {
        EXPECT_EQ(event.sequence(), ++sequence_);
        events_.push_back(std::move(event));
      }
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  Event expect(Event::EventCase kind) {
    auto event = next();
    EXPECT_TRUE(event) << "the connection ended";
    if (!event) return {};
    EXPECT_EQ(event->event_case(), kind) << event->DebugString();
    return *event;
  }
  Exited exited() { return expect(Event::kExited).exited(); }
  Listing list() {
    Request request;
    request.mutable_list();
    send({request});
    return expect(Event::kListing).listing();
  }
  // What ended before is repeated first.
  Listing list_after_replay() {
    Request request;
    request.mutable_list();
    send({request});
    while (true) {
      auto event = next();
      EXPECT_TRUE(event) << "the connection ended";
      if (!event || event->has_listing()) return event ? event->listing() : Listing();
    }
  }
  os::UnixStream& stream() { return stream_; }

 private:
  os::UnixStream stream_;
  std::deque<Event> events_;
  uint64_t sequence_ = 0;
};

Request destroy(const std::string& id) {
  Request request;
  request.mutable_destroy()->set_container_id(id);
  return request;
}
Request acknowledge(const std::string& id) {
  Request request;
  request.mutable_acknowledge()->set_container_id(id);
  return request;
}
Request signal(const std::string& id, int number, bool tree) {
  Request request;
  request.mutable_signal()->set_container_id(id);
  request.mutable_signal()->set_signal(number);
  request.mutable_signal()->set_tree(tree);
  return request;
}

class LauncherTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "launcher-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  // Ends everything that a failed test may have left.
  void TearDown() override {
    if (launcher_ > 0) {
      {
        Agent agent = connect();
        std::set<std::string> left;
        for (const Container& container : agent.list_after_replay().containers()) {
          if (container.state() == Container::EXITED) continue;
          agent.send({destroy(container.container_id())});
          left.insert(container.container_id());
        }
        while (!left.empty()) {
          auto event = agent.next();
          ASSERT_TRUE(event);
          if (event->has_exited()) left.erase(event->exited().container_id());
        }
      }
      ::kill(launcher_, SIGTERM);
      EXPECT_EQ(os::describe_status(os::wait_for(launcher_).value()), "exited with status 0");
    }
    fs::remove_all(root_);
  }

  void start(const std::string& cgroup_root = "", const std::string& idle = "60secs") {
    os::SpawnSpec spec;
    spec.program = "/proc/self/exe";
    spec.arguments = {"launcher_test",
                      "launcher",
                      "--socket=" + root_ + "/socket",
                      "--state_dir=" + root_ + "/state",
                      "--cgroup_root=" + cgroup_root,
                      "--idle_timeout=" + idle};
    spec.environment = {"PATH=/usr/bin:/bin"};
    spec.standard_error.descriptor = 2;
    auto process = os::spawn(spec);
    ASSERT_TRUE(process) << process.error().message;
    launcher_ = process->pid;
  }
  void kill_launcher() {
    ::kill(launcher_, SIGKILL);
    ASSERT_TRUE(os::wait_for(launcher_));
    launcher_ = 0;
  }
  Agent connect() {
    while (true) {
      auto stream = os::UnixStream::connect(root_ + "/socket");
      if (!stream) {
        if (::waitpid(launcher_, nullptr, WNOHANG) != 0) {
          launcher_ = 0;
          throw std::runtime_error("the launcher has ended");
        }
        std::this_thread::yield();
        continue;
      }
      Agent agent(*std::move(stream));
      hello_ = agent.expect(Event::kHello).hello();
      return agent;
    }
  }
  std::string sandbox(const std::string& id) { return root_ + "/executors/" + id + "/runs/" + id; }
  Request launch(const std::string& id, const std::string& script) {
    Request request;
    Launch& launch = *request.mutable_launch();
    launch.set_container_id(id);
    launch.set_directory(sandbox(id));
    launch.set_program("sh");
    for (const char* argument : {"sh", "-c"}) launch.add_arguments(argument);
    launch.add_arguments(script);
    launch.add_environment("PATH=/usr/bin:/bin");
    return request;
  }
  std::string output(const std::string& id) {
    return os::read_file(sandbox(id) + "/stdout").value_or("no file");
  }
  // Waits for a whole line in a file of the sandbox.
  int number_in(const std::string& id, const std::string& name) {
    while (true) {
      auto text = os::read_file(sandbox(id) + "/" + name);
      if (text && text->ends_with('\n')) return std::stoi(*text);
      std::this_thread::yield();
    }
  }
  static bool is_there(pid_t pid) {
    auto status = os::process_status(pid);
    return status && status->state != 'Z' && status->state != 'X';
  }

  std::string root_;
  pid_t launcher_ = 0;
  Hello hello_;
};

TEST_F(LauncherTest, RunsAContainerInItsSandbox) {
  start();
  Agent agent = connect();
  EXPECT_EQ(hello_.version(), 1u);
  EXPECT_EQ(hello_.pid(), launcher_);
  EXPECT_TRUE(hello_.has_cgroups_unavailable());
  Request request = launch("c1", "pwd; echo $MESOS_DIRECTORY; echo oops >&2; ulimit -n; exit 7");
  ResourceLimit& limit = *request.mutable_launch()->add_limits();
  limit.set_resource(7);  // RLIMIT_NOFILE
  limit.set_soft(99);
  limit.set_hard(99);
  agent.send({request});
  Launched launched = agent.expect(Event::kLaunched).launched();
  EXPECT_GT(launched.pid(), 0);
  EXPECT_GT(launched.start_time_ticks(), 0u);
  Exited exited = agent.exited();
  EXPECT_EQ(exited.container_id(), "c1");
  EXPECT_EQ(os::describe_status(exited.wait_status()), "exited with status 7");
  EXPECT_GT(exited.usage().mem_rss_max_bytes(), 0u);
  EXPECT_EQ(output("c1"), sandbox("c1") + "\n" + sandbox("c1") + "\n99\n");
  EXPECT_EQ(os::read_file(sandbox("c1") + "/stderr").value(), "oops\n");
}

TEST_F(LauncherTest, FailuresNameTheirCauseAndLeaveNothing) {
  start();
  Agent agent = connect();
  Request no_program = launch("c1", "");
  no_program.mutable_launch()->set_program("/does/not/exist");
  Request no_directory = launch("c2", "");
  no_directory.mutable_launch()->set_directory("/proc/nothing/can/be/made/here");
  Request relative = launch("c3", "");
  relative.mutable_launch()->set_directory("relative");
  Request limited = launch("c4", "");
  limited.mutable_launch()->mutable_cgroup()->set_cpu_shares(1024);
  agent.send({no_program, no_directory, relative, limited});
  LaunchFailed failed = agent.expect(Event::kLaunchFailed).launch_failed();
  EXPECT_EQ(failed.container_id(), "c1");
  EXPECT_EQ(failed.cause(), LaunchFailed::EXEC);
  EXPECT_EQ(failed.message(), "Failed to execute '/does/not/exist': No such file or directory");
  EXPECT_EQ(agent.expect(Event::kLaunchFailed).launch_failed().cause(), LaunchFailed::DIRECTORY);
  EXPECT_EQ(agent.expect(Event::kLaunchFailed).launch_failed().cause(), LaunchFailed::DIRECTORY);
  failed = agent.expect(Event::kLaunchFailed).launch_failed();
  EXPECT_EQ(failed.cause(), LaunchFailed::SYSTEM);
  EXPECT_EQ(failed.message(), "cgroups cannot be used: cgroups are switched off");
  EXPECT_EQ(agent.list().containers_size(), 0);
  // The same id may be tried again.
  agent.send({launch("c1", "true")});
  agent.expect(Event::kLaunched);
  EXPECT_EQ(agent.exited().wait_status(), 0);
}

TEST_F(LauncherTest, RunsAsAnotherUser) {
  start();
  Agent agent = connect();
  Request request = launch("c1", "id -u; id -g; id -G; echo > file");
  User& user = *request.mutable_launch()->mutable_user();
  user.set_uid(12345);
  user.set_gid(54321);
  user.add_groups(54321);
  user.add_groups(7);
  ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
  agent.send({request});
  if (::geteuid() != 0) {
    agent.expect(Event::kLaunchFailed);
    return;
  }
  agent.expect(Event::kLaunched);
  EXPECT_EQ(agent.exited().wait_status(), 0);
  EXPECT_EQ(output("c1"), "12345\n54321\n54321 7\n");
  EXPECT_EQ(os::file_status(sandbox("c1"))->uid, 12345u);
}

TEST_F(LauncherTest, TheSameLaunchTwiceRunsOnce) {
  start();
  Agent agent = connect();
  agent.send(
      {launch("c1", "echo x; read line < /dev/null; kill -STOP $$"), launch("c1", "echo y")});
  int64_t pid = agent.expect(Event::kLaunched).launched().pid();
  EXPECT_EQ(agent.expect(Event::kLaunched).launched().pid(), pid);
  agent.send({destroy("c1")});
  EXPECT_EQ(os::describe_status(agent.exited().wait_status()), "terminated with signal Killed");
  agent.send({launch("c1", "echo z")});
  EXPECT_EQ(agent.expect(Event::kLaunched).launched().pid(), pid);
  agent.exited();
  EXPECT_EQ(output("c1").find('y'), std::string::npos);
  EXPECT_EQ(output("c1").find('z'), std::string::npos);
}

TEST_F(LauncherTest, ManyInOneFrame) {
  start();
  Agent agent = connect();
  constexpr int count = 500;
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back(launch(fmt::format("c{}", i), fmt::format("exit {}", i % 100)));
  }
  agent.send(requests);
  std::map<std::string, int> launched, exited;
  while (exited.size() < count) {
    auto event = agent.next();
    ASSERT_TRUE(event);
    if (event->has_launched()) {
      ++launched[event->launched().container_id()];
    } else {
      const std::string& id = event->exited().container_id();
      EXPECT_EQ(launched[id], 1);  // never the end before the beginning
      EXPECT_EQ(WEXITSTATUS(event->exited().wait_status()), std::stoi(id.substr(1)) % 100);
      ++exited[id];
    }
  }
  requests.clear();
  for (int i = 0; i < count; ++i) requests.push_back(acknowledge(fmt::format("c{}", i)));
  agent.send(requests);
  EXPECT_EQ(agent.list().containers_size(), 0);
  // Its own descriptors: standard streams, socket and the few it serves with. None per container.
  auto descriptors = fs::directory_iterator(fmt::format("/proc/{}/fd", launcher_));
  EXPECT_LT(std::distance(descriptors, fs::directory_iterator()), 20);
}

TEST_F(LauncherTest, DestroyFindsDaemonsInSessionsOfTheirOwn) {
  start();
  Agent agent = connect();
  agent.send({launch("c1",
                     "(setsid sh -c 'echo $$ > daemon; trap \"\" TERM HUP; sleep 1000' &) ; "
                     "(setsid env -i PATH=$PATH sh -c 'echo $$ > cleared; sleep 1000' &) ; "
                     "sleep 1000")});
  agent.expect(Event::kLaunched);
  pid_t daemon = number_in("c1", "daemon");
  pid_t cleared = number_in("c1", "cleared");
  EXPECT_NE(os::process_status(daemon)->session, os::process_status(launcher_)->session);
  EXPECT_TRUE(is_there(daemon) && is_there(cleared));
  agent.send({destroy("c1")});
  EXPECT_EQ(os::describe_status(agent.exited().wait_status()), "terminated with signal Killed");
  EXPECT_FALSE(is_there(daemon));
  EXPECT_FALSE(is_there(cleared));
}

TEST_F(LauncherTest, WhatTheFirstProcessLeavesIsEndedWithItAndOnlyThat) {
  start();
  Agent agent = connect();
  agent.send({launch("other", "(setsid sh -c 'echo $$ > daemon; sleep 1000' &) ; sleep 1000")});
  agent.expect(Event::kLaunched);
  pid_t of_other = number_in("other", "daemon");
  agent.send({launch("c1",
                     "setsid sh -c 'echo $$ > daemon; sleep 1000' & sleep 1000 & "
                     "until test -s daemon; do :; done; exit 3")});
  agent.expect(Event::kLaunched);
  Exited exited = agent.exited();
  EXPECT_EQ(exited.container_id(), "c1");
  EXPECT_EQ(os::describe_status(exited.wait_status()), "exited with status 3");
  EXPECT_FALSE(is_there(number_in("c1", "daemon")));
  EXPECT_TRUE(is_there(of_other));
}

TEST_F(LauncherTest, SignalsTheFirstProcessOrTheTree) {
  start();
  Agent agent = connect();
  std::string script =
      "trap 'echo first' USR1; sh -c 'trap \"echo child; exit\" USR1; echo $$ > child; "
      "while :; do sleep 0.01; done' & echo $$ > pid; while :; do wait; sleep 0.01; done";
  agent.send({launch("c1", script)});
  agent.expect(Event::kLaunched);
  number_in("c1", "pid");
  pid_t child = number_in("c1", "child");
  agent.send({signal("c1", SIGUSR1, false)});
  while (output("c1") != "first\n") std::this_thread::yield();
  EXPECT_TRUE(is_there(child));
  agent.send({signal("c1", SIGUSR1, true)});
  while (output("c1").find("child") == std::string::npos) std::this_thread::yield();
  while (is_there(child)) std::this_thread::yield();
  agent.send({signal("none", SIGKILL, true), signal("c1", SIGKILL, false)});
  EXPECT_EQ(os::describe_status(agent.exited().wait_status()), "terminated with signal Killed");
}

TEST_F(LauncherTest, ExitStatusesWaitForTheNextAgentUntilAcknowledged) {
  start();
  {
    Agent agent = connect();
    agent.send({launch("c1", "exit 4"), launch("c2", "kill -STOP $$")});
    agent.expect(Event::kLaunched);
  }
  {
    Agent agent = connect();  // c1 has ended by now, or ends under its eyes
    Event event = *agent.next();
    while (!event.has_exited()) event = *agent.next();
    EXPECT_EQ(event.exited().container_id(), "c1");
  }
  Agent agent = connect();
  EXPECT_EQ(os::describe_status(agent.exited().wait_status()), "exited with status 4");  // again
  Listing listing = agent.list();
  ASSERT_EQ(listing.containers_size(), 2);
  EXPECT_EQ(listing.containers(0).state(), Container::EXITED);
  EXPECT_EQ(os::describe_status(listing.containers(0).wait_status()), "exited with status 4");
  EXPECT_EQ(listing.containers(1).state(), Container::RUNNING);
  agent.send({acknowledge("c1"), acknowledge("c2")});  // c2 has not ended: no effect
  listing = agent.list();
  ASSERT_EQ(listing.containers_size(), 1);
  EXPECT_EQ(listing.containers(0).container_id(), "c2");
}

TEST_F(LauncherTest, ANewerAgentTakesThePlaceOfTheOlder) {
  start();
  Agent older = connect();
  Agent newer = connect();
  EXPECT_FALSE(older.next());
  EXPECT_EQ(newer.list().containers_size(), 0);
}

TEST_F(LauncherTest, ContainersSurviveTheLauncherAndAreTakenOver) {
  start();
  {
    Agent agent = connect();
    agent.send({launch("alive", "(setsid sh -c 'echo $$ > daemon; sleep 1000' &) ; sleep 1000"),
                launch("ended", "exit 5"), launch("ends", "echo $$ > pid; kill -STOP $$; exit 0")});
    while (agent.next()->event_case() != Event::kExited) {
    }
  }
  pid_t daemon = number_in("alive", "daemon");
  pid_t ends = number_in("ends", "pid");
  kill_launcher();
  EXPECT_TRUE(is_there(daemon));
  start();
  Agent agent = connect();
  Exited exited = agent.exited();
  EXPECT_EQ(exited.container_id(), "ended");
  EXPECT_EQ(os::describe_status(exited.wait_status()), "exited with status 5");
  Listing listing = agent.list();
  ASSERT_EQ(listing.containers_size(), 3);
  EXPECT_EQ(listing.containers(0).container_id(), "alive");
  EXPECT_EQ(listing.containers(0).state(), Container::RUNNING);
  EXPECT_EQ(listing.containers(2).pid(), ends);
  ::kill(ends, SIGCONT);
  exited = agent.exited();
  EXPECT_EQ(exited.container_id(), "ends");
  EXPECT_EQ(exited.wait_status(), -1);  // nobody of ours could wait for it
  agent.send({destroy("alive")});
  EXPECT_EQ(agent.exited().container_id(), "alive");
  EXPECT_FALSE(is_there(daemon));
}

TEST_F(LauncherTest, WhatEndedWithoutALauncherIsSaidToHaveEnded) {
  start();
  {
    Agent agent = connect();
    agent.send({launch("c1", "(setsid sh -c 'echo $$ > daemon; sleep 1000' &) ; sleep 1000")});
    agent.expect(Event::kLaunched);
  }
  pid_t daemon = number_in("c1", "daemon");
  pid_t first = 0;
  {
    Agent agent = connect();
    first = static_cast<pid_t>(agent.list().containers(0).pid());
  }
  kill_launcher();
  ::kill(first, SIGKILL);
  while (is_there(first)) std::this_thread::yield();
  start();
  Agent agent = connect();
  // It may have ended before the agent came, or after.
  EXPECT_EQ(agent.exited().wait_status(), -1);
  EXPECT_FALSE(is_there(daemon));
}

TEST_F(LauncherTest, GarbageInItsMemoryLosesNoContainer) {
  start();
  pid_t pid = 0;
  pid_t of_another = 0;
  {
    Agent agent = connect();
    // The session that it starts carries the same mark, and is not taken for a container.
    agent.send({launch("c1", "setsid sh -c 'echo $$ > inner; exec sleep 1000' & exec sleep 1000"),
                launch("c2", "exit 3")});
    while (pid == 0) {
      auto event = agent.next();
      ASSERT_TRUE(event);
      if (event->has_launched() && event->launched().container_id() == "c1")
        pid = static_cast<pid_t>(event->launched().pid());
    }
    number_in("c1", "inner");
    of_another = ::fork();
    if (of_another == 0) {
      ::setsid();
      std::string mark = fmt::format("MESOLITH_CONTAINER=c9@{}/elsewhere", root_);
      std::string directory = "MESOS_DIRECTORY=" + sandbox("c9");
      char* environment[] = {mark.data(), directory.data(), nullptr};
      ::execle("/bin/sleep", "sleep", "1000", nullptr, environment);
      ::_exit(127);
    }
  }
  kill_launcher();
  std::ofstream(root_ + "/state/containers") << "garbage, and nothing but garbage";
  start();
  Agent agent = connect();
  Listing listing = agent.list_after_replay();
  ASSERT_EQ(listing.containers_size(), 1) << listing.DebugString();
  EXPECT_EQ(listing.containers(0).container_id(), "c1");
  EXPECT_EQ(listing.containers(0).pid(), pid);
  EXPECT_EQ(listing.containers(0).directory(), sandbox("c1"));
  EXPECT_EQ(listing.containers(0).state(), Container::RUNNING);
  agent.send({destroy("c1")});
  EXPECT_EQ(agent.exited().container_id(), "c1");
  EXPECT_FALSE(is_there(pid));
  EXPECT_FALSE(is_there(number_in("c1", "inner")));
  EXPECT_TRUE(is_there(of_another));
  ::kill(of_another, SIGKILL);
  ASSERT_TRUE(os::wait_for(of_another));
}

TEST_F(LauncherTest, OneLauncherPerStateDirectory) {
  start();
  Agent agent = connect();
  pid_t first = launcher_;
  start();
  EXPECT_EQ(os::describe_status(os::wait_for(launcher_).value()), "exited with status 1");
  launcher_ = first;
  EXPECT_EQ(agent.list().containers_size(), 0);  // the first is not disturbed
}

TEST_F(LauncherTest, EndsByItselfWhenNobodyNeedsIt) {
  start("", "2secs");
  {
    Agent agent = connect();
    agent.send({launch("c1", "sleep 0.3; echo done")});
    agent.expect(Event::kLaunched);
  }
  EXPECT_EQ(os::describe_status(os::wait_for(launcher_).value()), "exited with status 0");
  EXPECT_EQ(output("c1"), "done\n");  // not before its container had ended
  start("", "60secs");
  Agent agent = connect();
  EXPECT_EQ(agent.exited().wait_status(), 0);  // and what it knew is not lost
}

TEST_F(LauncherTest, IsNotEndedBySignalsWhileItHasContainers) {
  start();
  Agent agent = connect();
  agent.send({launch("c1", "kill -STOP $$")});
  agent.expect(Event::kLaunched);
  for (int number : {SIGTERM, SIGHUP, SIGINT, SIGPIPE, SIGUSR1}) ::kill(launcher_, number);
  EXPECT_EQ(agent.list().containers_size(), 1);
}

TEST_F(LauncherTest, GarbageEndsTheConnectionAndNothingElse) {
  start();
  {
    Agent agent = connect();
    agent.send({launch("c1", "kill -STOP $$")});
    agent.expect(Event::kLaunched);
  }
  std::string garbage;
  os::append_frame(garbage, "\xff\xff no protobuf");
  std::string oversize("\xff\xff\xff\x7f", 4);
  std::string no_id;
  {
    RequestFrame frame;
    frame.add_requests()->mutable_launch();
    os::append_frame(no_id, frame.SerializePartialAsString());
  }
  for (const std::string& bytes : {garbage, oversize, no_id}) {
    Agent agent = connect();
    ASSERT_EQ(::send(agent.stream().descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    EXPECT_FALSE(agent.next());
  }
  Agent agent = connect();
  ASSERT_EQ(agent.list().containers_size(), 1);
  EXPECT_EQ(agent.list().containers(0).state(), Container::RUNNING);
}

TEST_F(LauncherTest, StatisticsAreOfTheWholeTree) {
  start();
  Agent agent = connect();
  agent.send({launch("c1", "sleep 1000 & sleep 1000 & echo $$ > pid; wait")});
  agent.expect(Event::kLaunched);
  number_in("c1", "pid");
  Request request;
  request.mutable_statistics()->set_container_id("c1");
  agent.send({request});
  StatisticsResult result = agent.expect(Event::kStatistics).statistics();
  EXPECT_TRUE(result.found());
  EXPECT_EQ(result.processes(), 3u);
  EXPECT_GE(result.threads(), 3u);
  EXPECT_GT(result.mem_rss_bytes(), 0u);
  request.mutable_statistics()->set_container_id("none");
  agent.send({request});
  EXPECT_FALSE(agent.expect(Event::kStatistics).statistics().found());
}

// Where cgroups may not be used, the launcher says so and launches with them fail with that reason;
// that is all that can be asserted there.
TEST_F(LauncherTest, CgroupsLimitCountAndEnd) {
  start(fmt::format("mesolith-launcher-test-{}", ::getpid()));
  Agent agent = connect();
  Request request = launch("c1", "exec tail -n 1 /dev/zero");
  Cgroup& cgroup = *request.mutable_launch()->mutable_cgroup();
  cgroup.set_cpu_shares(512);
  cgroup.set_memory_limit_bytes(32 << 20);
  agent.send({request});
  if (hello_.has_cgroups_unavailable()) {
    std::printf("cgroups cannot be used here: %s\n", hello_.cgroups_unavailable().c_str());
    LaunchFailed failed = agent.expect(Event::kLaunchFailed).launch_failed();
    EXPECT_NE(failed.message().find(hello_.cgroups_unavailable()), std::string::npos);
    return;
  }
  agent.expect(Event::kLaunched);
  Exited exited = agent.exited();
  EXPECT_EQ(os::describe_status(exited.wait_status()), "terminated with signal Killed");
  ASSERT_TRUE(exited.has_memory_limitation());
  EXPECT_EQ(exited.memory_limitation().limit_bytes(), 32u << 20);
  // The next one gets the same group, and is not blamed for what happened in it.
  Request next = launch("c2",
                        "env -i setsid sh -c 'cd /; echo $$; exec sleep 1000' & "
                        "echo $$ > pid; sleep 1000");
  *next.mutable_launch()->mutable_cgroup() = cgroup;
  agent.send({next});
  agent.expect(Event::kLaunched);
  number_in("c2", "pid");
  pid_t daemon = number_in("c2", "stdout");
  Request resize;
  resize.mutable_resize()->set_container_id("c2");
  resize.mutable_resize()->mutable_cgroup()->set_memory_limit_bytes(64 << 20);
  Request statistics;
  statistics.mutable_statistics()->set_container_id("c2");
  agent.send({resize, statistics});
  StatisticsResult result = agent.expect(Event::kStatistics).statistics();
  EXPECT_EQ(result.mem_limit_bytes(), 64u << 20);
  EXPECT_EQ(result.processes(), 3u);
  agent.send({destroy("c2")});
  exited = agent.exited();
  EXPECT_EQ(exited.container_id(), "c2");
  EXPECT_FALSE(exited.has_memory_limitation());
  EXPECT_FALSE(is_there(daemon));
}

}  // namespace
}  // namespace mesolith::launcher

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "launcher") {
    std::vector<std::string> arguments(argv + 2, argv + argc);
    return mesolith::launcher::launcher_main(arguments);
  }
  // Whoever outlives a launcher that was killed is ended with this process's own session at last.
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
