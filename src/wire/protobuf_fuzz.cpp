// SPDX-License-Identifier: Apache-2.0
// Whatever decodes as protobuf prints as JSON and encodes again.
#include <cstdint>

#include "base/check.hpp"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/media_type.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mesolith::wire;
  mesos::v1::scheduler::Call call, again;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (!decode(Media::protobuf, body, call)) return 0;
  CHECK(!encode(Media::json, call).empty());
  CHECK(decode(Media::protobuf, encode(Media::protobuf, call), again));
  return 0;
}
