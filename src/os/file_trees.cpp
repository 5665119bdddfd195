// SPDX-License-Identifier: Apache-2.0
// Walks go by descriptors and names below them, so that a directory that is swapped for a link
// meanwhile leads nowhere else.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "os/files.hpp"

namespace mesolith::os {
namespace {

std::unexpected<Error> failed(const std::string& path) {
  return std::unexpected(system_error(errno, path));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory open_directory(int parent, const char* name) {
  int descriptor = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  Directory directory(::fdopendir(descriptor));
  if (!directory) ::close(descriptor);
  return directory;
}

// The names in a directory, read whole before anything below is changed.
Result<std::vector<std::string>> names_in(DIR* directory, const std::string& path) {
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (!entry && errno != 0) return failed(path);
    if (!entry) return names;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
}

// Directories may nest deeper than this stack would bear.
constexpr int depth_max = 256;

// Whether something is mounted there, be it the same file system once more.
bool is_mount_point(int parent, const char* name) {
  struct statx status{};
  return ::statx(parent, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_INO, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<void> remove_at(int parent, const std::string& name, const std::string& path, int depth) {
  if (depth > depth_max) {
    return failure(Code::invalid, fmt::format("{}: it is nested too deeply", path));
  }
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return failed(path);
  int unlink_error = errno;
  if (is_mount_point(parent, name.c_str())) {
    return failure(Code::conflict, fmt::format("{}: something is mounted there", path));
  }
  Directory directory = open_directory(parent, name.c_str());
  if (!directory && errno == ENOTDIR) return std::unexpected(system_error(unlink_error, path));
  if (!directory) return failed(path);
  TRY(auto names, names_in(directory.get(), path));
  for (const std::string& below : names) {
    TRY_VOID(remove_at(::dirfd(directory.get()), below, path + "/" + below, depth + 1));
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return failed(path);
  return {};
}

FileStatus from_stat(std::string path, const struct stat& status) {
  FileStatus file;
  file.path = std::move(path);
  if (S_ISREG(status.st_mode)) file.type = FileStatus::Type::regular;
  if (S_ISDIR(status.st_mode)) file.type = FileStatus::Type::directory;
  if (S_ISLNK(status.st_mode)) file.type = FileStatus::Type::link;
  file.size = static_cast<uint64_t>(status.st_size);
  file.links = status.st_nlink;
  file.mode = status.st_mode;
  file.uid = status.st_uid;
  file.gid = status.st_gid;
  file.modified_seconds = status.st_mtim.tv_sec;
  return file;
}

struct Counted {
  uint64_t bytes = 0;
  dev_t device = 0;
  std::set<ino_t> hard_linked;
};

// What vanishes while it is counted is simply not counted.
Result<void> count_below(DIR* directory, const std::string& path, Counted& counted, int depth) {
  if (depth > depth_max) return {};
  TRY(auto names, names_in(directory, path));
  for (const std::string& name : names) {
    struct stat status{};
    if (::fstatat(::dirfd(directory), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (status.st_dev != counted.device) continue;
    bool is_directory = S_ISDIR(status.st_mode);
    if (!is_directory && status.st_nlink > 1 && !counted.hard_linked.insert(status.st_ino).second)
      continue;
    counted.bytes += static_cast<uint64_t>(status.st_blocks) * 512;
    if (!is_directory) continue;
    Directory below = open_directory(::dirfd(directory), name.c_str());
    if (!below && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)) continue;
    if (!below) return failed(path + "/" + name);
    TRY_VOID(count_below(below.get(), path + "/" + name, counted, depth + 1));
  }
  return {};
}

Result<void> own_below(DIR* directory, const std::string& path, uid_t uid, gid_t gid, int depth) {
  if (depth > depth_max) {
    return failure(Code::invalid, fmt::format("{}: it is nested too deeply", path));
  }
  TRY(auto names, names_in(directory, path));
  for (const std::string& name : names) {
    std::string below_path = path + "/" + name;
    if (::fchownat(::dirfd(directory), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return failed(below_path);
    }
    Directory below = open_directory(::dirfd(directory), name.c_str());
    if (!below && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)) continue;
    if (!below) return failed(below_path);
    TRY_VOID(own_below(below.get(), below_path, uid, gid, depth + 1));
  }
  return {};
}

}  // namespace

Result<void> remove_tree(const std::filesystem::path& path) {
  return remove_at(AT_FDCWD, path.native(), path.native(), 0);
}

Result<FileStatus> file_status(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return failed(path.native());
  return from_stat(path.native(), status);
}

Result<FileStatus> file_status_link(const std::filesystem::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return failed(path.native());
  return from_stat(path.native(), status);
}

Result<std::vector<FileStatus>> list(const std::filesystem::path& directory) {
  Directory open(::opendir(directory.c_str()));
  if (!open) return failed(directory.native());
  TRY(auto names, names_in(open.get(), directory.native()));
  std::ranges::sort(names);
  std::vector<FileStatus> files;
  for (const std::string& name : names) {
    struct stat status{};
    if (::fstatat(::dirfd(open.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    files.push_back(from_stat((directory / name).native(), status));
  }
  return files;
}

Result<uint64_t> disk_usage(const std::filesystem::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return failed(path.native());
  Counted counted;
  counted.device = status.st_dev;
  counted.bytes = static_cast<uint64_t>(status.st_blocks) * 512;
  if (!S_ISDIR(status.st_mode)) return counted.bytes;
  Directory directory = open_directory(AT_FDCWD, path.c_str());
  if (!directory) return failed(path.native());
  TRY_VOID(count_below(directory.get(), path.native(), counted, 0));
  return counted.bytes;
}

Result<void> change_owner(const std::filesystem::path& path, uid_t uid, gid_t gid, bool recursive) {
  if (::lchown(path.c_str(), uid, gid) != 0) return failed(path.native());
  if (!recursive) return {};
  Directory directory = open_directory(AT_FDCWD, path.c_str());
  if (!directory && (errno == ENOTDIR || errno == ELOOP)) return {};
  if (!directory) return failed(path.native());
  return own_below(directory.get(), path.native(), uid, gid, 0);
}

}  // namespace mesolith::os
