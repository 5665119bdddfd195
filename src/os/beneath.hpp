// SPDX-License-Identifier: Apache-2.0
// Making things below one directory by names that cannot be trusted. The kernel keeps every step
// below it: no path is resolved through a symbolic link, however the tree changes meanwhile. Paths
// are relative, without empty parts, "." and ".."; directories on the way are made (0755). What
// stands where a file or a link is made is replaced, unless it is a directory. Blocking; one user
// at a time.
//
// A path that goes through a symbolic link is an Error{forbidden}.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "os/files.hpp"

namespace mesolith::os {

class Beneath {
 public:
  static Result<Beneath> open(const std::string& directory);

  // With its mode; one that is there gets it.
  Result<void> make_directory(const std::string& path, mode_t mode);
  // New, empty, for writing, mode 0600.
  Result<FileDescriptor> make_file(const std::string& path);
  // To `target`, whatever that is: whoever calls has looked at it.
  Result<void> make_symbolic_link(const std::string& path, const std::string& target);
  // A second name for a regular file that is there.
  Result<void> make_hard_link(const std::string& path, const std::string& existing);

  // How many directories were made on the way or as such.
  uint64_t directories_made() const { return directories_made_; }
  int descriptor() const { return root_.get(); }

 private:
  explicit Beneath(FileDescriptor root) : root_(std::move(root)) {}
  Result<FileDescriptor> open_directory(const std::string& path);
  Result<FileDescriptor> open_or_make(const std::string& path);
  // The directory of `path`; `name` is its last part.
  Result<FileDescriptor> open_parent(const std::string& path, std::string& name);
  Result<FileDescriptor> clear_place(const std::string& path, std::string& name);

  FileDescriptor root_;
  uint64_t directories_made_ = 0;
};

}  // namespace mesolith::os
