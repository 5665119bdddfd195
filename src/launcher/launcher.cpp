// SPDX-License-Identifier: Apache-2.0
#include "launcher/launcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/flags.hpp"
#include "base/log.hpp"
#include "launcher/server.hpp"

namespace mesolith::launcher {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One that ends by itself holds its lock until it is gone.
constexpr Duration lock_wait_max = seconds(5);

constexpr FlagSpec flag_specs[] = {
    {"socket", FlagSpec::Kind::text, {}, true, "unix socket to listen on"},
    {"state_dir", FlagSpec::Kind::text, {}, true, "where it keeps what it must find again"},
    {"idle_timeout", FlagSpec::Kind::duration, "60secs", true,
     "it ends after this long without containers and without an agent"},
    {"cgroup_root", FlagSpec::Kind::text, "mesolith", true,
     "cgroups are made below this name; empty: none are"},
    {"help", FlagSpec::Kind::boolean, "false", true, "print this"},
};

Result<os::LockFile> take_lock(const std::string& path) {
  Time deadline = saturating_add(clock_now(), lock_wait_max);
  while (true) {
    auto lock = os::LockFile::take(path);
    if (lock || lock.error().code != Code::conflict || clock_now() >= deadline) return lock;
    std::this_thread::sleep_for(milliseconds(10));
  }
}

// Two launchers on a machine must not take each other's groups: the state directory tells them
// apart (FNV-1a).
std::string cgroup_root_of(const Options& options, const std::string& state_directory) {
  if (options.cgroup_root.empty()) return "";
  uint64_t hash = 14695981039346656037ull;
  for (char c : state_directory) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  }
  return fmt::format("{}/{:016x}", options.cgroup_root, hash);
}

// Descriptors 0 to 2 must be taken, or the next files opened would become standard streams.
void hold_standard_streams() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor < 3) descriptor = ::open("/dev/null", O_RDWR);
  if (descriptor >= 3) ::close(descriptor);
}

Result<void> prepare_process(const Options& options) {
  hold_standard_streams();
  if (options.close_descriptors) ::syscall(SYS_close_range, 3U, ~0U, 0U);
  if (options.new_session) ::setsid();  // fails only for who leads one already
  for (int signal : {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2})
    ::signal(signal, SIG_IGN);
  // An ignored SIGCHLD, which is inherited, would throw exit statuses away.
  ::signal(SIGCHLD, SIG_DFL);
  ::umask(022);
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    return std::unexpected(os::system_error(errno, "becoming a subreaper"));
  }
  return {};
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
  return variables;
}

int report(const Error& error) {
  fmt::print(stderr, "mesolith launcher: {}\n", error.message);
  return 1;
}

}  // namespace

Result<void> run(const Options& options) {
  TRY_VOID(prepare_process(options));
  TRY_VOID(os::make_directories(options.state_directory, 0700));
  std::string state_directory = std::filesystem::absolute(options.state_directory).native();
  std::string socket_path = std::filesystem::absolute(options.socket_path).native();
  TRY(auto lock, take_lock(state_directory + "/lock"));
  TRY(auto socket_lock, take_lock(socket_path + ".lock"));
  // It must not keep whatever directory it was started in from being unmounted.
  if (::chdir("/") != 0) return std::unexpected(os::system_error(errno, "/"));
  TRY(auto checkpoints, Checkpoints::open(state_directory));
  CgroupPool cgroups(cgroup_root_of(options, state_directory));
  Events events;
  Containers containers(checkpoints, cgroups, events);
  containers.recover();
  TRY(auto listener, os::UnixListener::listen(socket_path));
  Server server(options, containers, events, cgroups, std::move(listener));
  return server.serve();
}

int launcher_main(std::span<const std::string> arguments) {
  auto flags = Flags::parse(flag_specs, arguments, environment());
  if (!flags) return report(flags.error());
  if (flags->boolean("help") || !flags->has("socket") || !flags->has("state_dir")) {
    fmt::print(
        "Usage: mesolith launcher --socket=PATH --state_dir=DIR [flags]\n\n"
        "An agent starts this by itself.\n\n{}",
        describe_flags(flag_specs));
    return flags->boolean("help") ? 0 : 1;
  }
  Options options;
  options.socket_path = flags->text("socket");
  options.state_directory = flags->text("state_dir");
  options.idle_max = flags->duration("idle_timeout");
  options.cgroup_root = flags->text("cgroup_root");
  auto served = run(options);
  return served ? 0 : report(served.error());
}

}  // namespace mesolith::launcher
