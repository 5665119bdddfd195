// SPDX-License-Identifier: Apache-2.0
// What was recorded on the wire must parse as the message it is and print as the very same bytes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "mesos/v1/agent/agent.pb.h"
#include "mesos/v1/executor/executor.pb.h"
#include "mesos/v1/master/master.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"
#include "wire/media_type.hpp"
#include "wire/record_io.hpp"

namespace mesolith::wire {
namespace {

using google::protobuf::Message;

const std::filesystem::path golden = MESOLITH_SOURCE_DIR "/tests/golden/transcripts";

// The state of one recorded connection.
struct Connection {
  std::string path, host;
  bool subscribed = false;

  std::unique_ptr<Message> request() const {
    if (path.ends_with("/api/v1/scheduler")) return std::make_unique<mesos::v1::scheduler::Call>();
    if (path.ends_with("/api/v1/executor")) return std::make_unique<mesos::v1::executor::Call>();
    if (!path.ends_with("/api/v1")) return nullptr;
    if (host.ends_with(":5051")) return std::make_unique<mesos::v1::agent::Call>();
    return std::make_unique<mesos::v1::master::Call>();
  }
  std::unique_ptr<Message> answer() const {
    if (path.ends_with("/api/v1/scheduler")) return std::make_unique<mesos::v1::scheduler::Event>();
    if (path.ends_with("/api/v1/executor")) return std::make_unique<mesos::v1::executor::Event>();
    if (!path.ends_with("/api/v1")) return nullptr;
    if (host.ends_with(":5051")) return std::make_unique<mesos::v1::agent::Response>();
    if (subscribed) return std::make_unique<mesos::v1::master::Event>();
    return std::make_unique<mesos::v1::master::Response>();
  }
};

// The original's operator API shows agents with a field that the v1 AgentInfo does not have.
std::string without_v0_fields(std::string text) {
  const std::string field = "},\"checkpoint\":true},\"active\"";
  for (size_t at; (at = text.find(field)) != std::string::npos;) {
    text.replace(at, field.size(), "}},\"active\"");
  }
  return text;
}

// The original prints some doubles of 17 digits one unit off in the last place, which reads back as
// the same double. Those alone are compared by value; all else, decimal points included, by its
// bytes.
std::string with_shortest_doubles(const std::string& text) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < text.size();) {
    const size_t end = text.find_first_not_of("+-.0123456789eE", i);
    if (!quoted && end - i >= 17 && text.substr(i, end - i).contains('.')) {
      append_json_double(std::stod(text.substr(i, end - i)), out);
      i = end;
      continue;
    }
    if (text[i] == '\\') out += text[i++];
    if (text[i] == '"') quoted = !quoted;
    out += text[i++];
  }
  return out;
}

struct Tally {
  int calls = 0, answers = 0;
};

void check_file(const std::filesystem::path& file, Tally& tally) {
  std::ifstream in(file);
  std::map<std::string, Connection> connections;
  Connection* connection = nullptr;
  bool outgoing = false;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.starts_with("#>") || line.starts_with("#<")) {
      outgoing = line[1] == '>';
      std::istringstream words(line.substr(2));
      std::string name;
      words >> name;
      connection = &connections[name];
      if (outgoing) *connection = {};
    } else if (connection && outgoing && line.contains(" HTTP/1.1")) {
      connection->path = line.substr(line.find(' ') + 1);
      connection->path.resize(connection->path.find(' '));
    } else if (connection && outgoing && line.starts_with("Host: ")) {
      connection->host = line.substr(6);
    } else if (connection && line.starts_with("{") && outgoing) {
      auto call = connection->request();
      if (!call) continue;
      const auto parsed = parse_json(line, *call);
      EXPECT_TRUE(parsed) << file << ": " << line << ": " << parsed.error().message;
      if (call->GetDescriptor()->full_name() == "mesos.v1.master.Call") {
        connection->subscribed = line.contains("\"SUBSCRIBE\"");
      }
      ++tally.calls;
    } else if (connection && line.starts_with("{\"")) {
      auto answer = connection->answer();
      if (!answer) continue;
      const auto parsed = parse_json(line, *answer);
      ASSERT_TRUE(parsed) << file << ": " << parsed.error().message;
      EXPECT_EQ(print_json(*answer), with_shortest_doubles(without_v0_fields(line))) << file;
      ++tally.answers;
    }
  }
}

