// SPDX-License-Identifier: Apache-2.0
// Unix stream sockets that carry frames: the length as an unsigned 32-bit little-endian number,
// then that many bytes. Sockets are non-blocking and expose their descriptor for a poller; the
// wait_* functions are for callers that have none. A frame longer than the limit ends a connection:
// after a FrameDecoder has failed it stays failed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "base/time.hpp"
#include "os/files.hpp"

namespace mesolith::os {

inline constexpr size_t frame_bytes_max = 16u << 20;

// `payload` as a frame, added to `out`. CHECKs that it fits 32 bits.
void append_frame(std::string& out, std::string_view payload);

class FrameDecoder {
 public:
  explicit FrameDecoder(size_t bytes_max = frame_bytes_max) : bytes_max_(bytes_max) {}
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole frame, nothing when more bytes are needed, or Error{too_large}. The view is
  // valid until feed().
  Result<std::optional<std::string_view>> next();
  // Bytes of a frame that is not whole yet.
  size_t pending() const { return buffer_.size() - position_; }

 private:
  size_t bytes_max_;
  std::string buffer_;
  size_t position_ = 0;
};

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// One connection. read_some() and flush() never wait.
class UnixStream {
 public:
  // Waits until the listener has taken it in its queue. not_found and unavailable: nobody listens.
  static Result<UnixStream> connect(const std::string& path);
  explicit UnixStream(FileDescriptor socket, size_t frame_bytes_max = os::frame_bytes_max)
      : socket_(std::move(socket)), decoder_(frame_bytes_max) {}

  int descriptor() const { return socket_.get(); }
  Result<PeerCredentials> peer() const;

  // Reads what there is. False: the peer has closed. Then next_frame() until it has none.
  Result<bool> read_some();
  Result<std::optional<std::string_view>> next_frame() { return decoder_.next(); }

  // Adds a frame to what is to be sent, and sends what can be.
  Result<void> send_frame(std::string_view payload);
  Result<void> flush();
  size_t unsent() const { return outgoing_.size() - sent_; }  // bytes; poll for writing while > 0

  // Sends all, or waits for the next frame; Error{unavailable} after `wait_max` or at the end.
  Result<void> wait_sent(Duration wait_max);
  Result<std::string> wait_frame(Duration wait_max);

 private:
  FileDescriptor socket_;
  FrameDecoder decoder_;
  std::string outgoing_;
  size_t sent_ = 0;
};

// The socket file belongs to the listener: it replaces one that is there, and is removed with it.
class UnixListener {
 public:
  static Result<UnixListener> listen(const std::string& path, mode_t mode = 0600);
  UnixListener(UnixListener&&) = default;
  UnixListener& operator=(UnixListener&&) = default;
  ~UnixListener();

  int descriptor() const { return socket_.get(); }
  // Nothing when nobody is waiting.
  Result<std::optional<FileDescriptor>> accept();

 private:
  UnixListener(FileDescriptor socket, std::string path)
      : socket_(std::move(socket)), path_(std::move(path)) {}
  FileDescriptor socket_;
  std::string path_;
};

// The only holder of a lock file, for as long as it lives. Error{conflict}: another process has it.
class LockFile {
 public:
  static Result<LockFile> take(const std::string& path);

 private:
  explicit LockFile(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;
};

}  // namespace mesolith::os
