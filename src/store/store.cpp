// SPDX-License-Identifier: Apache-2.0
#include "store/store.hpp"

#include <fmt/format.h>

#include <set>

namespace mesolith::store {

Result<void> check_limits(const Batch& batch) {
  if (batch.size() > batch_writes_max)
    return failure(Code::too_large, fmt::format("a batch of {} writes; at most {} are accepted",
                                                batch.size(), batch_writes_max));
  std::set<std::string_view> keys;
  for (const Write& write : batch) {
    if (write.key.empty()) return failure(Code::invalid, "a key of a batch is empty");
    if (write.key.size() > key_bytes_max)
      return failure(Code::too_large, fmt::format("a key of {} bytes; at most {} are accepted",
                                                  write.key.size(), key_bytes_max));
    if (write.value && write.value->size() > value_bytes_max)
      return failure(Code::too_large,
                     fmt::format("the value of '{}' has {} bytes; at most {} are accepted",
                                 write.key, write.value->size(), value_bytes_max));
    if (!keys.insert(write.key).second)
      return failure(Code::invalid, fmt::format("key '{}' appears twice in one batch", write.key));
  }
  return {};
}

std::size_t size_bytes(const Batch& batch) {
  std::size_t bytes = 0;
  for (const Write& write : batch)
    bytes += write.key.size() + (write.value ? write.value->size() : 0);
  return bytes;
}

}  // namespace mesolith::store
