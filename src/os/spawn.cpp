// SPDX-License-Identifier: Apache-2.0
// The child shares this process's memory until it runs the new program, while the caller is held.
// So it may call only what neither allocates nor locks nor touches state that the C library shares
// between threads, and what it stores in SpawnContext is seen here afterwards.
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>

#include "os/process.hpp"

namespace mesolith::os {
namespace {

constexpr size_t child_stack_bytes = 64 * 1024;
constexpr int signal_max = 64;
constexpr std::string_view default_path = "/usr/local/bin:/usr/bin:/bin";

struct SpawnContext {
  const SpawnSpec* spec = nullptr;
  std::array<int, 3> streams{-1, -1, -1};
  std::vector<const char*> candidates;  // where the program may be, null-terminated
  std::vector<const char*> arguments, environment, shell_arguments;  // null-terminated
  std::vector<int> cgroups, descriptors;
  uint64_t no_signals = 0;
  // Written by the child.
  volatile int error_number = 0;
  volatile SpawnStage stage = SpawnStage::none;
};

// The child's frames lie within a frame of the parent: sanitizers must not mark them.
#define CHILD_SIDE                             \
  [[clang::no_sanitize("address", "undefined", \
                       "thread")]] [[clang::disable_sanitizer_instrumentation]]

CHILD_SIDE [[noreturn]] void give_up(SpawnContext& context, SpawnStage stage) {
  context.error_number = errno;
  context.stage = stage;
  ::_exit(127);
}

// By system calls, here and below: sanitizers keep books of descriptors and signal handlers in
// memory that is shared here, and the C library's set*id() would change the parent's threads.
CHILD_SIDE void enter_cgroups(SpawnContext& context) {
  for (int cgroup : context.cgroups) {
    if (::syscall(SYS_write, cgroup, "0", 1) != 1) give_up(context, SpawnStage::cgroup);
  }
}

CHILD_SIDE void set_limits(SpawnContext& context) {
  for (const Limit& limit : context.spec->limits) {
    if (::syscall(SYS_prlimit64, 0, limit.resource, &limit.value, nullptr) != 0) {
      give_up(context, SpawnStage::limits);
    }
  }
}

CHILD_SIDE void set_streams(SpawnContext& context) {
  for (int target = 0; target < 3; ++target) {
    if (::syscall(SYS_dup3, context.streams[static_cast<size_t>(target)], target, 0) < 0) {
      give_up(context, SpawnStage::streams);
    }
  }
}

// After everything that still needs the descriptors that it overwrites. The first that is not
// passed.
CHILD_SIDE unsigned pass_on(SpawnContext& context) {
  int target = 3;
  for (const int descriptor : context.descriptors) {
    if (::syscall(SYS_dup3, descriptor, target++, 0) < 0) {
      give_up(context, SpawnStage::streams);
    }
  }
  return static_cast<unsigned>(target);
}

CHILD_SIDE void become(SpawnContext& context) {
  if (!context.spec->identity) return;
  const Identity& identity = *context.spec->identity;
  if (identity.uid == ::geteuid() && identity.gid == ::getegid() && identity.uid != 0) return;
  if (::syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) != 0 ||
      ::syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) != 0 ||
      ::syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid) != 0) {
    give_up(context, SpawnStage::identity);
  }
}

// All zeros is the kernel's structure for the default action.
CHILD_SIDE void reset_signals(SpawnContext& context) {
  const std::array<uint64_t, 8> defaults{};
  for (int signal = 1; signal <= signal_max; ++signal) {
    ::syscall(SYS_rt_sigaction, signal, defaults.data(), nullptr, sizeof(uint64_t));
  }
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &context.no_signals, nullptr, sizeof(uint64_t));
}

