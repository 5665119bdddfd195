// SPDX-License-Identifier: Apache-2.0
// The processes a benchmark measures: a directory that goes with its owner, programs of the build,
// and a master with its agents on loopback. Everything that was started below the directory is
// killed by its pid at the end, the launchers too.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace mesolith::bench {

class WorkDirectory {  // below the build directory, so on the disk that the build is on
 public:
  WorkDirectory();
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Program {
 public:
  // Output goes to `log`. argv[0] is the path of the program.
  Program(std::vector<std::string> words, const std::string& log);
  ~Program();  // SIGTERM, then SIGKILL
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  int wait();  // its exit status; -1 when a signal ended it

 private:
  pid_t pid_ = -1;
};

uint16_t free_port();
void wait_listening(uint16_t port);
// Processes whose command line names this directory.
std::vector<pid_t> processes_below(const std::string& directory);

struct ClusterShape {
  std::string agent_program;             // empty: no agent
  std::vector<std::string> agent_words;  // between the program and its flags
  std::string resources = "cpus:64;mem:65536;disk:100000";
};
class RealCluster {
 public:
  RealCluster(const std::string& directory, const ClusterShape& shape);

  std::string master() const;
  uint16_t port() const { return port_; }

 private:
  uint16_t port_;
  std::unique_ptr<Program> master_;
  std::unique_ptr<Program> agent_;
};

}  // namespace mesolith::bench
