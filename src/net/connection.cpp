// SPDX-License-Identifier: Apache-2.0
#include "net/connection.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <span>

#include "base/check.hpp"

namespace mesolith::net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;

namespace {

constexpr size_t read_bytes_min = 4 << 10;  // of the buffer of a quiet connection
constexpr size_t read_bytes_max = 256 << 10;
constexpr size_t joined_bytes_max = 16 << 10;  // small writes are copied together up to this
constexpr size_t gather_max = 64;              // pieces that one write carries

Result<asio::generic::stream_protocol::endpoint> native(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) {
    if (endpoint.unix_path.size() > 107) return failure(Code::invalid, "The path is too long");
    return asio::local::stream_protocol::endpoint(endpoint.unix_path);
  }
  ErrorCode error;
  const auto address = asio::ip::make_address(endpoint.ip, error);
  if (error) return failure(Code::invalid, "'" + endpoint.ip + "' is not an IP address");
  return asio::ip::tcp::endpoint(address, endpoint.port);
}

}  // namespace

struct Connection::Impl : std::enable_shared_from_this<Connection::Impl> {
  Impl(Loop& loop, Owner& owner) : context(loop.context()), socket(loop.context()), owner(&owner) {}

  void connect(const Endpoint& peer);
  void prepare();
  void read();
  void received(ErrorCode error, size_t size);
  void deliver();
  void fit_buffer(size_t size);
  void schedule_flush();
  void flush();
  bool write_some();
  void forget_sent(size_t size);
  void wait_writable();
  void fail(const ErrorCode& error, const std::string& what);
  void close();

  asio::io_context& context;
  Socket socket;
  Owner* owner;
  std::string name;  // of the peer, where it was dialled

  std::unique_ptr<char[]> buffer;
  size_t capacity = 0;
  size_t begin = 0;  // received and not yet taken
  size_t end = 0;

  std::deque<std::string> outgoing;
  size_t sent = 0;  // of outgoing.front()
  size_t unsent = 0;

  bool connected = false;
  bool closed = false;
  bool reading = false;     // a read is under way
  bool delivering = false;  // inside the owner's on_bytes
  bool paused = false;
  bool ended = false;             // the peer sends no more
  bool flush_scheduled = false;   // at the end of this turn
  bool writable_awaited = false;  // the kernel's buffer is full
  bool write_broken = false;
  bool end_wanted = false;
};

void Connection::Impl::connect(const Endpoint& peer) {
  name = peer.text();
  auto address = native(peer);
  if (!address) {
    asio::post(context, [self = shared_from_this(), error = address.error()] {
      if (self->closed) return;
      self->close();
      self->owner->on_failed(error);
    });
    return;
  }
  socket.async_connect(*address, [self = shared_from_this()](ErrorCode error) {
    if (self->closed) return;
    if (error) return self->fail(error, "Cannot connect to " + self->name);
    self->prepare();
    self->owner->on_connected();
    if (self->closed) return;
    self->flush();
    self->read();
  });
}

void Connection::Impl::prepare() {
  ErrorCode ignored;  // a socket that broke meanwhile says so at its first read
  socket.non_blocking(true, ignored);
  const int one = 1;
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  connected = true;
}

void Connection::Impl::read() {
  if (closed || reading || paused || ended || delivering || !connected) return;
  if (begin < end) return;  // resume_reading has seen to what is left
  if (buffer == nullptr) {
    capacity = std::max(capacity, read_bytes_min);
    buffer = std::make_unique_for_overwrite<char[]>(capacity);
  }
  reading = true;
  socket.async_read_some(
      asio::buffer(buffer.get() + end, capacity - end),
      [self = shared_from_this()](ErrorCode error, size_t size) { self->received(error, size); });
}

void Connection::Impl::received(ErrorCode error, size_t size) {
  reading = false;
  if (closed) return;
  if (error == asio::error::eof) {
    ended = true;
    owner->on_end();
    if (!closed && write_broken) fail(asio::error::broken_pipe, "The connection broke");
    return;
  }
  if (error) return fail(error, "The connection broke");
  end += size;
  deliver();
  if (closed) return;
  fit_buffer(size);
  read();
}

