// SPDX-License-Identifier: Apache-2.0
// Files that were fetched once and serve many, in a directory of the agent's own. What is in it
// lies there only as long as the agent runs. An entry is found by a key, its newest version;
// versions that are pinned stay, and what lies beyond `bytes_max` is pinned: whatever else is,
// longest unused first, is removed. A file that has changed or vanished is no entry any more. One
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "os/files.hpp"

namespace mesolith::agent::fetcher {

class Cache {
 public:
  using Id = uint64_t;  // of one version of an entry; never used again

  // Makes the directory and empties it.
  static Result<Cache> open(std::string directory, uint64_t bytes_max);

  // The entry of that key, now pinned once more.
  std::optional<Id> pin(const std::string& key);
  void unpin(Id id);
  // For reading, from its beginning; of a pinned one. Nothing when it is damaged: then it is no
  // longer found by its key.
  std::optional<os::FileDescriptor> read(Id id);

  struct Draft {
    std::string path;
    os::FileDescriptor file;
  };
  // An empty file to be filled; then keep() or discard() it.
  Result<Draft> draft();
  // Takes the place of the key's entry, pinned once.
  Result<Id> keep(const std::string& key, Draft draft);
  void discard(const Draft& draft);

  uint64_t bytes_max() const { return bytes_max_; }
  uint64_t bytes_used() const { return bytes_used_; }

 private:
  struct Stamp {  // changes whenever the file does
    uint64_t device = 0, inode = 0, size = 0;
    int64_t changed_seconds = 0, changed_nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Entry {
    std::string key, path;
    Stamp stamp;
    uint64_t pins = 0;
    uint64_t used = 0;  // in the order of `clock_`
    bool current = true;
  };
  Cache(std::string directory, uint64_t bytes_max)
      : directory_(std::move(directory)), bytes_max_(bytes_max) {}
  static std::optional<Stamp> stamp_of(int descriptor);
  void retire(Id id);
  void remove(Id id);
  void trim();

  std::string directory_;
  uint64_t bytes_max_;
  uint64_t bytes_used_ = 0;
  Id next_id_ = 1;
  uint64_t clock_ = 0;
  std::map<Id, Entry> entries_;
  std::map<std::string, Id> by_key_;
};

}  // namespace mesolith::agent::fetcher
