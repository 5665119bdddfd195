// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/volumes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "base/log.hpp"
#include "os/files.hpp"

namespace mesolith::agent {
namespace {

namespace fs = std::filesystem;

constexpr mode_t sandbox_mode = 0750;  // as the launcher makes it

// A directory entry that was made, moved or removed must not come back after a power failure.
Result<void> sync_directory(const fs::path& path) {
  const os::FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) {
    return std::unexpected(os::system_error(errno, path.native()));
  }
  return {};
}

bool exists(const fs::path& path) {
  return os::file_status_link(path).has_value();
}

Result<void> make_sandbox(const fs::path& sandbox, const std::optional<os::Identity>& owner) {
  TRY_VOID(os::make_directories(sandbox.parent_path()));
  if (::mkdir(sandbox.c_str(), sandbox_mode) != 0) {
    if (errno == EEXIST) return {};
    return std::unexpected(os::system_error(errno, sandbox.native()));
  }
  if (owner) return os::change_owner(sandbox, owner->uid, owner->gid);
  return {};
}

// The directory that the link goes into. Below the sandbox nothing is followed, and each step
// starts from a directory that is open: a task may be changing what is there meanwhile.
Result<os::FileDescriptor> open_parent(const fs::path& sandbox, const fs::path& link,
                                       const std::optional<os::Identity>& owner) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  fs::path at = sandbox;
  os::FileDescriptor directory(::open(sandbox.c_str(), flags));
  if (!directory) return std::unexpected(os::system_error(errno, at.native()));
  for (const fs::path& part : link.parent_path()) {
    at /= part;
    const bool made = ::mkdirat(directory.get(), part.c_str(), 0755) == 0;
    os::FileDescriptor next(::openat(directory.get(), part.c_str(), flags));
    if (!next || (made && owner && ::fchown(next.get(), owner->uid, owner->gid) != 0)) {
      return std::unexpected(os::system_error(errno, at.native()));
    }
    directory = std::move(next);
  }
  return directory;
}

std::string target_of(int directory, const std::string& name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<size_t>(length));
}

Result<void> link_volume(const fs::path& sandbox, const VolumeMount& mount,
                         const std::optional<os::Identity>& owner) {
  fs::path link = fs::path(mount.link).lexically_normal();
  if (!link.has_filename()) link = link.parent_path();
  if (link.empty() || link.is_absolute() || *link.begin() == "..") {
    return failure(
        Code::invalid,
        fmt::format("the volume's container path '{}' does not lie in the sandbox", mount.link));
  }
  if (!exists(mount.volume)) {
    return failure(Code::not_found,
                   fmt::format("the directory of the volume, {}, is missing", mount.volume));
  }
  if (owner && !mount.shared) {
    TRY_VOID(os::change_owner(mount.volume, owner->uid, owner->gid));
  }
  TRY(const os::FileDescriptor parent, open_parent(sandbox, link, owner));
  const std::string name = link.filename().native();
  const fs::path at = sandbox / link;
  if (::symlinkat(mount.volume.c_str(), parent.get(), name.c_str()) == 0) return {};
  if (errno != EEXIST) return std::unexpected(os::system_error(errno, at.native()));
  if (target_of(parent.get(), name) == mount.volume) return {};
  return failure(Code::invalid, fmt::format("{} is in the way of a volume's link", at.native()));
}

}  // namespace

Result<void> make_volume(const std::string& path) {
  if (exists(path)) return {};
  TRY_VOID(os::make_directories(path));
  return sync_directory(fs::path(path).parent_path());
}

Result<void> remove_volume(const std::string& path, const std::string& trash) {
  if (exists(trash)) return {};
  const fs::path bin = fs::path(trash).parent_path();
  TRY_VOID(os::make_directories(bin, 0700));
  if (!exists(path)) {
    TRY_VOID(os::make_directories(trash));
    return sync_directory(bin);
  }
  if (std::rename(path.c_str(), trash.c_str()) != 0) {
    return std::unexpected(os::system_error(errno, path));
  }
  TRY_VOID(sync_directory(bin));
  return sync_directory(fs::path(path).parent_path());
}

std::vector<fs::path> discarded_volumes(const std::set<std::string>& directories,
                                        const std::set<std::string>& keep) {
  std::vector<fs::path> discarded;
  for (const std::string& directory : directories) {
    const auto listed = os::list(directory);
    if (!listed) continue;
    for (const os::FileStatus& each : *listed) {
      if (!keep.contains(each.path)) discarded.emplace_back(each.path);
    }
  }
  return discarded;
}

void discard_volumes(const std::vector<fs::path>& removed) {
  for (const fs::path& path : removed) {
    if (auto gone = os::remove_tree(path); !gone) {
      log::warning("a removed volume cannot be deleted: {}", gone.error().message);
    }
  }
}

Result<void> link_volumes(const std::string& sandbox, const std::vector<VolumeMount>& volumes,
                          const std::optional<os::Identity>& owner) {
  if (volumes.empty()) return {};
  TRY_VOID(make_sandbox(sandbox, owner));
  for (const VolumeMount& mount : volumes) TRY_VOID(link_volume(sandbox, mount, owner));
  return {};
}

}  // namespace mesolith::agent