// Gives the owner what has been received, then sends what it answered in one go.
void Connection::Impl::deliver() {
  delivering = true;
  while (begin < end && !paused) {
    begin += owner->on_bytes({buffer.get() + begin, end - begin});
    if (closed) return;
    CHECK(begin == end || paused);
  }
  delivering = false;
  if (begin == end) begin = end = 0;
  flush();
}

// Busy connections read in large pieces; quiet ones, of which there are many, keep little memory.
void Connection::Impl::fit_buffer(size_t size) {
  if (end != 0) return;
  const size_t before = capacity;
  if (size == capacity) {
    capacity = std::min(capacity * 4, read_bytes_max);
  } else if (size <= read_bytes_min) {
    capacity = read_bytes_min;
  }
  if (capacity != before) buffer = nullptr;
}

void Connection::Impl::schedule_flush() {
  if (flush_scheduled || delivering || writable_awaited || closed || !connected) return;
  flush_scheduled = true;
  asio::post(context, [self = shared_from_this()] {
    self->flush_scheduled = false;
    self->flush();
  });
}

void Connection::Impl::flush() {
  if (closed || !connected || writable_awaited) return;
  const size_t before = unsent;
  while (unsent > 0) {
    if (!write_some()) break;
  }
  if (closed) return;
  if (unsent == 0 && end_wanted && !write_broken) {
    end_wanted = false;
    ErrorCode ignored;
    socket.shutdown(Socket::shutdown_send, ignored);
  }
  if (unsent < before) owner->on_sent();
}

// Writes once; false when the kernel takes no more.
bool Connection::Impl::write_some() {
  std::array<asio::const_buffer, gather_max> pieces;
  size_t count = 0;
  for (const std::string& piece : outgoing) {
    if (count == gather_max) break;
    const size_t skip = count == 0 ? sent : 0;
    pieces[count++] = asio::buffer(piece.data() + skip, piece.size() - skip);
  }
  ErrorCode error;
  // A span of buffers, since a whole array would hand empty ones to the kernel.
  const size_t size =
      socket.write_some(std::span<const asio::const_buffer>(pieces.data(), count), error);
  if (error == asio::error::would_block || error == asio::error::try_again) {
    wait_writable();
    return false;
  }
  if (error) {
    // What the peer sent before it went may explain it; the pending read delivers that, and the
    // end.
    write_broken = true;
    forget_sent(unsent);
    if (paused || ended) fail(error, "The connection broke");
    return false;
  }
  forget_sent(size);
  return true;
}

void Connection::Impl::forget_sent(size_t size) {
  unsent -= size;
  sent += size;
  while (!outgoing.empty() && sent >= outgoing.front().size()) {
    sent -= outgoing.front().size();
    outgoing.pop_front();
  }
}

void Connection::Impl::wait_writable() {
  writable_awaited = true;
  socket.async_wait(Socket::wait_write, [self = shared_from_this()](ErrorCode error) {
    self->writable_awaited = false;
    if (self->closed) return;
    self->flush();
  });
}

void Connection::Impl::fail(const ErrorCode& error, const std::string& what) {
  close();
  owner->on_failed(Error(Code::unavailable, what + ": " + error.message()));
}

void Connection::Impl::close() {
  closed = true;
  ErrorCode ignored;
  socket.close(ignored);
}

Connection::Connection(Loop& loop, Owner& owner, const Endpoint& peer)
    : impl_(std::make_shared<Impl>(loop, owner)) {
  impl_->connect(peer);
}

Connection::Connection(Loop& loop, Owner& owner, int descriptor)
    : impl_(std::make_shared<Impl>(loop, owner)) {
  ErrorCode ignored;
  // The family is of no use to a socket that is connected already.
  impl_->socket.assign(asio::generic::stream_protocol(AF_INET, 0), descriptor, ignored);
  impl_->prepare();
  impl_->read();
}

