// SPDX-License-Identifier: Apache-2.0
#include "net/loop.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "net/address.hpp"
#include "net/gzip.hpp"
#include "net/net_testing.hpp"
#include "net/pool.hpp"

namespace mesolith::net {
namespace {

using std::chrono::milliseconds;

TEST(Loop, RunsWhatIsPostedInOrderFromAnyThread) {
  Loop loop;
  std::vector<int> seen;
  EXPECT_FALSE(loop.in_loop());
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&, i] { seen.push_back(i); });
    loop.post([&] {
      EXPECT_TRUE(loop.in_loop());
      loop.stop();
    });
  });
  loop.run();
  other.join();
  ASSERT_EQ(seen.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[i], i);
  EXPECT_FALSE(loop.in_loop());
}

TEST(Loop, StopsBeforeItRunsAndRunsAgain) {
  Loop loop;
  loop.stop();
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(Loop, DropsWhatIsLeft) {
  auto token = std::make_shared<int>(1);
  {
    Loop loop;
    loop.post([token] { ADD_FAILURE(); });
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Timer, FiresAtItsDeadlineAndOnlyOnce) {
  Loop loop;
  const Time start = clock_now();
  int fired = 0;
  Timer timer(loop, [&] { ++fired; });
  timer.set(never - milliseconds(1));  // replaced
  timer.set(start + milliseconds(20));
  Timer end(loop, [&] { loop.stop(); });
  end.set(start + milliseconds(60));
  EXPECT_TRUE(timer.armed());
  loop.run();
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.armed());
  EXPECT_GE(clock_now() - start, milliseconds(60));
}

TEST(Timer, FiresAtTheLastDeadlineItWasGiven) {
  Loop loop;
  const Time start = clock_now();
  std::vector<Duration> fired;
  Timer later(loop, [&] { fired.push_back(clock_now() - start); });
  Timer nearer(loop, [&] { fired.push_back(clock_now() - start); });
  Timer canceled(loop, [&] { ADD_FAILURE(); });
  for (int i = 1; i <= 40; ++i) {
    later.set(start + milliseconds(i));
    nearer.set(start + milliseconds(200 - 4 * i));
    canceled.set(start + milliseconds(i));
  }
  canceled.cancel();
  Timer end(loop, [&] { loop.stop(); });
  end.set(start + milliseconds(100));
  loop.run();
  ASSERT_EQ(fired.size(), 2u);
  for (const Duration at : fired) EXPECT_GE(at, milliseconds(40));
  EXPECT_FALSE(later.armed());
}

TEST(Timer, NeverFiresAfterCancelEvenWhenDue) {
  Loop loop;
  Timer timer(loop, [&] { ADD_FAILURE(); });
  auto gone = std::make_unique<Timer>(loop, [&] { ADD_FAILURE(); });
  // Both are due by the time the first posted function ends, so their completions may be queued.
  timer.set(clock_now());
  gone->set(clock_now());
  loop.post([&] {
    const Time due = clock_now() + milliseconds(5);
    while (clock_now() < due) {
    }
    timer.cancel();
    gone.reset();
    loop.post([&] { loop.stop(); });
  });
  loop.run();
}

TEST(Timer, IsArmedAgainAndDestroyedByItself) {
  Loop loop;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++fired < 3) return timer->set(clock_now());
    timer.reset();
    loop.stop();
  });
  timer->set(Time{});
  testing::run_or_fail(loop);
  EXPECT_EQ(fired, 3);
}

TEST(Timer, TakesDeadlinesFarAway) {
  Loop loop;
  Timer timer(loop, [&] { ADD_FAILURE(); });
  timer.set(never - Duration(1));
  EXPECT_TRUE(timer.armed());
  timer.set(never);
  EXPECT_FALSE(timer.armed());
}

