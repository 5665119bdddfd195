// SPDX-License-Identifier: Apache-2.0
#include "launcher/sandboxes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace mesolith::launcher {
namespace {

constexpr size_t bases_max = 64;
// A run's own part of its path: executors/ ends the shared one, then <executor>/runs/<container>.
constexpr int parts_of_its_own = 3;

Result<void> own(int base, const std::string& name, const std::string& base_path,
                 const std::optional<os::Identity>& owner) {
  if (!owner || (owner->uid == ::geteuid() && owner->gid == ::getegid())) return {};
  if (::fchownat(base, name.c_str(), owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return std::unexpected(os::system_error(errno, fmt::format("owner of {}/{}", base_path, name)));
  }
  return {};
}

Result<os::FileDescriptor> make_output(int base, const std::string& name,
                                       const std::string& base_path,
                                       const std::optional<os::Identity>& owner) {
  os::FileDescriptor file(::openat(
      base, name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644));
  if (!file) {
    return std::unexpected(os::system_error(errno, fmt::format("{}/{}", base_path, name)));
  }
  TRY_VOID(own(base, name, base_path, owner));
  return file;
}

// runs/latest leads to the run that was made last (mesos-api.md 5.7).
Result<void> link_latest(int base, const std::string& run, const std::string& base_path) {
  const size_t split = run.rfind('/') + 1;
  std::string runs = run.substr(0, split), name = run.substr(split);
  if (!runs.ends_with("/runs/")) {
    if (!base_path.ends_with("/runs")) return {};
    runs.clear();  // it is a sandbox within that of a run
    name = run.substr(0, run.find('/'));
  }
  const std::string latest = runs + "latest";
  if (::symlinkat(name.c_str(), base, latest.c_str()) == 0) return {};
  std::string now(name.size() + 1, '\0');
  const ssize_t size = ::readlinkat(base, latest.c_str(), now.data(), now.size());
  if (size >= 0 && now.substr(0, static_cast<size_t>(size)) == name) return {};
  const std::string temporary = runs + ".latest-" + name;
  if (::symlinkat(name.c_str(), base, temporary.c_str()) != 0 ||
      ::renameat(base, temporary.c_str(), base, latest.c_str()) != 0) {
    return std::unexpected(os::system_error(errno, fmt::format("{}/{}", base_path, latest)));
  }
  return {};
}

}  // namespace

Result<void> validate_directory(const std::string& directory) {
  std::filesystem::path path(directory);
  if (!path.is_absolute() || path.lexically_normal().native() != directory ||
      !path.has_filename()) {
    return failure(Code::invalid,
                   fmt::format("'{}' is no absolute path of a directory", directory));
  }
  return {};
}

Result<int> Sandboxes::open_base(const std::string& base) {
  auto found = bases_.find(base);
  if (found != bases_.end()) return found->second.get();
  TRY_VOID(os::make_directories(base));
  os::FileDescriptor directory(::open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return std::unexpected(os::system_error(errno, base));
  if (bases_.size() >= bases_max) bases_.clear();
  return bases_.emplace(base, std::move(directory)).first->second.get();
}

Result<Outputs> Sandboxes::make_below(const std::string& base_path, const std::string& rest,
                                      const std::optional<os::Identity>& owner) {
  TRY(int base, open_base(base_path));
  size_t end = 0;
  while (end != std::string::npos) {
    end = rest.find('/', end + 1);
    std::string part = rest.substr(0, end);
    mode_t mode = end == std::string::npos ? 0750 : 0755;
    if (::mkdirat(base, part.c_str(), mode) != 0 && errno != EEXIST) {
      return std::unexpected(os::system_error(errno, fmt::format("{}/{}", base_path, part)));
    }
  }
  TRY_VOID(own(base, rest, base_path, owner));
  Outputs outputs;
  TRY(outputs.standard_output, make_output(base, rest + "/stdout", base_path, owner));
  TRY(outputs.standard_error, make_output(base, rest + "/stderr", base_path, owner));
  TRY_VOID(link_latest(base, rest, base_path));
  return outputs;
}

Result<Outputs> Sandboxes::make(const std::string& directory,
                                const std::optional<os::Identity>& owner) {
  TRY_VOID(validate_directory(directory));
  size_t split = directory.size();
  for (int part = 0; part < parts_of_its_own && split > 0; ++part) {
    split = directory.rfind('/', split - 1);
  }
  std::string base = split == 0 ? "/" : directory.substr(0, split);
  std::string rest = directory.substr(split + 1);
  auto outputs = make_below(base, rest, owner);
  if (!outputs && outputs.error().code == Code::not_found && bases_.erase(base) > 0) {
    // The directory that was held open had been removed, and perhaps made anew.
    outputs = make_below(base, rest, owner);
  }
  return outputs;
}

Result<void> Sandboxes::link(const std::string& directory, const std::string& link) {
  TRY_VOID(validate_directory(link));
  TRY_VOID(os::make_directories(link.substr(0, link.rfind('/'))));
  if (::symlink(directory.c_str(), link.c_str()) != 0 && errno != EEXIST) {
    return std::unexpected(os::system_error(errno, link));
  }
  return {};
}

}  // namespace mesolith::launcher
