// SPDX-License-Identifier: Apache-2.0
#include "net/record_stream.hpp"

#include <algorithm>
#include <utility>

#include "wire/record_io.hpp"

namespace mesolith::net {

struct RecordStream::Impl : std::enable_shared_from_this<RecordStream::Impl> {
  enum class State { idle, asking, subscribed, refused };

  Impl(Loop& loop, RecordStreamOptions options, RecordStreamCallbacks callbacks)
      : loop(loop),
        options(std::move(options)),
        callbacks(std::move(callbacks)),
        decoder(this->options.record_bytes_max),
        refusal_timer(loop, [this] { refuse(); }) {
    make_client();
  }

  void make_client();
  wire::Request request(std::string body) const;
  void subscribe(std::string body);
  void unsubscribe();
  void take_head(wire::Response head);
  void take_bytes(std::string_view bytes);
  void take_end(Error error);
  void refuse();

  Loop& loop;
  RecordStreamOptions options;
  RecordStreamCallbacks callbacks;
  std::unique_ptr<HttpClient> client;
  std::unique_ptr<HttpStream> stream;
  wire::RecordDecoder decoder;
  Timer refusal_timer;  // a refusal's body that does not come is done without
  State state = State::idle;
  uint64_t generation = 0;  // of the subscription; a callback may have replaced it
  std::string stream_id;
  wire::Response refusal;
};

void RecordStream::Impl::make_client() {
  ClientOptions client_options;
  client_options.request_timeout = options.call_timeout;
  client_options.queue_max = calls_max;
  client = std::make_unique<HttpClient>(loop, options.server, client_options);
}

wire::Request RecordStream::Impl::request(std::string body) const {
  wire::Request request;
  request.method = "POST";
  request.target = options.path;
  request.headers = options.headers;
  request.headers.add("Content-Type", options.content_type);
  request.headers.add("Accept", options.accept);
  request.body = std::move(body);
  return request;
}

void RecordStream::Impl::subscribe(std::string body) {
  unsubscribe();
  state = State::asking;
  StreamCallbacks events;
  events.on_head = [this](wire::Response head) { take_head(std::move(head)); };
  events.on_bytes = [this](std::string_view bytes) { take_bytes(bytes); };
  events.on_closed = [this](Error error) { take_end(std::move(error)); };
  ClientOptions stream_options;
  stream_options.request_timeout = options.subscribe_timeout;
  stream = std::make_unique<HttpStream>(loop, options.server, request(std::move(body)),
                                        std::move(events), stream_options);
}

void RecordStream::Impl::unsubscribe() {
  ++generation;
  state = State::idle;
  stream.reset();
  refusal_timer.cancel();
  stream_id.clear();
  decoder = wire::RecordDecoder(options.record_bytes_max);
}

void RecordStream::Impl::take_head(wire::Response head) {
  const auto self = shared_from_this();
  if (head.status != 200) {
    state = State::refused;
    refusal = std::move(head);
    refusal_timer.set(saturating_add(clock_now(), options.subscribe_timeout));
    return;
  }
  state = State::subscribed;
  const std::string* id = head.headers.find("Mesos-Stream-Id");
  if (id != nullptr) stream_id = *id;
  callbacks.on_subscribed(stream_id, head);
}

void RecordStream::Impl::take_bytes(std::string_view bytes) {
  const auto self = shared_from_this();
  if (state == State::refused) {
    const size_t room = options.refusal_bytes_max - refusal.body.size();
    refusal.body.append(bytes.substr(0, room));
    if (bytes.size() > room) refuse();
    return;
  }
  const uint64_t mine = generation;
  const auto fed = decoder.feed(bytes);
  while (generation == mine) {
    auto record = decoder.next();
    if (!record) break;
    callbacks.on_record(*std::move(record));
  }
  if (!fed && generation == mine) {
    take_end(Error(Code::corrupt, options.server.text() + ": " + fed.error().message));
  }
}

void RecordStream::Impl::take_end(Error error) {
  const auto self = shared_from_this();
  if (state == State::refused) return refuse();
  unsubscribe();
  callbacks.on_closed(std::move(error));
}

void RecordStream::Impl::refuse() {
  const auto self = shared_from_this();
  unsubscribe();
  callbacks.on_refused(std::exchange(refusal, wire::Response{}));
}

RecordStream::RecordStream(Loop& loop, RecordStreamOptions options, RecordStreamCallbacks callbacks)
    : impl_(std::make_shared<Impl>(loop, std::move(options), std::move(callbacks))) {}

RecordStream::~RecordStream() {
  impl_->unsubscribe();
  impl_->client.reset();
}

void RecordStream::subscribe(std::string body) {
  impl_->subscribe(std::move(body));
}

void RecordStream::unsubscribe() {
  impl_->unsubscribe();
}

void RecordStream::set_server(const Endpoint& server) {
  if (server == impl_->options.server) return;
  impl_->options.server = server;
  impl_->client->set_server(server);
}

const Endpoint& RecordStream::server() const {
  return impl_->options.server;
}

bool RecordStream::subscribed() const {
  return impl_->state == Impl::State::subscribed;
}

void RecordStream::send(std::string body, HttpClient::Callback callback) {
  wire::Request request = impl_->request(std::move(body));
  if (!impl_->stream_id.empty()) request.headers.add("Mesos-Stream-Id", impl_->stream_id);
  impl_->client->request(std::move(request), std::move(callback));
}

size_t RecordStream::calls_pending() const {
  return impl_->client->pending();
}

Result<Endpoint> redirect_endpoint(const wire::Response& response) {
  const std::string* location = response.headers.find("Location");
  if (location == nullptr) return failure(Code::invalid, "The redirect has no Location");
  std::string_view rest = *location;
  const size_t slashes = rest.find("//");
  if (slashes == std::string_view::npos) {
    return failure(Code::invalid, "The redirect's Location '" + *location + "' names no server");
  }
  rest.remove_prefix(slashes + 2);
  return parse_endpoint(rest.substr(0, rest.find_first_of("/?#")));
}

bool write_record(HttpServer& server, StreamId stream, std::string_view record) {
  std::string framed;
  framed.reserve(record.size() + 12);
  wire::append_record(record, framed);
  return server.write(stream, std::move(framed));
}

}  // namespace mesolith::net
