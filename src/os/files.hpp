// SPDX-License-Identifier: Apache-2.0
// Files and directories, blocking. Every failure is an Error{system} (not_found where a path does
// not exist, forbidden where it may not be used) whose message names the path and the reason.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace mesolith::os {

// An open file descriptor, closed with its owner. -1: none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { close(); }

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  int release() { return std::exchange(descriptor_, -1); }
  void close();

 private:
  int descriptor_ = -1;
};

// The Error of a system call that failed: "<what>: No such file or directory".
Error system_error(int error_number, std::string_view what);

// The whole file. One of more than `bytes_max` is an Error{too_large}; /proc files are fine.
Result<std::string> read_file(const std::filesystem::path& path, uint64_t bytes_max = 64u << 20);

// A whole small file under /proc or /sys, without looking at its size first.
Result<std::string> read_control_file(const std::filesystem::path& path);
// One write to an existing file, as control files under /proc and /sys want it.
Result<void> write_control_file(const std::filesystem::path& path, std::string_view value);

// After it returns the file has the new content even over a power failure; whoever reads meanwhile
// sees the old content or the new. Its mode is `mode`.
Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view content,
                               mode_t mode = 0644);

// A file that only grows. Writes of one append() are not interleaved with those of others.
class AppendFile {
 public:
  static Result<AppendFile> open(const std::filesystem::path& path, mode_t mode = 0644);
  // All of `content`; with `sync`, it is durable when this returns.
  Result<void> append(std::string_view content, bool sync = false);
  Result<uint64_t> size() const;
  int descriptor() const { return file_.get(); }

 private:
  AppendFile(FileDescriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  FileDescriptor file_;
  std::string path_;
};

// The directory and all that lead to it. What exists already stays as it is.
Result<void> make_directories(const std::filesystem::path& path, mode_t mode = 0755);

// The file, or the directory with all below it. Links are removed, never followed; a mount point
// below is an Error, and what lies in it stays. A path that isn't there is no failure.
Result<void> remove_tree(const std::filesystem::path& path);

struct FileStatus {
  enum class Type { regular, directory, link, other };
  std::string path;
  Type type = Type::other;
  uint64_t size = 0;  // bytes
  uint64_t links = 0;
  mode_t mode = 0;  // with the type's bits, as st_mode
  uid_t uid = 0;
  gid_t gid = 0;
  int64_t modified_seconds = 0;  // since the epoch
};
Result<FileStatus> file_status(const std::filesystem::path& path);       // of a link's target
Result<FileStatus> file_status_link(const std::filesystem::path& path);  // of the link itself

// What is in a directory, by name; links are not followed. Files that vanish meanwhile are left
// out.
Result<std::vector<FileStatus>> list(const std::filesystem::path& directory);

// Bytes that the tree takes on its disk, as du(1) counts: links not followed, hard links once, not
// across mounts.
Result<uint64_t> disk_usage(const std::filesystem::path& path);

// The file or, with `recursive`, the tree below too. Links themselves are changed, not their
// targets.
Result<void> change_owner(const std::filesystem::path& path, uid_t uid, gid_t gid,
                          bool recursive = false);

}  // namespace mesolith::os
