// SPDX-License-Identifier: Apache-2.0
#include "bare.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "measure.hpp"

extern char** environ;

namespace mesolith::bench {
namespace {

constexpr size_t batch = 64;
constexpr size_t request_bytes = 60;
constexpr size_t answer_bytes = 13;
constexpr size_t page_bytes = 4096;

// In `directory` with output to two files there; both may be empty: inherited.
void spawn_and_reap(const char* program, const char* directory, int out, int err) {
  char* const arguments[] = {const_cast<char*>(program), nullptr};
  const pid_t child = vfork();
  if (child == 0) {
    if (directory && (chdir(directory) != 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)) _exit(126);
    execve(program, arguments, environ);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
    give_up(fmt::format("cannot run {}", program));
}

void bare_loop(const std::string& directory, const std::string& program, size_t launches) {
  for (size_t i = 0; i < launches; ++i) {
    const std::string sandbox = fmt::format("{}/{}", directory, i);
    mkdir(sandbox.c_str(), 0755);
    constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    const int out = open((sandbox + "/stdout").c_str(), flags, 0644);
    const int err = open((sandbox + "/stderr").c_str(), flags, 0644);
    spawn_and_reap(program.c_str(), sandbox.c_str(), out, err);
    close(out);
    close(err);
  }
}

bool read_whole(int socket, char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t got = read(socket, bytes, size);
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

void write_whole(int socket, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t put = write(socket, bytes, size);
    if (put <= 0) give_up("a loopback connection broke");
    bytes += put;
    size -= static_cast<size_t>(put);
  }
}

// Another process answers each `in` bytes with `out` bytes. Returns our end of the connection.
int start_echo(size_t in, size_t out, pid_t& child) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1) != 0)
    give_up("no loopback socket");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int one = 1;
  child = fork();
  if (child == 0) {
    const int peer = accept(listener, nullptr, nullptr);
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    std::vector<char> bytes(std::max(in, out));
    while (read_whole(peer, bytes.data(), in)) write_whole(peer, bytes.data(), out);
    _exit(0);
  }
  close(listener);
  const int ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(ours, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(ours, reinterpret_cast<sockaddr*>(&address), size) != 0)
    give_up("no loopback connection");
  return ours;
}

// Seconds of each exchange.
std::vector<double> exchange(size_t in, size_t out, size_t times) {
  pid_t child = -1;
  const int socket = start_echo(in, out, child);
  std::vector<char> bytes(std::max(in, out));
  std::vector<double> seconds;
  seconds.reserve(times);
  for (size_t i = 0; i < times; ++i) {
    const double start = seconds_now();
    write_whole(socket, bytes.data(), in);
    if (!read_whole(socket, bytes.data(), out)) give_up("a loopback connection broke");
    seconds.push_back(seconds_now() - start);
  }
  close(socket);
  waitpid(child, nullptr, 0);
  return seconds;
}

}  // namespace

double bare_launches_per_second(const std::string& directory, const std::string& program,
                                size_t launches) {
  const std::string halves[] = {directory + "/bare0", directory + "/bare1"};
  for (const std::string& half : halves) std::filesystem::create_directories(half);
  const double start = seconds_now();
  std::vector<pid_t> children;
  for (const std::string& half : halves) {
    const pid_t child = fork();
    if (child == 0) {
      bare_loop(half, program, launches / 2);
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) give_up("the bare loop failed");
  }
  const double took = seconds_now() - start;
  for (const std::string& half : halves) std::filesystem::remove_all(half);
  return static_cast<double>(launches / 2 * 2) / took;
}

double bare_spawn_seconds(const std::string& program, size_t launches) {
  std::vector<double> seconds;
  for (size_t i = 0; i < launches; ++i) {
    const double start = seconds_now();
    spawn_and_reap(program.c_str(), nullptr, -1, -1);
    seconds.push_back(seconds_now() - start);
  }
  return median(std::move(seconds));
}

double loopback_round_trip_seconds(size_t trips) {
  return median(exchange(64, 64, trips));
}

double loopback_frames_per_second(size_t batches) {
  const double start = seconds_now();
  exchange(batch * request_bytes, batch * answer_bytes, batches);
  return static_cast<double>(batches * batch) / (seconds_now() - start);
}

double syncs_per_second(const std::string& directory, double seconds) {
  const std::string path = directory + "/syncs";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  const std::vector<char> page(page_bytes, 'x');
  constexpr size_t pages = 256;
  for (size_t i = 0; i < pages; ++i)
    if (pwrite(file, page.data(), page_bytes, static_cast<off_t>(i * page_bytes)) < 0)
      give_up("cannot write " + path);
  fsync(file);
  const double start = seconds_now();
  size_t done = 0;
  for (; seconds_now() - start < seconds; ++done) {
    if (pwrite(file, page.data(), page_bytes, static_cast<off_t>(done % pages * page_bytes)) < 0 ||
        fdatasync(file) != 0)
      give_up("cannot sync " + path);
  }
  const double took = seconds_now() - start;
  close(file);
  unlink(path.c_str());
  return static_cast<double>(done) / took;
}

}  // namespace mesolith::bench
