// SPDX-License-Identifier: Apache-2.0
// What is compressed comes back; what claims to be compressed never exceeds its limit.
#include <cstdint>

#include "base/check.hpp"
#include "net/gzip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto back = mesolith::net::gunzip(mesolith::net::gzip(bytes), size);
  CHECK(back && *back == bytes);
  const auto unpacked = mesolith::net::gunzip(bytes, 1000);
  CHECK(!unpacked || unpacked->size() <= 1000);
  return 0;
}
