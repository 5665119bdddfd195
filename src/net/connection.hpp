// SPDX-License-Identifier: Apache-2.0
// A stream socket for this room's own use: bytes in, by callback; bytes out, gathered into as few
// writes as possible. Its owner hears nothing after destroying it, which it may do in a callback.
// Bytes written in one callback, or in one turn of the loop, leave together.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"

namespace mesolith::net {

class Connection {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_connected() {}
    // Returns how many it took: all, unless it has paused reading.
    virtual size_t on_bytes(std::string_view bytes) = 0;
    // The peer sends no more; it may still read. Not noticed for long while reading is paused.
    virtual void on_end() = 0;
    // Unsent bytes have become fewer.
    virtual void on_sent() {}
    // The last call. Never from inside a call to the connection.
    virtual void on_failed(Error error) = 0;
  };

  // To be connected to `peer`; on_connected or on_failed follows.
  Connection(Loop& loop, Owner& owner, const Endpoint& peer);
  // Takes over a connected, non-blocking socket of a Listener. Reading starts from the loop.
  Connection(Loop& loop, Owner& owner, int descriptor);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void write(std::string_view bytes);  // copies; for small pieces
  void write_large(std::string bytes);
  // Gives the kernel what it takes now instead of at the end of the turn.
  void flush();
  size_t unsent_bytes() const;
  // After what was written, the peer sees the end. Nothing may be written then.
  void end_writing();
  void pause_reading();
  void resume_reading();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Accepts connections and hands them on as bare sockets with their peer's "ip:port".
class Listener {
 public:
  using Accept = std::function<void(int descriptor, std::string peer)>;

  static Result<std::unique_ptr<Listener>> open(Loop& loop, const std::string& ip, uint16_t port,
                                                Accept accept);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const Endpoint& endpoint() const;

 private:
  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace mesolith::net
