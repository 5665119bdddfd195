// SPDX-License-Identifier: Apache-2.0
// For this room's tests: a server with a loop on a thread of its own, and a raw blocking socket
// that speaks to it. Each wait has an end, after which the test fails.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include "net/http_server.hpp"

namespace mesolith::net::testing {

inline constexpr int wait_seconds_max = 30;

class RawSocket {
 public:
  explicit RawSocket(const Endpoint& endpoint, int receive_bytes = 0)
      : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_bytes > 0) {
      setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    const timeval limit{wait_seconds_max, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    inet_pton(AF_INET, endpoint.ip.c_str(), &address.sin_addr);
    EXPECT_EQ(connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawSocket() { ::close(descriptor_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  // False when the peer is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(size));
    }
    return true;
  }
  // False at the end, or when nothing comes for too long (errno is then EAGAIN).
  bool receive() {
    char buffer[65536];
    errno = 0;
    const ssize_t size = recv(descriptor_, buffer, sizeof buffer, 0);
    if (size < 0) EXPECT_NE(errno, EAGAIN) << "nothing came; so far: " << bytes_.substr(0, 500);
    if (size > 0) bytes_.append(buffer, static_cast<size_t>(size));
    return size > 0;
  }
  // Everything up to and with `end`, taken out of what has come.
  std::string take_until(std::string_view end) {
    size_t at = std::string::npos;
    while ((at = bytes_.find(end)) == std::string::npos) {
      if (!receive()) {
        ADD_FAILURE() << "no '" << end << "' in: " << bytes_.substr(0, 500);
        return std::exchange(bytes_, "");
      }
    }
    return take(at + end.size());
  }
  std::string take(size_t size) {
    while (bytes_.size() < size) {
      if (!receive()) break;
    }
    std::string taken = bytes_.substr(0, size);
    bytes_.erase(0, size);
    return taken;
  }
  // Head and body of one answer with Content-Length.
  std::string take_answer() {
    std::string head = take_until("\r\n\r\n");
    const size_t at = head.find("Content-Length: ");
    return at == std::string::npos ? head : head + take(std::stoul(head.substr(at + 16)));
  }
  std::string take_all() {
    while (receive()) {
    }
    return std::exchange(bytes_, "");
  }
  void end_sending() { shutdown(descriptor_, SHUT_WR); }
  void reset() {  // a close that the peer sees as RST
    const linger now{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
  std::string bytes_;
};

class ServerThread {
 public:
  explicit ServerThread(HttpServer::Handler handler, Limits limits = {})
      : server_(std::make_unique<HttpServer>(loop_, limits, std::move(handler))) {
    auto endpoint = server_->listen("127.0.0.1", 0);
    EXPECT_TRUE(endpoint.has_value());
    endpoint_ = *endpoint;
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ServerThread() {
    call([this] { server_.reset(); });
    loop_.stop();
    thread_.join();
  }

  // Runs on the loop and waits for it.
  template <class F>
  std::invoke_result_t<F> call(F work) {
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(work));
    auto done = task.get_future();
    loop_.post([&task] { task(); });
    return done.get();
  }
  // Looks again in each turn until the condition holds.
  void await(const std::function<bool()>& condition) {
    const Time limit = clock_now() + std::chrono::seconds(wait_seconds_max);
    while (!call(condition)) {
      if (clock_now() > limit) FAIL() << "the condition never held";
    }
  }
  const Endpoint& endpoint() const { return endpoint_; }
  HttpServer& server() { return *server_; }
  Loop& loop() { return loop_; }

 private:
  Loop loop_;
  std::unique_ptr<HttpServer> server_;
  Endpoint endpoint_;
  std::thread thread_;
};

// Runs a loop on the test's own thread until stop() is called on it, or fails.
inline void run_or_fail(Loop& loop) {
  bool late = false;
  Timer limit(loop, [&] {
    late = true;
    loop.stop();
  });
  limit.set(clock_now() + std::chrono::seconds(wait_seconds_max));
  loop.run();
  EXPECT_FALSE(late) << "the test waits for something that does not come";
}

}  // namespace mesolith::net::testing
