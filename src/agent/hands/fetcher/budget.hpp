// SPDX-License-Identifier: Apache-2.0
// How much one fetch may still bring into a sandbox. What goes beyond is an Error{too_large} that
// names the limit; a file system that would be left nearly full, for the agent needs it too, is an
// Error{unavailable}.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace mesolith::agent::fetcher {

// Of one container's fetch, whatever its number of URIs.
inline constexpr uint64_t bytes_fetched_max = 16ULL << 30;
inline constexpr uint64_t bytes_extracted_max = 64ULL << 30;
inline constexpr uint64_t entries_max = 1'000'000;

class Budget {
 public:
  struct Limits {
    uint64_t bytes_fetched_max = fetcher::bytes_fetched_max;
    uint64_t bytes_extracted_max = fetcher::bytes_extracted_max;
    uint64_t entries_max = fetcher::entries_max;
    uint64_t disk_bytes_free_min = 0;
  };
  // `directory` is open and on the file system that is watched.
  Budget(Limits limits, int directory) : limits_(limits), directory_(directory) {}

  // Before they are written.
  Result<void> fetch(uint64_t bytes);
  Result<void> extract(uint64_t bytes);
  Result<void> enter(uint64_t entries);

 private:
  Result<void> look_at_disk(uint64_t bytes);

  Limits limits_;
  int directory_;
  uint64_t fetched_ = 0, extracted_ = 0, entries_ = 0;
  uint64_t until_look_ = 0;  // bytes that may pass before the disk is looked at again
};

}  // namespace mesolith::agent::fetcher
