// SPDX-License-Identifier: Apache-2.0
// Looks into sandboxes for /files. A path is followed through its symbolic links first and must
// then still lie in the directory it is bounded by; else it does not exist. Blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "os/files.hpp"

namespace mesolith::agent {

struct FileContent {
  std::string data;
  uint64_t size = 0;  // of the whole file
};
enum class FileProblem { not_found, is_directory, inaccessible };

std::variant<std::vector<os::FileStatus>, FileProblem> browse_files(const std::string& path,
                                                                    const std::string& root);
// At most `length` bytes from `offset`; all without a length.
std::variant<FileContent, FileProblem> read_window(const std::string& path, const std::string& root,
                                                   uint64_t offset, std::optional<uint64_t> length);

}  // namespace mesolith::agent
