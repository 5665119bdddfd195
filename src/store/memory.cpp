// SPDX-License-Identifier: Apache-2.0
#include "store/memory.hpp"

#include <fmt/format.h>

#include <map>
#include <mutex>

namespace mesolith::store {
namespace {

class MemoryStore : public Store {
 public:
  Result<std::optional<Versioned>> get(std::string_view key) override {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    return found->second;
  }

  Result<Entries> list(std::string_view prefix) override {
    std::lock_guard lock(mutex_);
    Entries result;
    for (auto entry = entries_.lower_bound(prefix);
         entry != entries_.end() && entry->first.starts_with(prefix); ++entry)
      result.emplace_back(entry->first, entry->second);
    return result;
  }

  void commit(Batch batch, Done done) override { done(apply(std::move(batch))); }

 private:
  Result<void> apply(Batch batch) {
    TRY_VOID(check_limits(batch));
    std::lock_guard lock(mutex_);
    for (const Write& write : batch) {
      const Version version = version_of(write.key);
      if (write.expected != any_version && write.expected != version)
        return failure(Code::conflict, fmt::format("'{}' has version {}, not {}", write.key,
                                                   version, write.expected));
    }
    for (Write& write : batch) {
      const Version version = version_of(write.key);
      if (write.value)
        entries_.insert_or_assign(std::move(write.key),
                                  Versioned{std::move(*write.value), version + 1});
      else
        entries_.erase(write.key);
    }
    return {};
  }

  Version version_of(std::string_view key) const {
    auto found = entries_.find(key);
    return found == entries_.end() ? absent : found->second.version;
  }

  std::mutex mutex_;
  std::map<std::string, Versioned, std::less<>> entries_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store() {
  return std::make_unique<MemoryStore>();
}

}  // namespace mesolith::store
