// SPDX-License-Identifier: Apache-2.0
#include "os/unix_socket.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

namespace mesolith::os {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

std::string framed(std::string_view payload) {
  std::string frame;
  append_frame(frame, payload);
  return frame;
}

TEST(FrameTest, IsALengthAndTheBytes) {
  EXPECT_EQ(framed("abc"), std::string("\x03\0\0\0abc", 7));
  EXPECT_EQ(framed("").size(), 4u);
  EXPECT_EQ(framed(std::string(0x010203, 'x')).substr(0, 4), std::string("\x03\x02\x01\0", 4));
}

TEST(FrameTest, DecodesWhateverTheCutsAre) {
  std::string stream = framed("one") + framed("") + framed(std::string(1000, 'x')) + framed("end");
  for (size_t step : {1u, 2u, 3u, 7u, 100u, 5000u}) {
    FrameDecoder decoder(1000);
    std::vector<std::string> frames;
    for (size_t at = 0; at < stream.size(); at += step) {
      decoder.feed(std::string_view(stream).substr(at, step));
      while (true) {
        auto frame = decoder.next();
        ASSERT_TRUE(frame);
        if (!*frame) break;
        frames.emplace_back(**frame);
      }
    }
    EXPECT_EQ(frames, (std::vector<std::string>{"one", "", std::string(1000, 'x'), "end"}));
    EXPECT_EQ(decoder.pending(), 0u);
  }
}

TEST(FrameTest, TooLongOnesAreRefusedByTheirHeaderAndForGood) {
  FrameDecoder decoder(1000);
  decoder.feed(framed("good") + std::string("\xe9\x03\0\0", 4));
  EXPECT_EQ(decoder.next().value(), "good");
  EXPECT_EQ(decoder.next().error().code, Code::too_large);
  decoder.feed(framed("good"));
  EXPECT_EQ(decoder.next().error().code, Code::too_large);
}

class UnixSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "os-socket-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    path_ = pattern + "/socket";
  }
  void TearDown() override { fs::remove_all(root_); }

  UnixStream accept(UnixListener& listener) {
    auto accepted = listener.accept();
    EXPECT_TRUE(accepted && *accepted);
    return UnixStream(std::move(**accepted));
  }
  fs::path root_;
  std::string path_;
};

TEST_F(UnixSocketTest, CarriesFramesBothWays) {
  auto listener = UnixListener::listen(path_);
  ASSERT_TRUE(listener);
  EXPECT_EQ(file_status(path_)->mode & 0777, 0600u);
  EXPECT_EQ(listener->accept().value().has_value(), false);
  auto client = UnixStream::connect(path_);
  ASSERT_TRUE(client);
  UnixStream server = accept(*listener);
  EXPECT_EQ(server.peer()->pid, ::getpid());
  EXPECT_EQ(server.peer()->uid, ::geteuid());
  ASSERT_TRUE(client->send_frame("ping"));
  EXPECT_EQ(server.wait_frame(seconds(10)).value(), "ping");
  ASSERT_TRUE(server.send_frame("pong"));
  EXPECT_EQ(client->wait_frame(seconds(10)).value(), "pong");
  EXPECT_EQ(client->wait_frame(seconds(0)).error().code, Code::unavailable);
  {
    UnixStream closing = std::move(server);
  }
  EXPECT_EQ(client->read_some().value(), false);
}

TEST_F(UnixSocketTest, KeepsWhatThePeerDoesNotReadYet) {
  auto listener = UnixListener::listen(path_);
  auto client = UnixStream::connect(path_);
  ASSERT_TRUE(listener && client);
  UnixStream server = accept(*listener);
  std::string large(4 << 20, 'x');
  ASSERT_TRUE(client->send_frame(large));
  EXPECT_GT(client->unsent(), 0u);
  EXPECT_EQ(client->wait_sent(seconds(0)).error().code, Code::unavailable);
  std::optional<std::string> received;
  while (!received) {
    ASSERT_TRUE(client->flush());
    ASSERT_TRUE(server.read_some());
    auto frame = server.next_frame();
    ASSERT_TRUE(frame);
    if (*frame) received = **frame;
  }
  EXPECT_EQ(*received, large);
  EXPECT_EQ(client->unsent(), 0u);
}

TEST_F(UnixSocketTest, SaysWhyItCannotConnectOrListen) {
  EXPECT_EQ(UnixStream::connect(path_).error().code, Code::not_found);
  {
    auto listener = UnixListener::listen(path_);
  }
  EXPECT_FALSE(fs::exists(path_));  // gone with the listener
  int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_GE(stale, 0);
  ::close(stale);
  auto too_long = UnixListener::listen("/" + std::string(200, 'x'));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, Code::invalid);
  EXPECT_EQ(UnixListener::listen("/does/not/exist").error().code, Code::not_found);
}

TEST_F(UnixSocketTest, ReplacesASocketNobodyListensTo) {
  ASSERT_TRUE(write_file_atomic(path_, "left behind"));
  EXPECT_EQ(UnixStream::connect(path_).error().code, Code::unavailable);
  auto listener = UnixListener::listen(path_);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(UnixStream::connect(path_));
}

TEST_F(UnixSocketTest, SendingToAClosedPeerIsAnErrorAndNoSignal) {
  auto listener = UnixListener::listen(path_);
  auto client = UnixStream::connect(path_);
  ASSERT_TRUE(listener && client);
  {
    UnixStream server = accept(*listener);
  }
  EXPECT_FALSE(client->send_frame("x"));
}

TEST_F(UnixSocketTest, ALockHasOneHolder) {
  std::string lock = (root_ / "lock").native();
  {
    auto first = LockFile::take(lock);
    ASSERT_TRUE(first);
    EXPECT_EQ(LockFile::take(lock).error().code, Code::conflict);
  }
  EXPECT_TRUE(LockFile::take(lock));
}

}  // namespace
}  // namespace mesolith::os
