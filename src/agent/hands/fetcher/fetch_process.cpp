// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/fetch_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "agent/hands/fetcher/budget.hpp"
#include "agent/hands/fetcher/extraction.hpp"
#include "agent/hands/fetcher/transfer.hpp"
#include "os/beneath.hpp"

namespace mesolith::agent::fetcher {
namespace {

constexpr size_t answer_bytes_max = 16 * 1024;
constexpr size_t message_bytes_max = 2048;
constexpr rlim_t descriptors_max = 4096;
// What an operator tells the library by the agent's environment.
constexpr std::array inherited = {"http_proxy", "https_proxy",  "HTTPS_PROXY",  "ftp_proxy",
                                  "all_proxy",  "ALL_PROXY",    "no_proxy",     "NO_PROXY",
                                  "TZ",         "SSL_CERT_DIR", "SSL_CERT_FILE"};

bool sanitized() {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return true;  // it reserves terabytes of addresses
#endif
#endif
  return false;
}

os::Limit limit(int resource, rlim_t most) {
  return {resource, {most, most}};
}

Result<os::FileDescriptor> request_file(const Fetch& fetch) {
  os::FileDescriptor file(::memfd_create("fetch", MFD_CLOEXEC));
  if (!file || !fetch.SerializeToFileDescriptor(file.get()) ||
      ::lseek(file.get(), 0, SEEK_SET) != 0) {
    return std::unexpected(os::system_error(errno, "a file for the fetcher's orders"));
  }
  return file;
}

class Work {
 public:
  Work(const Fetch& fetch, std::optional<os::Beneath> sandbox, Budget budget)
      : fetch_(fetch), sandbox_(std::move(sandbox)), budget_(budget) {}

  Result<void> one(const Item& item);

 private:
  Result<void> bring(const Item& item, int into);