CHILD_SIDE [[noreturn]] void execute(SpawnContext& context) {
  auto* arguments = const_cast<char* const*>(context.arguments.data());
  auto* environment = const_cast<char* const*>(context.environment.data());
  int worst = ENOENT;
  for (const char* candidate : context.candidates) {
    if (!candidate) break;
    ::execve(candidate, arguments, environment);
    if (errno == ENOEXEC) {  // a script without "#!"
      context.shell_arguments[1] = candidate;
      ::execve("/bin/sh", const_cast<char* const*>(context.shell_arguments.data()), environment);
      worst = errno;
      break;
    }
    // That it is there and may not be run says more than that it isn't elsewhere.
    if (errno != ENOENT && errno != ENOTDIR) worst = errno;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  errno = worst;
  give_up(context, SpawnStage::execute);
}

CHILD_SIDE int child_main(void* argument) {
  auto& context = *static_cast<SpawnContext*>(argument);
  const SpawnSpec& spec = *context.spec;
  if (spec.new_session) ::setsid();
  enter_cgroups(context);
  set_limits(context);
  set_streams(context);
  if (!spec.directory.empty() && ::chdir(spec.directory.c_str()) != 0) {
    give_up(context, SpawnStage::directory);
  }
  become(context);
  reset_signals(context);
  const unsigned first_other = pass_on(context);
  ::syscall(SYS_close_range, first_other, ~0U, CLOSE_RANGE_CLOEXEC);
  execute(context);
}

std::string_view path_of(const std::vector<std::string>& environment) {
  for (std::string_view variable : environment) {
    if (variable.starts_with("PATH=")) return variable.substr(5);
  }
  return default_path;
}

// Where execvp(3) would look.
std::vector<std::string> places_of(const SpawnSpec& spec) {
  if (spec.program.empty() || spec.program.find('/') != std::string::npos) return {spec.program};
  std::vector<std::string> places;
  std::string_view path = path_of(spec.environment);
  while (true) {
    size_t end = path.find(':');
    std::string_view directory = path.substr(0, end);
    places.push_back(fmt::format("{}/{}", directory.empty() ? "." : directory, spec.program));
    if (end == std::string_view::npos) return places;
    path.remove_prefix(end + 1);
  }
}

std::vector<const char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<const char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(string.c_str());
  pointers.push_back(nullptr);
  return pointers;
}

// A descriptor above the standard ones, so that dup2 in the child overwrites none that it still
// needs. `opened` owns it when it is not the caller's.
Result<int> open_stream(const Stream& stream, int target, FileDescriptor& opened) {
  if (stream.descriptor >= 3) return stream.descriptor;
  const char* path = stream.path.empty() ? "/dev/null" : stream.path.c_str();
  if (stream.descriptor >= 0) {
    opened = FileDescriptor(::fcntl(stream.descriptor, F_DUPFD_CLOEXEC, 3));
    path = "a standard stream";
  } else {
    int flags = target == 0 ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
    opened = FileDescriptor(::open(path, flags | O_CLOEXEC | O_NOCTTY, 0644));
    if (opened && opened.get() < 3) {
      opened = FileDescriptor(::fcntl(opened.get(), F_DUPFD_CLOEXEC, 3));
    }
  }
  if (!opened) return std::unexpected(system_error(errno, path));
  return opened.get();
}

// Above where they go, so that none is overwritten before its turn.
Result<std::vector<int>> lift(const std::vector<int>& descriptors,
                              std::vector<FileDescriptor>& duplicates) {
  std::vector<int> lifted;
  const int lowest = 3 + static_cast<int>(descriptors.size());
  for (const int descriptor : descriptors) {
    duplicates.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, lowest));
    if (!duplicates.back()) return std::unexpected(system_error(errno, "a descriptor to pass on"));
    lifted.push_back(duplicates.back().get());
  }
  return lifted;
}

Error spawn_error(const SpawnSpec& spec, SpawnStage stage, int error_number) {
  std::string what;
  switch (stage) {
    case SpawnStage::none:
    case SpawnStage::create:
      what = "a new process";
      break;
    case SpawnStage::limits:
      what = "setting resource limits";
      break;
    case SpawnStage::cgroup:
      what = "entering the cgroup";
      break;
    case SpawnStage::streams:
      what = "the standard streams";
      break;
    case SpawnStage::directory:
      what = fmt::format("working directory '{}'", spec.directory);
      break;
    case SpawnStage::identity:
      what = fmt::format("becoming user {}", spec.identity ? spec.identity->uid : 0);
      break;
    case SpawnStage::execute:
      what = fmt::format("Failed to execute '{}'", spec.program);
      break;
  }
  return system_error(error_number, what);
}

