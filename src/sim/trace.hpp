// SPDX-License-Identifier: Apache-2.0
// What a simulated run did, as one number: everything that happens is folded into a 64-bit hash, so
// two runs are the same exactly when their hashes are. With a sink it also says each happening as a
// line. Never fails; `describe` is only called when there is a sink.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace mesolith::sim {

// A 64-bit hash of bytes and a seed, eight bytes at a time. Not for secrets.
uint64_t hash_bytes(std::string_view bytes, uint64_t seed);

class Trace {
 public:
  using Sink = std::function<void(const std::string& line)>;

  explicit Trace(Sink sink) : sink_(std::move(sink)) {}

  // `kind` names the happening, `who` the node it happens to.
  template <class Describe>
  void note(Time now, std::string_view kind, std::string_view who, std::string_view bytes,
            Describe&& describe) {
    fold(now, kind, who, bytes);
    if (sink_) say(now, kind, who, describe());
  }
  void note(Time now, std::string_view kind, std::string_view who, std::string_view bytes = {}) {
    note(now, kind, who, bytes, [] { return std::string(); });
  }

  uint64_t hash() const { return hash_; }
  uint64_t happenings() const { return happenings_; }

 private:
  void fold(Time now, std::string_view kind, std::string_view who, std::string_view bytes);
  void say(Time now, std::string_view kind, std::string_view who, const std::string& what);

  Sink sink_;
  uint64_t hash_ = 0x9e3779b97f4a7c15;
  uint64_t happenings_ = 0;
};

}  // namespace mesolith::sim