  const Fetch& fetch_;
  std::optional<os::Beneath> sandbox_;
  Budget budget_;
};

Packing packing_of(const Item& item) {
  if (!item.has_packing()) return Packing::none;
  switch (item.packing()) {
    case Item::TAR:
      return Packing::tar;
    case Item::ZIP:
      return Packing::zip;
    case Item::GZIP:
      return Packing::gzip;
  }
  return Packing::none;
}

Result<void> Work::bring(const Item& item, int into) {
  mode_t mode = 0644;
  if (item.has_path()) {
    TRY(mode, copy_path(item.path(), into, budget_));
  } else if (item.has_url()) {
    TRY_VOID(download(item.url(), into,
                      Duration(static_cast<int64_t>(fetch_.stall_seconds() * 1e9)), budget_));
  } else {
    TRY_VOID(copy_descriptor(item.from_descriptor(), into, budget_));
  }
  if (item.has_into_descriptor()) return {};
  if (item.executable()) mode |= S_IXUSR | S_IXGRP | S_IXOTH;
  if (::fchmod(into, mode | S_IRUSR) != 0) {
    return std::unexpected(os::system_error(errno, shown(item.output())));
  }
  return {};
}

Result<void> Work::one(const Item& item) {
  fmt::print(stderr, "Fetching '{}'\n", item.shown());
  if (item.has_into_descriptor()) return bring(item, item.into_descriptor());
  if (!sandbox_) return failure(Code::invalid, "there is no sandbox");
  const Packing packing = packing_of(item);
  TRY(const std::string output, relative_path(item.output()));
  if (packing != Packing::none && item.has_from_descriptor()) {  // from the cache, without a copy
    TRY_VOID(extract(item.from_descriptor(), packing, output, *sandbox_, budget_));
  } else {
    auto file = sandbox_->make_file(output);
    if (!file) {
      return failure(file.error().code, fmt::format("its output_file {}", file.error().message));
    }
    TRY_VOID(bring(item, file->get()));
    if (packing == Packing::none) return {};
    if (::lseek(file->get(), 0, SEEK_SET) != 0) {
      return std::unexpected(os::system_error(errno, output));
    }
    TRY_VOID(extract(file->get(), packing, output, *sandbox_, budget_));
  }
  fmt::print(stderr, "Extracted '{}'\n", item.shown());
  return {};
}

// A task that never starts needs nothing of it, and the disk needs its space.
void take_back() {
  const auto files = os::list(".");
  if (!files) return;
  for (const os::FileStatus& file : *files) {
    if (file.path == "./stdout" || file.path == "./stderr") continue;
    (void)os::remove_tree(file.path);
  }
}

Result<void> carry_out(const Fetch& fetch) {
  std::optional<os::Beneath> sandbox;
  if (!fetch.sandbox().empty()) {
    TRY(sandbox, os::Beneath::open("."));
  }
  const int watched = sandbox ? sandbox->descriptor() : fetch.items(0).into_descriptor();
  Work work(fetch, std::move(sandbox),
            Budget({fetch.bytes_fetched_max(), fetch.bytes_extracted_max(), fetch.entries_max(),
                    fetch.disk_bytes_free_min()},
                   watched));
  for (const Item& item : fetch.items()) {
    const Result<void> done = work.one(item);
    if (done) continue;
    if (!fetch.sandbox().empty()) take_back();
    return failure(done.error().code,
                   fmt::format("Failed to fetch '{}': {}", item.shown(), done.error().message));
  }
  return {};
}

}  // namespace

Result<Running> start_process(const std::string& program, const Fetch& fetch,
                              const std::optional<os::Identity>& identity, int standard_error,
                              const std::vector<int>& descriptors, os::SpawnStage& stage) {
  stage = os::SpawnStage::streams;
  TRY(const os::FileDescriptor request, request_file(fetch));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return std::unexpected(os::system_error(errno, "a pipe from the fetcher"));
  }
  Running running;
  running.answer = os::FileDescriptor(ends[0]);
  const os::FileDescriptor written(ends[1]);
  os::SpawnSpec spec;
  spec.program = program;
  spec.arguments = {"mesolith-fetcher", "fetch"};
  spec.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
  for (const char* name : inherited) {
    if (const char* value = std::getenv(name)) {
      spec.environment.push_back(fmt::format("{}={}", name, value));
    }
  }
  spec.standard_input.descriptor = request.get();
  spec.standard_output.descriptor = written.get();
  spec.standard_error.descriptor = standard_error;
  spec.descriptors = descriptors;
  spec.directory = fetch.sandbox();  // which that user alone might not get to
  spec.identity = identity;
  spec.new_session = true;
  spec.want_descriptor = true;
  const uint64_t file_bytes_max = std::max(fetch.bytes_fetched_max(), fetch.bytes_extracted_max());
  spec.limits = {limit(RLIMIT_CORE, 0), limit(RLIMIT_CPU, processor_seconds_max),
                 limit(RLIMIT_NOFILE, descriptors_max), limit(RLIMIT_FSIZE, file_bytes_max)};
  if (!sanitized()) spec.limits.push_back(limit(RLIMIT_AS, memory_bytes_max));
  TRY(running.process, os::spawn(spec, &stage));
  return running;
}

Result<void> answer_of(Running& running) {
  TRY(const int status, os::wait_for(running.process.pid));
  std::string bytes(answer_bytes_max, '\0');
  const ssize_t size = ::read(running.answer.get(), bytes.data(), bytes.size());
  bytes.resize(size < 0 ? 0 : static_cast<size_t>(size));
  Answer answer;
  const bool understood = answer.ParseFromString(bytes);
  if (understood && answer.has_error()) {
    return failure(answer.too_large() ? Code::too_large : Code::unavailable,
                   shown(answer.error(), message_bytes_max));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && understood) return {};
  return failure(Code::unavailable, fmt::format("the fetcher was {}", os::describe_status(status)));
}

int run_fetch_process(std::span<const std::string>) {
  Fetch fetch;
  if (!fetch.ParseFromFileDescriptor(STDIN_FILENO)) {
    fmt::print(stderr, "mesolith fetch: this is started by an agent, and by nobody else\n");
    return 2;
  }
  // The agent may have ended before that was set.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != static_cast<pid_t>(fetch.parent_pid())) return 1;
  ::umask(0);
  std::signal(SIGXFSZ, SIG_IGN);  // write() says it
  Answer answer;
  const Result<void> done = carry_out(fetch);
  if (!done) {
    fmt::print(stderr, "{}\n", done.error().message);
    answer.set_error(done.error().message);
    answer.set_too_large(done.error().code == Code::too_large);
  }
  return answer.SerializeToFileDescriptor(STDOUT_FILENO) && done ? 0 : 1;
}

}  // namespace mesolith::agent::fetcher