TEST(Transcripts, ParseAndPrintAsTheSameBytes) {
  Tally tally;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(golden)) {
    if (!entry.is_regular_file()) continue;
    // Their bodies are wrong on purpose or not JSON; tests of their own read them.
    const std::string name = entry.path().filename();
    if (name == "15-http-errors.txt" || name == "17-protobuf.txt") continue;
    check_file(entry.path(), tally);
  }
  EXPECT_GT(tally.calls, 100);
  EXPECT_GT(tally.answers, 100);
}

// Every refusal of a body in the recorded errors has our text too.
TEST(Transcripts, RefusalsHaveTheSameText) {
  std::ifstream in(golden / "scheduler/15-http-errors.txt");
  std::string body, type, refusal;
  int refused = 0;
  bool outgoing = false, blank = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#>")) body = type = "", outgoing = true, blank = false;
    if (line.starts_with("#<")) outgoing = false;
    if (outgoing && line.starts_with("Content-Type: ")) type = line.substr(14);
    if (outgoing && blank && !line.empty() && body.empty()) body = line;
    if (outgoing && line.empty()) blank = true;
    if (!line.starts_with("Failed to parse body") && !line.starts_with("Failed to convert"))
      continue;
    const auto media = media_of_content_type(type);
    ASSERT_TRUE(media) << type;
    mesos::v1::scheduler::Call call;
    const auto decoded = decode(*media, body, call);
    ASSERT_FALSE(decoded) << body;
    EXPECT_EQ(decoded.error().message, line);
    ++refused;
  }
  EXPECT_EQ(refused, 6);
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

TEST(Transcripts, ProtobufBodiesDecode) {
  std::ifstream in(golden / "scheduler/17-protobuf.txt");
  RecordDecoder decoder(1 << 20);
  std::vector<std::string> calls;
  std::string hex;
  bool outgoing = false, stream = false;
  const auto flush = [&] {
    if (!hex.empty() && outgoing) calls.push_back(from_hex(hex));
    if (!hex.empty() && !outgoing && stream) ASSERT_TRUE(decoder.feed(from_hex(hex)));
    hex.clear();
  };
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#>") || line.starts_with("#<")) {
      flush();
      outgoing = line[1] == '>';
      stream = line.contains("stream");
    } else if (line.starts_with("#")) {
      flush();
    } else if (line.find_first_not_of("0123456789abcdef") == std::string::npos) {
      // A short line is a chunk's size, unless it ends the hex of a body.
      if (line.size() >= 64 || !hex.empty() || outgoing || line == "320a0808") hex += line;
    }
  }
  flush();
  ASSERT_EQ(calls.size(), 4u);
  for (const std::string& bytes : calls) {
    mesos::v1::scheduler::Call call;
    ASSERT_TRUE(decode(Media::protobuf, bytes, call));
    EXPECT_EQ(encode(Media::protobuf, call).size(), bytes.size());
  }
  std::vector<mesos::v1::scheduler::Event::Type> types;
  while (const auto record = decoder.next()) {
    mesos::v1::scheduler::Event event;
    ASSERT_TRUE(decode(Media::protobuf, *record, event));
    EXPECT_EQ(encode(Media::protobuf, event).size(), record->size());
    types.push_back(event.type());
  }
  using Event = mesos::v1::scheduler::Event;
  EXPECT_EQ(types, (std::vector{Event::SUBSCRIBED, Event::HEARTBEAT, Event::OFFERS, Event::UPDATE,
                                Event::UPDATE}));
  EXPECT_TRUE(decoder.at_boundary());
}

}  // namespace
}  // namespace mesolith::wire
