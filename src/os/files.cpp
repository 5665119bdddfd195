// SPDX-License-Identifier: Apache-2.0
#include "os/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace mesolith::os {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = other.release();
  }
  return *this;
}

void FileDescriptor::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

Error system_error(int error_number, std::string_view what) {
  Code code = Code::system;
  if (error_number == ENOENT || error_number == ENOTDIR || error_number == ESRCH)
    code = Code::not_found;
  if (error_number == EACCES || error_number == EPERM || error_number == EROFS)
    code = Code::forbidden;
  return Error(code, fmt::format("{}: {}", what, std::generic_category().message(error_number)));
}

namespace {

std::unexpected<Error> failed(const std::filesystem::path& path) {
  return std::unexpected(system_error(errno, path.native()));
}

Result<std::string> read_descriptor(int descriptor, const std::filesystem::path& path,
                                    uint64_t bytes_max) {
  std::string content;
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) return failed(path);
  if (S_ISDIR(status.st_mode)) {
    return std::unexpected(system_error(EISDIR, path.native()));
  }
  if (status.st_size > 0 && static_cast<uint64_t>(status.st_size) <= bytes_max) {
    content.reserve(static_cast<size_t>(status.st_size) + 1);
  }
  char buffer[16384];
  while (true) {
    ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(path);
    if (count == 0) return content;
    if (content.size() + static_cast<size_t>(count) > bytes_max) {
      return failure(Code::too_large,
                     fmt::format("{}: it is larger than {} bytes", path.native(), bytes_max));
    }
    content.append(buffer, static_cast<size_t>(count));
  }
}

Result<void> write_all(int descriptor, std::string_view content,
                       const std::filesystem::path& path) {
  while (!content.empty()) {
    ssize_t count = ::write(descriptor, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(path);
    content.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, uint64_t bytes_max) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failed(path);
  return read_descriptor(file.get(), path, bytes_max);
}

Result<std::string> read_control_file(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failed(path);
  std::string content;
  char buffer[4096];
  while (true) {
    ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(path);
    if (count == 0) return content;
    content.append(buffer, static_cast<size_t>(count));
  }
}

Result<void> write_control_file(const std::filesystem::path& path, std::string_view value) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return failed(path);
  ssize_t count = ::write(file.get(), value.data(), value.size());
  if (count < 0)
    return std::unexpected(system_error(errno, fmt::format("{} = {}", path.native(), value)));
  return {};
}

Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view content,
                               mode_t mode) {
  static std::atomic<uint64_t> next{0};
  std::filesystem::path temporary = path;
  temporary += fmt::format(".{}.{}.new", ::getpid(), next++);
  FileDescriptor file(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!file) return failed(temporary);
  Result<void> written = write_all(file.get(), content, temporary);
  if (written && ::fchmod(file.get(), mode) != 0) written = failed(temporary);
  if (written && ::fsync(file.get()) != 0) written = failed(temporary);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = failed(path);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  std::filesystem::path parent = path.parent_path();
  if (parent.empty()) parent = ".";
  FileDescriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return failed(parent);
  if (::fsync(directory.get()) != 0) return failed(parent);
  return {};
}

Result<AppendFile> AppendFile::open(const std::filesystem::path& path, mode_t mode) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode));
  if (!file) return failed(path);
  return AppendFile(std::move(file), path.native());
}

Result<void> AppendFile::append(std::string_view content, bool sync) {
  TRY_VOID(write_all(file_.get(), content, path_));
  if (sync && ::fdatasync(file_.get()) != 0) return failed(path_);
  return {};
}

Result<uint64_t> AppendFile::size() const {
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) return failed(path_);
  return static_cast<uint64_t>(status.st_size);
}

Result<void> make_directories(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT && path.has_relative_path() && path.parent_path() != path) {
    TRY_VOID(make_directories(path.parent_path(), mode));
    if (path.filename().empty() || ::mkdir(path.c_str(), mode) == 0) return {};
  }
  if (errno != EEXIST) return failed(path);
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return failed(path);
  if (!S_ISDIR(status.st_mode)) return std::unexpected(system_error(ENOTDIR, path.native()));
  return {};
}

}  // namespace mesolith::os
