// SPDX-License-Identifier: Apache-2.0
#include "os/beneath.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace mesolith::os {
namespace {

int open_beneath(int root, const char* path, uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  // The kernel asks to be asked again when a rename raced with the walk.
  constexpr int tries_max = 16;
  int descriptor = -1;
  for (int i = 0; i < tries_max; ++i) {
    descriptor = static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how));
    if (descriptor >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return descriptor;
}

std::unexpected<Error> failed(const std::string& path) {
  if (errno == ELOOP || errno == EXDEV) {
    return failure(Code::forbidden, fmt::format("{}: it lies beyond a symbolic link", path));
  }
  return std::unexpected(system_error(errno, path));
}

}  // namespace

Result<Beneath> Beneath::open(const std::string& directory) {
  FileDescriptor root(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return std::unexpected(system_error(errno, directory));
  return Beneath(std::move(root));
}

Result<FileDescriptor> Beneath::open_directory(const std::string& path) {
  const char* name = path.empty() ? "." : path.c_str();
  FileDescriptor directory(open_beneath(root_.get(), name, O_RDONLY | O_DIRECTORY));
  if (!directory) return failed(path);
  return directory;
}

Result<FileDescriptor> Beneath::open_or_make(const std::string& path) {
  auto directory = open_directory(path);
  if (directory || directory.error().code != Code::not_found) return directory;
  std::string name;
  TRY(const FileDescriptor parent, open_parent(path, name));
  if (::mkdirat(parent.get(), name.c_str(), 0755) == 0) {
    ++directories_made_;
  } else if (errno != EEXIST) {
    return failed(path);
  }
  return open_directory(path);
}

Result<FileDescriptor> Beneath::open_parent(const std::string& path, std::string& name) {
  const size_t split = path.rfind('/');
  name = path.substr(split == std::string::npos ? 0 : split + 1);
  if (name.empty() || name == "." || name == "..") {
    return failure(Code::invalid, fmt::format("'{}' names nothing", path));
  }
  return open_or_make(split == std::string::npos ? "" : path.substr(0, split));
}

Result<FileDescriptor> Beneath::clear_place(const std::string& path, std::string& name) {
  TRY(FileDescriptor parent, open_parent(path, name));
  if (::unlinkat(parent.get(), name.c_str(), 0) != 0 && errno != ENOENT) return failed(path);
  return parent;
}

Result<void> Beneath::make_directory(const std::string& path, mode_t mode) {
  TRY(const FileDescriptor directory, open_or_make(path));
  if (::fchmod(directory.get(), mode) != 0) return failed(path);
  return {};
}

Result<FileDescriptor> Beneath::make_file(const std::string& path) {
  std::string name;
  TRY(const FileDescriptor parent, clear_place(path, name));
  FileDescriptor file(::openat(parent.get(), name.c_str(),
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
                               0600));
  if (!file) return failed(path);
  return file;
}

Result<void> Beneath::make_symbolic_link(const std::string& path, const std::string& target) {
  std::string name;
  TRY(const FileDescriptor parent, clear_place(path, name));
  if (::symlinkat(target.c_str(), parent.get(), name.c_str()) != 0) return failed(path);
  return {};
}

Result<void> Beneath::make_hard_link(const std::string& path, const std::string& existing) {
  // Opened, so that what is linked is what was looked at.
  const FileDescriptor file(open_beneath(root_.get(), existing.c_str(), O_PATH));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return failed(existing);
  if (!S_ISREG(status.st_mode)) {
    return failure(Code::invalid, fmt::format("{}: it is no file to link to", existing));
  }
  std::string name;
  TRY(const FileDescriptor parent, open_parent(path, name));
  struct stat there{};
  if (::fstatat(parent.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      there.st_dev == status.st_dev && there.st_ino == status.st_ino) {
    return {};  // it is that file already
  }
  if (::unlinkat(parent.get(), name.c_str(), 0) != 0 && errno != ENOENT) return failed(path);
  // Through /proc, since AT_EMPTY_PATH needs a privilege.
  const std::string opened = fmt::format("/proc/self/fd/{}", file.get());
  if (::linkat(AT_FDCWD, opened.c_str(), parent.get(), name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return failed(path);
  }
  return {};
}

}  // namespace mesolith::os
