// SPDX-License-Identifier: Apache-2.0
// Fed at once or byte by byte, a stream gives the same records and the same verdict.
#include <cstdint>

#include "base/check.hpp"
#include "wire/record_io.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  mesolith::wire::RecordDecoder whole(1000), bytes(1000);
  const bool whole_well = whole.feed(stream).has_value();
  bool bytes_well = true;
  for (size_t i = 0; i < size; ++i) bytes_well = bytes.feed(stream.substr(i, 1)).has_value();
  CHECK(whole_well == bytes_well);
  while (const auto record = whole.next()) CHECK(bytes.next() == record);
  CHECK(!bytes.next());
  return 0;
}
