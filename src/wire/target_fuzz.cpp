// SPDX-License-Identifier: Apache-2.0
// A target that parses parses again when its decoded path is encoded.
#include <cstdint>

#include "base/check.hpp"
#include "wire/http.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto target = mesolith::wire::parse_target(text);
  if (!target) return 0;
  const auto again =
      mesolith::wire::parse_target("/" + mesolith::wire::percent_encode(target->path));
  CHECK(again && again->path == "/" + target->path);
  return 0;
}
