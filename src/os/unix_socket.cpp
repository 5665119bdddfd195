// SPDX-License-Identifier: Apache-2.0
#include "os/unix_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>

#include "base/check.hpp"

namespace mesolith::os {
namespace {

constexpr size_t header_bytes = 4;
constexpr size_t read_bytes = 65536;

std::unexpected<Error> failed(std::string_view what) {
  return std::unexpected(system_error(errno, what));
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return failure(Code::invalid, fmt::format("{}: the path of a unix socket has 1 to {} bytes",
                                              path, sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<FileDescriptor> make_socket() {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failed("a unix socket");
  return socket;
}

// Waits for `events`; false when `deadline` passed first.
Result<bool> poll_until(int descriptor, short events, Time deadline) {
  while (true) {
    Duration left = std::max(Duration::zero(), deadline - clock_now());
    auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    pollfd wanted{descriptor, events, 0};
    int count = ::poll(&wanted, 1, static_cast<int>(std::min<int64_t>(milliseconds, 1'000'000)));
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return failed("poll");
    if (left == Duration::zero()) return false;
  }
}

}  // namespace

void append_frame(std::string& out, std::string_view payload) {
  CHECK(payload.size() <= std::numeric_limits<uint32_t>::max());
  auto size = static_cast<uint32_t>(payload.size());
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<char>((size >> shift) & 0xff));
  }
  out.append(payload);
}

Result<std::optional<std::string_view>> FrameDecoder::next() {
  std::string_view rest = std::string_view(buffer_).substr(position_);
  if (rest.size() >= header_bytes) {
    uint32_t size = 0;
    for (size_t i = 0; i < header_bytes; ++i) {
      size |= static_cast<uint32_t>(static_cast<unsigned char>(rest[i])) << (8 * i);
    }
    if (size > bytes_max_) {
      return failure(Code::too_large, fmt::format("a frame of {} bytes came; at most {} are taken",
                                                  size, bytes_max_));
    }
    if (rest.size() - header_bytes >= size) {
      position_ += header_bytes + size;
      return rest.substr(header_bytes, size);
    }
  }
  buffer_.erase(0, position_);
  position_ = 0;
  return std::nullopt;
}

Result<UnixStream> UnixStream::connect(const std::string& path) {
  TRY(sockaddr_un address, address_of(path));
  TRY(FileDescriptor socket, make_socket());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    int error_number = errno;
    Error error = system_error(error_number, path);
    if (error_number == ECONNREFUSED || error_number == EAGAIN) error.code = Code::unavailable;
    return std::unexpected(std::move(error));
  }
  return UnixStream(std::move(socket));
}

Result<PeerCredentials> UnixStream::peer() const {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return failed("the peer's credentials");
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

Result<bool> UnixStream::read_some() {
  char buffer[read_bytes];
  while (true) {
    ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (count < 0 && errno == ECONNRESET) return false;
    if (count < 0) return failed("reading from a unix socket");
    if (count == 0) return false;
    decoder_.feed({buffer, static_cast<size_t>(count)});
    // What is left is read at the next turn, so that the decoder holds one frame and a little.
    return true;
  }
}

Result<void> UnixStream::send_frame(std::string_view payload) {
  append_frame(outgoing_, payload);
  return flush();
}

Result<void> UnixStream::flush() {
  while (unsent() > 0) {
    ssize_t count = ::send(socket_.get(), outgoing_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0) return failed("writing to a unix socket");
    sent_ += static_cast<size_t>(count);
  }
  if (unsent() == 0) {
    outgoing_.clear();
    sent_ = 0;
  } else if (sent_ > read_bytes * 16) {
    outgoing_.erase(0, sent_);
    sent_ = 0;
  }
  return {};
}

Result<void> UnixStream::wait_sent(Duration wait_max) {
  Time deadline = saturating_add(clock_now(), wait_max);
  while (true) {
    TRY_VOID(flush());
    if (unsent() == 0) return {};
    TRY(bool ready, poll_until(socket_.get(), POLLOUT, deadline));
    if (!ready) return failure(Code::unavailable, "the peer does not read what is sent to it");
  }
}

Result<std::string> UnixStream::wait_frame(Duration wait_max) {
  Time deadline = saturating_add(clock_now(), wait_max);
  while (true) {
    TRY(auto frame, next_frame());
    if (frame) return std::string(*frame);
    TRY(bool ready, poll_until(socket_.get(), POLLIN, deadline));
    if (!ready) return failure(Code::unavailable, "no frame came in time");
    TRY(bool open, read_some());
    if (!open) {
      TRY(auto last, next_frame());
      if (last) return std::string(*last);
      return failure(Code::unavailable, "the peer has closed the connection");
    }
  }
}

Result<UnixListener> UnixListener::listen(const std::string& path, mode_t mode) {
  TRY(sockaddr_un address, address_of(path));
  TRY(FileDescriptor socket, make_socket());
  ::unlink(path.c_str());
  // The mode is set before anybody can connect: binding makes the file, listening opens it.
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), mode) != 0 || ::listen(socket.get(), 64) != 0) {
    return failed(path);
  }
  return UnixListener(std::move(socket), path);
}

UnixListener::~UnixListener() {
  if (socket_) ::unlink(path_.c_str());
}

Result<std::optional<FileDescriptor>> UnixListener::accept() {
  while (true) {
    FileDescriptor peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (peer) return peer;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
    return failed(path_);
  }
}

Result<LockFile> LockFile::take(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return failed(path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed(path);
    return failure(Code::conflict, fmt::format("{}: another process holds it", path));
  }
  return LockFile(std::move(file));
}

}  // namespace mesolith::os
