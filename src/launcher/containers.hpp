// SPDX-License-Identifier: Apache-2.0
// The containers of one launcher: started, watched, ended. Nothing here waits for a container; what
// is not gone yet is looked at again at next_retry().
//
// A container is its first process, which leads a session, and everything that came of it. When the
// first process ends, whatever it leaves behind becomes a child of the launcher, a subreaper. Such
// a stranger belongs to the container whose session or group it is in, whose directory its
// MESOS_DIRECTORY names, or in whose directory it works or has its standard streams. A container
// taken over from an earlier launcher has no such children: there all processes are searched for
// the same signs.
//
// A container has ended once its first process has and no process of it is left.
//
// Every container's processes are marked by a variable that names it and this launcher, so one is
// found again even when nothing else remembers it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "launcher/cgroup_pool.hpp"
#include "launcher/checkpoints.hpp"
#include "launcher/sandboxes.hpp"
#include "mesolith/launcher.pb.h"
#include "os/process.hpp"

namespace mesolith::launcher {

struct ContainerState {
  std::string container_id;
  std::string directory;
  pid_t pid = 0;  // 0: not known, it was lost with an earlier launcher
  uint64_t start_time_ticks = 0;
  Container::State state = Container::RUNNING;
  bool adopted = false;           // from an earlier launcher, so no child of this one
  os::FileDescriptor descriptor;  // a pidfd, adopted ones only
  bool first_process_ended = false;
  bool shares_directory = false;  // its directory says nothing about whose a process is
  std::string cgroup;             // empty: none
  os::CgroupStatistics cgroup_before;
  int wait_status = -1;
  Usage usage;
  Duration retry_wait = Duration::zero();
  std::optional<Exited> exited;  // state EXITED
};

// Its value is "<container_id>@<state directory of the launcher>".
inline constexpr std::string_view container_variable = "MESOLITH_CONTAINER";

using Events = std::vector<Event>;  // without their sequence numbers

class Containers {
 public:
  // All must outlive it. Events are added to `events`.
  Containers(Checkpoints& checkpoints, CgroupPool& cgroups, Events& events);

  // Takes over what an earlier launcher left. First of all.
  void recover();
  // pidfds that someone must poll, and call adopted_ended for: those that are new since last asked.
  std::vector<std::pair<int, std::string>> take_unwatched();
  void adopted_ended(const std::string& container_id);

  // In order, and as many as there are; the caller hands over few at a time.
  void carry_out(std::vector<Request> requests);
  // Call when children may have ended, after carry_out(), and at next_retry().
  void reap(Time now);
  Time next_retry() const { return next_retry_; }

  // Adds Exited for all that are not acknowledged.
  void replay();
  // Neither running nor being destroyed.
  bool owns_nothing() const { return live_ == 0; }

 private:
  // containers.cpp
  void launch(const Launch& request);
  Result<void> start(const Launch& request, ContainerState& container, LaunchFailed& failed);
  void resize(const Resize& request);
  void signal(const Signal& request);
  void destroy(const Destroy& request);
  void acknowledge(const Acknowledge& request);
  void list();
  void statistics(const Statistics& request);
  void say_launched(const ContainerState& container);
  std::vector<pid_t> processes_of(const ContainerState& container);
  const os::ProcessTable& table();

  // endings.cpp
  void reap_children();
  void first_process_ended(ContainerState& container, int wait_status);
  void adopt_strangers();
  ContainerState* owner_of(pid_t pid, bool& unsure);
  ContainerState* owner_of_path(std::string path);
  bool has_sign_of(const os::ProcessStatus& status, const ContainerState& container) const;
  bool end_rest(ContainerState& container);
  bool end_strangers(ContainerState& container);
  bool end_adopted(ContainerState& container);
  void finish(ContainerState& container);

  // recovery.cpp
  void recover_one(const Remembered& remembered);
  Memory find_marked();
  std::string cgroup_of(pid_t pid) const;

  Checkpoints& checkpoints_;
  CgroupPool& cgroups_;
  Events& events_;
  Sandboxes sandboxes_;
  os::FileDescriptor null_;

  std::map<std::string, ContainerState> containers_;
  std::map<pid_t, std::string> by_pid_;  // first processes that are our children, and sessions
  std::map<std::string, std::string> by_directory_;  // of those that have not ended
  std::set<std::string> ending_;                     // state DESTROYING
  std::vector<std::string> unwatched_;
  struct Stranger {
    std::string container_id;  // empty: not known whose it is
    Time since = never;        // when it was first seen
    bool unsure = false;       // it may yet turn out
  };
  std::map<pid_t, Stranger> strangers_;    // our children that are no first processes
  std::optional<os::ProcessTable> table_;  // of this turn
  size_t live_ = 0;
  Time next_retry_ = never;
};

}  // namespace mesolith::launcher
