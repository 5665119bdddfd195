// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/budget.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

namespace mesolith::agent::fetcher {
namespace {

constexpr uint64_t look_interval_bytes = 16 << 20;

// `limit - used`, without ever wrapping around.
Result<void> spend(uint64_t& used, uint64_t more, uint64_t limit, const char* what) {
  if (more > limit - used) {
    return failure(Code::too_large, fmt::format("more than {} {}", limit, what));
  }
  used += more;
  return {};
}

}  // namespace

Result<void> Budget::fetch(uint64_t bytes) {
  TRY_VOID(spend(fetched_, bytes, limits_.bytes_fetched_max, "bytes to fetch"));
  return look_at_disk(bytes);
}

Result<void> Budget::extract(uint64_t bytes) {
  TRY_VOID(spend(extracted_, bytes, limits_.bytes_extracted_max, "bytes to extract"));
  return look_at_disk(bytes);
}

Result<void> Budget::enter(uint64_t entries) {
  return spend(entries_, entries, limits_.entries_max, "entries to extract");
}

Result<void> Budget::look_at_disk(uint64_t bytes) {
  if (bytes <= until_look_) {
    until_look_ -= bytes;
    return {};
  }
  until_look_ = look_interval_bytes;
  struct statvfs status{};
  if (::fstatvfs(directory_, &status) != 0) return {};
  const uint64_t free = static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
  if (free >= limits_.disk_bytes_free_min) return {};
  return failure(Code::unavailable, fmt::format("the disk is nearly full: {} bytes are free, {} "
                                                "are kept for the agent",
                                                free, limits_.disk_bytes_free_min));
}

}  // namespace mesolith::agent::fetcher
