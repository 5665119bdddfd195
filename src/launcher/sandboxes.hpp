// SPDX-License-Identifier: Apache-2.0
// Makes the directories of containers and the files that their output goes to. Directories far
// enough up to be shared by many containers stay open, so that the long common path is not walked
// for each. Nothing is synced: a sandbox that a power failure takes had lost its container anyway.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "os/files.hpp"
#include "os/process.hpp"

namespace mesolith::launcher {

struct Outputs {
  os::FileDescriptor standard_output, standard_error;
};

class Sandboxes {
 public:
  // The directory (0750) with its parents (0755), and stdout and stderr (0644) in it, all owned by
  // `owner`. What exists is used. In a directory "runs", the link "latest" then leads to it.
  // `directory` is absolute and without "." and "..".
  Result<Outputs> make(const std::string& directory, const std::optional<os::Identity>& owner);
  // A symbolic link to the directory, with its parents (0755). One that exists is left as it is.
  static Result<void> link(const std::string& directory, const std::string& link);

 private:
  Result<Outputs> make_below(const std::string& base, const std::string& rest,
                             const std::optional<os::Identity>& owner);
  Result<int> open_base(const std::string& base);

  std::map<std::string, os::FileDescriptor> bases_;
};

// Error{invalid} unless it can be given to make().
Result<void> validate_directory(const std::string& directory);

}  // namespace mesolith::launcher
