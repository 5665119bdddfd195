// SPDX-License-Identifier: Apache-2.0
// The name of a resource, as a small value: the five names that every agent has are one byte, any
// other carries its text. Value-based on purpose: no table is shared between threads, and a client
// cannot make one grow. Ordered by text. Never fails.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mesolith::model {

class Name {
 public:
  // Alphabetical, so that the order of the numbers is the order of the texts.
  enum Known : uint8_t { cpus_id, disk_id, gpus_id, mem_id, ports_id, other_id };
  static constexpr size_t known_count = other_id;

  Name() : Name(std::string_view()) {}
  Name(Known known) : known_(known) {}  // NOLINT: a known name is a name
  Name(std::string_view text);          // NOLINT: so that "cpus" can be passed
  Name(const char* text) : Name(std::string_view(text)) {}
  Name(const std::string& text) : Name(std::string_view(text)) {}

  Known known() const { return known_; }
  std::string_view text() const;
  std::string str() const { return std::string(text()); }

  bool operator==(const Name& other) const {
    return known_ == other.known_ &&
           (known_ != other_id || text_ == other.text_ || *text_ == *other.text_);
  }
  std::strong_ordering operator<=>(const Name& other) const;

 private:
  Known known_;
  std::shared_ptr<const std::string> text_;  // null for a known name
};

inline const Name cpus{Name::cpus_id};
inline const Name disk{Name::disk_id};
inline const Name gpus{Name::gpus_id};
inline const Name mem{Name::mem_id};
inline const Name ports{Name::ports_id};

}  // namespace mesolith::model
