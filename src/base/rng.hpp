// SPDX-License-Identifier: Apache-2.0
// A seeded generator of random numbers (xoshiro256**, Blackman and Vigna 2018). The only dice a
// core has: the same seed gives the same run. Not for secrets.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mesolith {

class Rng {
 public:
  explicit Rng(uint64_t seed);

  uint64_t next();
  uint64_t below(uint64_t bound);  // uniform in [0, bound); bound > 0
  double uniform();                // uniform in [0, 1)
  bool chance(double probability) { return uniform() < probability; }

  std::string uuid_bytes();  // 16 bytes, RFC 4122 version 4
  std::string uuid_text();   // 36 characters

  template <class T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::array<uint64_t, 4> state_;
};

// The 36-character form of 16 raw bytes; empty when `bytes` has another length.
std::string format_uuid(const std::string& bytes);

// A seed from the operating system, for shells only.
uint64_t entropy_seed();

}  // namespace mesolith
