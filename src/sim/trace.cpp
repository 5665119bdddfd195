// SPDX-License-Identifier: Apache-2.0
#include "sim/trace.hpp"

#include <fmt/format.h>

#include <cstring>

namespace mesolith::sim {
namespace {

// The finalizer of MurmurHash3 (Appleby, public domain).
uint64_t mix(uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccd;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53;
  return value ^ (value >> 33);
}

}  // namespace

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  uint64_t hash = seed ^ (bytes.size() * 0x9e3779b97f4a7c15);
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t taken = std::min(bytes.size(), sizeof(word));
    std::memcpy(&word, bytes.data(), taken);
    hash = (hash ^ mix(word)) * 0x100000001b3;
    hash ^= hash >> 29;
    bytes.remove_prefix(taken);
  }
  return mix(hash);
}

void Trace::fold(Time now, std::string_view kind, std::string_view who, std::string_view bytes) {
  ++happenings_;
  hash_ = mix(hash_ ^ static_cast<uint64_t>(now.time_since_epoch().count()));
  hash_ = hash_bytes(kind, hash_);
  hash_ = hash_bytes(who, hash_);
  hash_ = hash_bytes(bytes, hash_);
}

void Trace::say(Time now, std::string_view kind, std::string_view who, const std::string& what) {
  sink_(fmt::format("{:12.6f}  {:<10} {:<18} {}", to_seconds(now), who, kind, what));
}

}  // namespace mesolith::sim
