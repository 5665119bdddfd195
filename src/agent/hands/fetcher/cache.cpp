// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"

namespace mesolith::agent::fetcher {
namespace {

constexpr size_t entries_max = 10'000;  // many small ones cost memory

}  // namespace

Result<Cache> Cache::open(std::string directory, uint64_t bytes_max) {
  TRY_VOID(os::make_directories(directory));
  if (::chmod(directory.c_str(), S_IRWXU) != 0) {
    return std::unexpected(os::system_error(errno, directory));
  }
  TRY(const auto files, os::list(directory));
  for (const os::FileStatus& file : files) TRY_VOID(os::remove_tree(file.path));
  return Cache(std::move(directory), bytes_max);
}

std::optional<Cache::Stamp> Cache::stamp_of(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return Stamp{status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size),
               status.st_ctim.tv_sec, status.st_ctim.tv_nsec};
}

std::optional<Cache::Id> Cache::pin(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  Entry& entry = entries_.at(found->second);
  ++entry.pins;
  entry.used = ++clock_;
  return found->second;
}

void Cache::unpin(Id id) {
  Entry& entry = entries_.at(id);
  CHECK(entry.pins > 0);
  --entry.pins;
  if (entry.pins == 0 && !entry.current) remove(id);
  trim();
}

std::optional<os::FileDescriptor> Cache::read(Id id) {
  const Entry& entry = entries_.at(id);
  os::FileDescriptor file(::open(entry.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const auto stamp = file ? stamp_of(file.get()) : std::nullopt;
  if (stamp && *stamp == entry.stamp) return file;
  log::warning("The fetcher's cache has lost {} or somebody has changed it", entry.path);
  retire(id);
  return std::nullopt;
}

Result<Cache::Draft> Cache::draft() {
  Draft draft;
  draft.path = fmt::format("{}/{}", directory_, next_id_++);
  draft.file = os::FileDescriptor(
      ::open(draft.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR));
  if (!draft.file) return std::unexpected(os::system_error(errno, draft.path));
  return draft;
}

Result<Cache::Id> Cache::keep(const std::string& key, Draft draft) {
  const auto stamp = stamp_of(draft.file.get());
  if (!stamp) return std::unexpected(os::system_error(errno, draft.path));
  if (const auto before = by_key_.find(key); before != by_key_.end()) retire(before->second);
  const Id id = next_id_++;
  entries_.emplace(id, Entry{key, std::move(draft.path), *stamp, 1, ++clock_, true});
  by_key_[key] = id;
  bytes_used_ += stamp->size;
  trim();
  return id;
}

void Cache::discard(const Draft& draft) {
  ::unlink(draft.path.c_str());
}

void Cache::retire(Id id) {
  Entry& entry = entries_.at(id);
  if (!std::exchange(entry.current, false)) return;
  by_key_.erase(entry.key);
  if (entry.pins == 0) remove(id);
}

void Cache::remove(Id id) {
  const auto found = entries_.find(id);
  bytes_used_ -= found->second.stamp.size;
  ::unlink(found->second.path.c_str());
  entries_.erase(found);
}

void Cache::trim() {
  while (bytes_used_ > bytes_max_ || entries_.size() > entries_max) {
    const Entry* oldest = nullptr;
    Id oldest_id = 0;
    for (const auto& [id, entry] : entries_) {
      if (entry.pins > 0 || (oldest && oldest->used < entry.used)) continue;
      oldest = &entry;
      oldest_id = id;
    }
    if (!oldest) return;
    retire(oldest_id);
  }
}

}  // namespace mesolith::agent::fetcher
