// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/transfer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

#include "agent/hands/fetcher/libraries.hpp"
#include "agent/hands/fetcher/names.hpp"
#include "os/files.hpp"

namespace mesolith::agent::fetcher {
namespace {

constexpr const char* protocols = "http,https,ftp,ftps";
constexpr long redirections_max = 10;
constexpr long http_ok = 200;
constexpr size_t copy_bytes = 256 * 1024;

Result<void> write_all(int into, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t count = ::write(into, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::unexpected(os::system_error(errno, "writing it"));
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return {};
}

// What the library's callback needs and finds out.
struct Transfer {
  int into;
  Budget& budget;
  std::optional<Error> error;
};

size_t take_bytes(char* bytes, size_t size, size_t count, void* argument) {
  auto& transfer = *static_cast<Transfer*>(argument);
  Result<void> taken = transfer.budget.fetch(size * count);
  if (taken) taken = write_all(transfer.into, bytes, size * count);
  if (taken) return size * count;
  transfer.error = taken.error();
  return size * count + 1;  // ends the transfer
}

Error describe(const Curl& curl, CURL* handle, CURLcode code, const char* detail) {
  long status = 0;
  curl.getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    return Error(Code::unavailable, fmt::format("the server answered with status {}", status));
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return Error(Code::unavailable,
                 fmt::format("the server is too slow ({})", shown(curl.strerror(code))));
  }
  std::string why = *detail ? detail : curl.strerror(code);
  long number = 0;
  if (curl.getinfo(handle, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number != 0) {
    why += ": " + std::system_category().message(static_cast<int>(number));
  }
  return Error(Code::unavailable, shown(why));
}

}  // namespace

Result<mode_t> copy_path(const std::string& path, int into, Budget& budget) {
  const os::FileDescriptor from(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (!from || ::fstat(from.get(), &status) != 0) {
    return std::unexpected(os::system_error(errno, shown(path)));
  }
  if (!S_ISREG(status.st_mode)) return failure(Code::invalid, "it is no regular file");
  TRY_VOID(copy_descriptor(from.get(), into, budget));
  constexpr mode_t permissions = 0777;
  return status.st_mode & permissions;
}

Result<void> copy_descriptor(int from, int into, Budget& budget) {
  const auto buffer = std::make_unique<std::array<char, copy_bytes>>();
  while (true) {
    const ssize_t count = ::read(from, buffer->data(), buffer->size());
    if (count == 0) return {};
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(os::system_error(errno, "reading it"));
    TRY_VOID(budget.fetch(static_cast<size_t>(count)));
    TRY_VOID(write_all(into, buffer->data(), static_cast<size_t>(count)));
  }
}

Result<void> download(const std::string& url, int into, Duration stall, Budget& budget) {
  TRY(const Curl* curl, load_curl());
  static const CURLcode ready = curl->global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return failure(Code::system, curl->strerror(ready));
  const std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> handle(curl->init(), curl->cleanup);
  if (!handle) return failure(Code::system, "no memory for a transfer");
  Transfer transfer{into, budget, std::nullopt};
  std::array<char, CURL_ERROR_SIZE> detail{};
  const long stall_seconds = std::max(1L, static_cast<long>(to_seconds(stall)));
  CURLcode code = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    if (code == CURLE_OK) code = curl->setopt(handle.get(), option, value);
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, protocols);
  set(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, redirections_max);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOPROGRESS, 1L);
  set(CURLOPT_CONNECTTIMEOUT, stall_seconds);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, stall_seconds);
  set(CURLOPT_USERAGENT, "mesolith");
  set(CURLOPT_WRITEFUNCTION, &take_bytes);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_ERRORBUFFER, detail.data());
  if (code == CURLE_OK) code = curl->perform(handle.get());
  if (transfer.error) return std::unexpected(*transfer.error);
  if (code != CURLE_OK) {
    return std::unexpected(describe(*curl, handle.get(), code, detail.data()));
  }
  long status = 0;
  const char* scheme = nullptr;
  curl->getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  curl->getinfo(handle.get(), CURLINFO_SCHEME, &scheme);
  const std::string_view by = scheme ? scheme : "";
  const bool http = by.starts_with("http") || by.starts_with("HTTP");
  if (http && status != http_ok) {
    return failure(Code::unavailable, fmt::format("the server answered with status {}", status));
  }
  return {};
}

}  // namespace mesolith::agent::fetcher