Connection::~Connection() {
  if (!impl_->closed) impl_->close();
}

void Connection::write(std::string_view bytes) {
  if (impl_->closed || impl_->write_broken || bytes.empty()) return;
  auto& outgoing = impl_->outgoing;
  if (outgoing.empty() || outgoing.back().size() + bytes.size() > joined_bytes_max) {
    outgoing.emplace_back(bytes);
  } else {
    outgoing.back().append(bytes);
  }
  impl_->unsent += bytes.size();
  impl_->schedule_flush();
}

void Connection::write_large(std::string bytes) {
  if (bytes.size() <= joined_bytes_max / 4) return write(bytes);
  if (impl_->closed || impl_->write_broken) return;
  impl_->unsent += bytes.size();
  impl_->outgoing.push_back(std::move(bytes));
  impl_->schedule_flush();
}

void Connection::flush() {
  impl_->flush();
}

size_t Connection::unsent_bytes() const {
  return impl_->unsent;
}

void Connection::end_writing() {
  impl_->end_wanted = true;
  impl_->schedule_flush();
}

void Connection::pause_reading() {
  impl_->paused = true;
}

void Connection::resume_reading() {
  if (!impl_->paused) return;
  impl_->paused = false;
  if (impl_->delivering || impl_->reading) return;
  asio::post(impl_->context, [impl = impl_] {
    if (impl->closed || impl->reading || impl->delivering) return;
    if (impl->begin < impl->end) impl->deliver();
    impl->read();
  });
}

struct Listener::Impl : std::enable_shared_from_this<Listener::Impl> {
  Impl(Loop& loop, Accept accept)
      : acceptor(loop.context()), accept(std::move(accept)), pause(loop, [this] { wait(); }) {}

  void wait();
  void take();

  asio::ip::tcp::acceptor acceptor;
  Accept accept;
  Timer pause;
  Endpoint endpoint;
  bool closed = false;
};

namespace {

constexpr int accepts_per_turn = 64;
// When the process has no descriptor left, a waiting peer would wake the loop without end.
constexpr Duration accept_pause = std::chrono::milliseconds(100);

}  // namespace

void Listener::Impl::wait() {
  acceptor.async_wait(asio::ip::tcp::acceptor::wait_read,
                      [self = shared_from_this()](ErrorCode error) {
                        if (!error && !self->closed) self->take();
                      });
}

void Listener::Impl::take() {
  for (int i = 0; i < accepts_per_turn; ++i) {
    asio::ip::tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    const int descriptor =
        accept4(acceptor.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return pause.set(saturating_add(clock_now(), accept_pause));
      }
      break;
    }
    peer.resize(size);
    accept(descriptor, Endpoint{peer.address().to_string(), peer.port()}.text());
    if (closed) return;
  }
  wait();
}

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Listener::~Listener() {
  impl_->closed = true;
  impl_->pause.cancel();
  ErrorCode ignored;
  impl_->acceptor.close(ignored);
}

const Endpoint& Listener::endpoint() const {
  return impl_->endpoint;
}

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const std::string& ip, uint16_t port,
                                                 Accept accept) {
  TRY(const std::string digits, parse_ip(ip));
  const Endpoint wanted{digits, port};
  const asio::ip::tcp::endpoint address(asio::ip::make_address(digits), port);
  auto impl = std::make_shared<Impl>(loop, std::move(accept));
  ErrorCode error;
  impl->acceptor.open(address.protocol(), error);
  if (!error) impl->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) impl->acceptor.bind(address, error);
  if (!error) impl->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) impl->acceptor.non_blocking(true, error);
  if (error == asio::error::address_in_use) {
    return failure(Code::conflict, "Cannot listen on " + wanted.text() +
                                       ": another process listens there; stop it or choose "
                                       "another port");
  }
  if (error) {
    return failure(Code::system, "Cannot listen on " + wanted.text() + ": " + error.message());
  }
  impl->endpoint = Endpoint{digits, impl->acceptor.local_endpoint(error).port()};
  impl->wait();
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

}  // namespace mesolith::net