TEST(Signals, AreDelivered) {
  Loop loop;
  std::vector<int> seen;
  Signals signals(loop, {SIGUSR1, SIGUSR2}, [&](int number) {
    seen.push_back(number);
    if (number == SIGUSR1) {
      kill(getpid(), SIGUSR2);
    } else {
      loop.stop();
    }
  });
  loop.post([] { kill(getpid(), SIGUSR1); });
  testing::run_or_fail(loop);
  EXPECT_EQ(seen, (std::vector<int>{SIGUSR1, SIGUSR2}));
}

TEST(Pool, RunsJobsThatAnswerToALoop) {
  Loop loop;
  Pool pool(2, 1000);
  int done = 0;  // touched by the loop alone
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(pool.submit([&] {
      EXPECT_FALSE(loop.in_loop());
      loop.post([&] {
        if (++done == 500) loop.stop();
      });
    }));
  }
  testing::run_or_fail(loop);
  EXPECT_EQ(done, 500);
}

TEST(Pool, RefusesWhenFullAndDropsTheRestAtItsEnd) {
  std::promise<void> open;
  std::promise<void> started;
  std::atomic<int> ran = 0;
  {
    std::optional<Pool> pool(std::in_place, 1, 2);
    ASSERT_TRUE(pool->submit([&] {
      started.set_value();
      open.get_future().wait();
      ++ran;
    }));
    started.get_future().wait();
    EXPECT_TRUE(pool->submit([&] { ++ran; }));
    EXPECT_TRUE(pool->submit([&] { ++ran; }));
    const auto refused = pool->submit([&] { ++ran; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::unavailable);
    open.set_value();
  }
  EXPECT_GE(ran, 1);
  EXPECT_LE(ran, 3);
}

TEST(Endpoint, IsParsedAndPrinted) {
  EXPECT_EQ(parse_endpoint("10.0.0.1:5050"), (Endpoint{"10.0.0.1", 5050}));
  EXPECT_EQ(parse_endpoint("localhost:0"), (Endpoint{"127.0.0.1", 0}));
  EXPECT_EQ(parse_endpoint("[::1]:80"), (Endpoint{"::1", 80}));
  EXPECT_EQ(parse_endpoint("unix:/run/a.sock"), (Endpoint{"", 0, "/run/a.sock"}));
  for (const char* text : {"10.0.0.1:5050", "[::1]:80", "unix:/run/a.sock"}) {
    EXPECT_EQ(parse_endpoint(text)->text(), text);
  }
}

TEST(Endpoint, SaysWhatIsWrong) {
  for (const char* text : {"", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "a.b:80",
                           "::1:80", "10.0.0:80", "unix:run", "[::1:80", "10.0.0.1:80x"}) {
    const auto parsed = parse_endpoint(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid);
    EXPECT_FALSE(parsed.error().message.empty());
  }
}

TEST(Gzip, ComesBack) {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += std::to_string(i * 7919);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, text.size()}) {
    const std::string packed = gzip(std::string_view(text).substr(0, size));
    EXPECT_EQ(gunzip(packed, text.size()), text.substr(0, size));
  }
  EXPECT_LT(gzip(text).size(), text.size());
  EXPECT_EQ(gunzip(gzip(text), 1000).error().code, Code::too_large);
  EXPECT_EQ(gunzip("hello", 1000).error().code, Code::invalid);
  EXPECT_EQ(gunzip(gzip(text).substr(0, 100), 1 << 20).error().code, Code::invalid);
}

TEST(Gzip, IsAskedFor) {
  const auto accepts = [](const std::string& value) { return accepts_gzip(&value); };
  EXPECT_FALSE(accepts_gzip(nullptr));
  EXPECT_TRUE(accepts("gzip"));
  EXPECT_TRUE(accepts("deflate, GZIP;q=0.5"));
  EXPECT_FALSE(accepts("gzip;q=0"));
  EXPECT_FALSE(accepts("gzip; q=0.000"));
  EXPECT_FALSE(accepts("identity, x-gzipped"));
  EXPECT_FALSE(accepts(""));
}

}  // namespace
}  // namespace mesolith::net