using Clone = int (*)(int (*)(void*), void*, int, void*, ...);

Clone clone_function() {
#if __has_feature(thread_sanitizer)
  // ThreadSanitizer's own takes every child for one with memory of its own.
  static const auto next = reinterpret_cast<Clone>(::dlsym(RTLD_NEXT, "clone"));
  return next;
#else
  return &::clone;
#endif
}

struct Started {
  pid_t pid = -1;
  int descriptor = -1;  // pidfd
  int error_number = 0;
};

Started start(SpawnContext& context) {
  alignas(16) char stack[child_stack_bytes];
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Started started;
  int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
  if (context.spec->want_descriptor) flags |= CLONE_PIDFD;
  const Clone clone = clone_function();
  started.pid = clone(child_main, stack + sizeof stack, flags, &context, &started.descriptor);
  started.error_number = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace

Result<Process> spawn(const SpawnSpec& spec, SpawnStage* stage) {
  SpawnStage ignored;
  SpawnStage& failed_at = stage ? *stage : ignored;
  SpawnContext context;
  context.spec = &spec;

  failed_at = SpawnStage::streams;
  std::array<FileDescriptor, 3> opened;
  std::vector<FileDescriptor> duplicates;
  const std::array<const Stream*, 3> streams{&spec.standard_input, &spec.standard_output,
                                             &spec.standard_error};
  for (size_t i = 0; i < 3; ++i) {
    TRY(context.streams[i], open_stream(*streams[i], static_cast<int>(i), opened[i]));
  }
  TRY(context.descriptors, lift(spec.descriptors, duplicates));
  failed_at = SpawnStage::cgroup;
  std::vector<FileDescriptor> cgroups;
  for (const std::string& path : spec.cgroup_procs) {
    cgroups.emplace_back(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!cgroups.back()) return std::unexpected(system_error(errno, path));
    context.cgroups.push_back(cgroups.back().get());
  }
  std::vector<std::string> places = places_of(spec);
  context.candidates = pointers_to(places);
  context.arguments = pointers_to(spec.arguments);
  if (spec.arguments.empty())
    context.arguments.insert(context.arguments.begin(), spec.program.c_str());
  context.environment = pointers_to(spec.environment);
  context.shell_arguments = {"/bin/sh", nullptr};
  context.shell_arguments.insert(context.shell_arguments.end(), context.arguments.begin() + 1,
                                 context.arguments.end());

  failed_at = SpawnStage::create;
  Started started = start(context);
  if (started.pid < 0) return std::unexpected(spawn_error(spec, failed_at, started.error_number));
  Process process;
  process.pid = started.pid;
  if (spec.want_descriptor) process.descriptor = FileDescriptor(started.descriptor);
  if (context.stage != SpawnStage::none) {
    failed_at = context.stage;
    TRY_VOID(wait_for(process.pid));
    return std::unexpected(spawn_error(spec, failed_at, context.error_number));
  }
  failed_at = SpawnStage::none;
  return process;
}

Result<int> wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return std::unexpected(system_error(errno, fmt::format("waiting for process {}", pid)));
    }
  }
  return status;
}

std::string describe_status(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exited with status {}", WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status)) {
    return fmt::format("terminated with signal {}", ::strsignal(WTERMSIG(wait_status)));
  }
  return fmt::format("wait status {}", wait_status);
}

Result<FileDescriptor> open_process(pid_t pid) {
  FileDescriptor descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (!descriptor) {
    return std::unexpected(system_error(errno, fmt::format("process {}", pid)));
  }
  return descriptor;
}

}  // namespace mesolith::os
