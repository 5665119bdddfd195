// SPDX-License-Identifier: Apache-2.0
#include "processes.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "measure.hpp"

extern char** environ;

namespace mesolith::bench {
namespace {

using namespace std::chrono_literals;

constexpr double start_seconds_max = 20;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool listens(uint16_t port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool there =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return there;
}

}  // namespace

WorkDirectory::WorkDirectory() {
  std::string name = MESOLITH_BUILD_DIR "/bench/work-XXXXXX";
  if (!mkdtemp(name.data())) give_up("no directory " + name);
  path_ = name;
}

WorkDirectory::~WorkDirectory() {
  for (const pid_t process : processes_below(path_)) kill(process, SIGKILL);
  for (int i = 0; i < 200 && !processes_below(path_).empty(); ++i)
    std::this_thread::sleep_for(10ms);
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Program::Program(std::vector<std::string> words, const std::string& log) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  if (posix_spawn(&pid_, arguments[0], &files, nullptr, arguments.data(), environ) != 0)
    give_up("cannot start " + words[0]);
  posix_spawn_file_actions_destroy(&files);
}

Program::~Program() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  for (int i = 0; i < 300; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    std::this_thread::sleep_for(10ms);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

int Program::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

uint16_t free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(probe, reinterpret_cast<sockaddr*>(&address), size) != 0) give_up("no free port");
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return ntohs(address.sin_port);
}

void wait_listening(uint16_t port) {
  const double deadline = seconds_now() + start_seconds_max;
  while (!listens(port)) {
    if (seconds_now() > deadline) give_up(fmt::format("nobody listens on port {}", port));
    std::this_thread::sleep_for(1ms);
  }
}

std::vector<pid_t> processes_below(const std::string& directory) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t process = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), process).ec != std::errc())
      continue;
    std::ifstream file(entry.path() / "cmdline");
    std::stringstream line;
    line << file.rdbuf();
    if (process != getpid() && line.str().find(directory) != std::string::npos)
      found.push_back(process);
  }
  return found;
}

RealCluster::RealCluster(const std::string& directory, const ClusterShape& shape)
    : port_(free_port()) {
  std::filesystem::create_directories(directory);
  master_ = std::make_unique<Program>(
      std::vector<std::string>{MESOLITH_PROGRAM, "master", "--ip=127.0.0.1",
                               fmt::format("--port={}", port_),
                               "--work_dir=" + directory + "/master", "--quiet"},
      directory + "/master.log");
  wait_listening(port_);
  if (shape.agent_program.empty()) return;
  std::vector<std::string> words = {shape.agent_program};
  words.insert(words.end(), shape.agent_words.begin(), shape.agent_words.end());
  for (const std::string& flag :
       {std::string("--ip=127.0.0.1"), std::string("--port=0"), "--master=" + master(),
        "--work_dir=" + directory + "/agent", "--runtime_dir=" + directory + "/run",
        "--resources=" + shape.resources, std::string("--isolation=posix/cpu,posix/mem"),
        std::string("--quiet")}) {
    words.push_back(flag);
  }
  agent_ = std::make_unique<Program>(std::move(words), directory + "/agent.log");
}

std::string RealCluster::master() const {
  return fmt::format("127.0.0.1:{}", port_);
}

}  // namespace mesolith::bench
