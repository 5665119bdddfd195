// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/sandbox_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace mesolith::agent {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t whole_file_bytes_max = 1u << 30;

std::variant<fs::path, FileProblem> resolve(const std::string& path, const std::string& root) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) {
    return error == std::errc::permission_denied ? FileProblem::inaccessible
                                                 : FileProblem::not_found;
  }
  const fs::path bound = fs::canonical(root, error);
  if (error) return FileProblem::not_found;
  const auto [end, rest] = std::mismatch(bound.begin(), bound.end(), real.begin(), real.end());
  if (end != bound.end()) return FileProblem::not_found;
  return real;
}

}  // namespace

std::variant<std::vector<os::FileStatus>, FileProblem> browse_files(const std::string& path,
                                                                    const std::string& root) {
  const auto resolved = resolve(path, root);
  if (const auto* problem = std::get_if<FileProblem>(&resolved)) return *problem;
  auto listed = os::list(std::get<fs::path>(resolved));
  if (listed) return *std::move(listed);
  return listed.error().code == Code::forbidden ? FileProblem::inaccessible
                                                : FileProblem::not_found;
}

std::variant<FileContent, FileProblem> read_window(const std::string& path, const std::string& root,
                                                   uint64_t offset,
                                                   std::optional<uint64_t> length) {
  const auto resolved = resolve(path, root);
  if (const auto* problem = std::get_if<FileProblem>(&resolved)) return *problem;
  const fs::path& real = std::get<fs::path>(resolved);
  const auto status = os::file_status(real);
  if (!status) return FileProblem::not_found;
  if (status->type == os::FileStatus::Type::directory) return FileProblem::is_directory;
  const os::FileDescriptor file(::open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return FileProblem::inaccessible;
  FileContent content;
  content.size = status->size;
  const uint64_t rest = offset < status->size ? status->size - offset : 0;
  content.data.resize(std::min({rest, length.value_or(rest), whole_file_bytes_max}));
  size_t done = 0;
  while (done < content.data.size()) {
    const ssize_t count = ::pread(file.get(), content.data.data() + done,
                                  content.data.size() - done, static_cast<off_t>(offset + done));
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  content.data.resize(done);
  return content;
}

}  // namespace mesolith::agent
