// SPDX-License-Identifier: Apache-2.0
#include "launcher/containers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "base/check.hpp"
#include "base/log.hpp"

namespace mesolith::launcher {
namespace {

// A Listing of them must fit a frame.
constexpr size_t containers_max = 20'000;
constexpr std::string_view directory_variable = "MESOS_DIRECTORY=";

std::optional<os::Identity> identity_of(const Launch& request) {
  if (!request.has_user()) return std::nullopt;
  os::Identity identity;
  identity.uid = request.user().uid();
  identity.gid = request.user().gid();
  identity.groups.assign(request.user().groups().begin(), request.user().groups().end());
  return identity;
}

os::CgroupLimits limits_of(const Cgroup& cgroup) {
  os::CgroupLimits limits;
  if (cgroup.has_cpu_shares()) limits.cpu_shares = cgroup.cpu_shares();
  if (cgroup.has_cpu_quota_micros()) limits.cpu_quota_micros = cgroup.cpu_quota_micros();
  if (cgroup.has_cpu_period_micros()) limits.cpu_period_micros = cgroup.cpu_period_micros();
  if (cgroup.has_memory_limit_bytes()) limits.memory_limit_bytes = cgroup.memory_limit_bytes();
  if (cgroup.has_memory_soft_limit_bytes()) {
    limits.memory_soft_limit_bytes = cgroup.memory_soft_limit_bytes();
  }
  if (cgroup.has_processes_max()) limits.processes_max = cgroup.processes_max();
  return limits;
}

os::SpawnSpec spec_of(const Launch& request, const std::string& state_directory) {
  os::SpawnSpec spec;
  spec.program = request.program();
  spec.arguments.assign(request.arguments().begin(), request.arguments().end());
  spec.environment.reserve(static_cast<size_t>(request.environment_size()) + 1);
  for (const std::string& variable : request.environment()) {
    if (!variable.starts_with(directory_variable) && !variable.starts_with(container_variable))
      spec.environment.push_back(variable);
  }
  spec.environment.push_back(fmt::format("{}{}", directory_variable, request.directory()));
  spec.environment.push_back(
      fmt::format("{}={}@{}", container_variable, request.container_id(), state_directory));
  spec.directory = request.directory();
  spec.identity = identity_of(request);
  spec.new_session = true;
  for (const ResourceLimit& limit : request.limits()) {
    rlimit value{};
    value.rlim_cur = limit.has_soft() ? limit.soft() : RLIM_INFINITY;
    value.rlim_max = limit.has_hard() ? limit.hard() : RLIM_INFINITY;
    spec.limits.push_back({limit.resource(), value});
  }
  return spec;
}

LaunchFailed::Cause cause_of(os::SpawnStage stage) {
  switch (stage) {
    case os::SpawnStage::directory:
      return LaunchFailed::DIRECTORY;
    case os::SpawnStage::identity:
      return LaunchFailed::USER;
    case os::SpawnStage::execute:
      return LaunchFailed::EXEC;
    default:
      return LaunchFailed::SYSTEM;
  }
}

}  // namespace

Containers::Containers(Checkpoints& checkpoints, CgroupPool& cgroups, Events& events)
    : checkpoints_(checkpoints),
      cgroups_(cgroups),
      events_(events),
      null_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

void Containers::carry_out(std::vector<Request> requests) {
  table_.reset();
  // That there is about to be a process must be known before there is one.
  for (const Request& request : requests) {
    if (!request.has_launch() || containers_.contains(request.launch().container_id())) continue;
    Record::Launching launching;
    launching.set_container_id(request.launch().container_id());
    launching.set_directory(request.launch().directory());
    checkpoints_.launching(std::move(launching));
  }
  checkpoints_.flush();
  for (const Request& request : requests) {
    switch (request.request_case()) {
      case Request::kLaunch:
        launch(request.launch());
        break;
      case Request::kSignal:
        signal(request.signal());
        break;
      case Request::kDestroy:
        destroy(request.destroy());
        break;
      case Request::kAcknowledge:
        acknowledge(request.acknowledge());
        break;
      case Request::kList:
        list();
        break;
      case Request::kStatistics:
        statistics(request.statistics());
        break;
      case Request::kResize:
        resize(request.resize());
        break;
      case Request::REQUEST_NOT_SET:
        break;  // of a newer agent
    }
  }
  checkpoints_.flush();
}

void Containers::say_launched(const ContainerState& container) {
  Launched& launched = *events_.emplace_back().mutable_launched();
  launched.set_container_id(container.container_id);
  launched.set_pid(container.pid);
  launched.set_start_time_ticks(container.start_time_ticks);
}

void Containers::launch(const Launch& request) {
  auto found = containers_.find(request.container_id());
  if (found != containers_.end()) {
    say_launched(found->second);
    if (found->second.exited) *events_.emplace_back().mutable_exited() = *found->second.exited;
    return;
  }
  ContainerState container;
  container.container_id = request.container_id();
  container.directory = request.directory();
  LaunchFailed failed;
  failed.set_cause(LaunchFailed::SYSTEM);
  if (auto started = start(request, container, failed); !started) {
    if (!container.cgroup.empty()) cgroups_.give_back(container.cgroup);
    failed.set_container_id(request.container_id());
    failed.set_message(started.error().message);
    *events_.emplace_back().mutable_launch_failed() = std::move(failed);
    checkpoints_.forget(request.container_id());
    return;
  }
  Record::Running running;
  running.set_container_id(container.container_id);
  running.set_pid(container.pid);
  running.set_start_time_ticks(container.start_time_ticks);
  checkpoints_.running(std::move(running));
  by_pid_[container.pid] = container.container_id;
  by_directory_.emplace(container.directory, container.container_id);
  ++live_;
  say_launched(container);
  containers_.emplace(container.container_id, std::move(container));
}

Result<void> Containers::start(const Launch& request, ContainerState& container,
                               LaunchFailed& failed) {
  if (request.container_id().empty()) return failure(Code::invalid, "a container needs an id");
  if (containers_.size() >= containers_max) {
    return failure(Code::unavailable,
                   fmt::format("there are {} containers already", containers_.size()));
  }
  os::SpawnSpec spec = spec_of(request, checkpoints_.state_directory());
  auto outputs = sandboxes_.make(request.directory(), spec.identity);
  if (!outputs) {
    failed.set_cause(LaunchFailed::DIRECTORY);
    return std::unexpected(std::move(outputs).error());
  }
  if (request.has_link()) {
    failed.set_cause(LaunchFailed::DIRECTORY);
    TRY_VOID(sandboxes_.link(request.directory(), request.link()));
    failed.set_cause(LaunchFailed::SYSTEM);
  }
  if (request.has_cgroup()) {
    TRY(auto lease, cgroups_.lease(limits_of(request.cgroup())));
    container.cgroup = lease.name;
    container.cgroup_before = lease.before;
    spec.cgroup_procs = cgroups_.hierarchy().process_files(lease.name);
  }
  container.shares_directory = by_directory_.contains(request.directory());
  if (container.shares_directory || !container.cgroup.empty()) {
    Record::Launching launching;
    launching.set_container_id(request.container_id());
    launching.set_directory(request.directory());
    if (!container.cgroup.empty()) launching.set_cgroup(container.cgroup);
    launching.set_shares_directory(container.shares_directory);
    checkpoints_.launching(std::move(launching));
    checkpoints_.flush();
  }
  spec.standard_input.descriptor = null_.get();
  spec.standard_output.descriptor = outputs->standard_output.get();
  spec.standard_error.descriptor = outputs->standard_error.get();
  os::SpawnStage stage = os::SpawnStage::none;
  auto process = os::spawn(spec, &stage);
  if (!process) {
    failed.set_cause(cause_of(stage));
    return std::unexpected(std::move(process).error());
  }
  container.pid = process->pid;
  // It is our child and not waited for yet, so it is there, be it as a zombie.
  if (auto status = os::process_status(container.pid)) {
    container.start_time_ticks = status->start_time_ticks;
  }
  return {};
}

void Containers::resize(const Resize& request) {
  auto found = containers_.find(request.container_id());
  if (found == containers_.end() || found->second.cgroup.empty()) return;
  if (found->second.state != Container::RUNNING) return;
  auto updated = cgroups_.hierarchy().update(found->second.cgroup, limits_of(request.cgroup()));
  if (!updated) {
    log::warning("Container {} keeps its limits: {}", request.container_id(),
                 updated.error().message);
  }
}

const os::ProcessTable& Containers::table() {
  if (!table_) table_ = os::process_table().value_or(os::ProcessTable());
  return *table_;
}

std::vector<pid_t> Containers::processes_of(const ContainerState& container) {
  std::set<pid_t> pids;
  auto add_tree = [&](pid_t root) {
    for (pid_t pid : os::process_tree(table(), root)) pids.insert(pid);
  };
  if (!container.first_process_ended && container.pid > 0) add_tree(container.pid);
  if (container.adopted) {
    for (const auto& [pid, status] : table()) {
      if (has_sign_of(status, container)) pids.insert(pid);
    }
  } else {
    adopt_strangers();
    for (const auto& [pid, stranger] : strangers_) {
      if (stranger.container_id == container.container_id) add_tree(pid);
    }
  }
  return {pids.begin(), pids.end()};
}

void Containers::signal(const Signal& request) {
  auto found = containers_.find(request.container_id());
  if (found == containers_.end() || found->second.state == Container::EXITED) return;
  const ContainerState& container = found->second;
  if (request.signal() <= 0 || request.signal() > SIGRTMAX) return;
  if (!request.tree()) {
    // A child that is not waited for keeps its pid; one that is adopted may have given it away.
    if (!container.first_process_ended &&
        (!container.adopted || os::is_running(container.pid, container.start_time_ticks))) {
      ::kill(container.pid, request.signal());
    }
    return;
  }
  table_.reset();
  for (pid_t pid : processes_of(container)) ::kill(pid, request.signal());
}

void Containers::destroy(const Destroy& request) {
  auto found = containers_.find(request.container_id());
  if (found == containers_.end() || found->second.state != Container::RUNNING) return;
  ContainerState& container = found->second;
  container.state = Container::DESTROYING;
  ending_.insert(container.container_id);
  if (!container.cgroup.empty()) (void)cgroups_.hierarchy().kill(container.cgroup);
  // What is left when it ends is found then. Adopted ones are searched for at the next reap().
  if (!container.adopted) {
    ::kill(-container.pid, SIGKILL);
    ::kill(container.pid, SIGKILL);
  }
}

void Containers::acknowledge(const Acknowledge& request) {
  auto found = containers_.find(request.container_id());
  if (found == containers_.end() || found->second.state != Container::EXITED) return;
  containers_.erase(found);
  checkpoints_.forget(request.container_id());
}

void Containers::list() {
  Listing& listing = *events_.emplace_back().mutable_listing();
  for (const auto& [container_id, state] : containers_) {
    Container& container = *listing.add_containers();
    container.set_container_id(container_id);
    container.set_pid(state.pid);
    container.set_state(state.state);
    container.set_directory(state.directory);
    if (!state.exited) continue;
    container.set_wait_status(state.exited->wait_status());
    if (state.exited->has_memory_limitation()) {
      *container.mutable_memory_limitation() = state.exited->memory_limitation();
    }
  }
}

void Containers::replay() {
  for (const auto& [container_id, container] : containers_) {
    if (container.exited) *events_.emplace_back().mutable_exited() = *container.exited;
  }
}

}  // namespace mesolith::launcher
