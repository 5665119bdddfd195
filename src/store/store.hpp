// SPDX-License-Identifier: Apache-2.0
// A Store keeps values under keys, durably. Every key has a version: 0 while it is absent, 1 when
// it is created, one more with each write. A Batch of writes is applied whole or not at all, and
// only if each key still has the version its writer expected. Invariants: once `done` was called
// with success the batch survives a crash of the process or of the machine; batches are applied in
// the order of the calls to commit(). A key that was deleted starts again at version 1. Failure:
// conflict (a version differs; nothing was changed), invalid or too_large (the batch breaks a
// limit), unavailable (the queue is full), system (the disk refused, nothing of the batch is
// visible now; after a failed sync it may show up again at the next open), corrupt (stored bytes
// make no sense). Threads: every function may be called from any thread. `done` is called exactly
// once, on a thread of the store or, for a batch that is refused at once, inside commit(); it must
// be quick and must not throw. A shell posts it to its own loop. It must not destroy the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace mesolith::store {

using Version = std::uint64_t;

inline constexpr Version absent = 0;
// As an expected version: write whatever is there now.
inline constexpr Version any_version = ~Version{0};

inline constexpr std::size_t key_bytes_max = 1024;
inline constexpr std::size_t value_bytes_max = 64 << 20;
inline constexpr std::size_t batch_writes_max = 65'536;
// What may wait for the writer; beyond either, commit() answers unavailable.
inline constexpr std::size_t queued_batches_max = 65'536;
inline constexpr std::size_t queued_bytes_max = 256 << 20;

struct Versioned {
  std::string value;
  Version version = absent;
  bool operator==(const Versioned&) const = default;
};

struct Write {
  std::string key;
  Version expected = absent;
  std::optional<std::string> value;  // nullopt deletes the key
};

// No key may appear twice.
using Batch = std::vector<Write>;
using Done = std::function<void(Result<void>)>;
using Entries = std::vector<std::pair<std::string, Versioned>>;

class Store {
 public:
  virtual ~Store() = default;

  virtual Result<std::optional<Versioned>> get(std::string_view key) = 0;
  // Every entry whose key begins with `prefix`, ordered by the bytes of the key.
  virtual Result<Entries> list(std::string_view prefix) = 0;
  virtual void commit(Batch batch, Done done) = 0;
};

// What every implementation refuses before it looks at its data.
Result<void> check_limits(const Batch& batch);
std::size_t size_bytes(const Batch& batch);

}  // namespace mesolith::store
