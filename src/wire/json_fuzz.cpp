// SPDX-License-Identifier: Apache-2.0
// Whatever parses must print as text that parses to the same message.
#include <cstdint>

#include "base/check.hpp"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mesos::v1::scheduler::Call call;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!mesolith::wire::parse_json(text, call)) return 0;
  const std::string printed = mesolith::wire::print_json(call);
  mesos::v1::scheduler::Call again;
  CHECK(mesolith::wire::parse_json(printed, again));
  CHECK(mesolith::wire::print_json(again) == printed);
  return 0;
}
