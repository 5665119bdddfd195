// SPDX-License-Identifier: Apache-2.0
// Every text grammar of this room, on any bytes: it answers, and what it accepts it can print and
// read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "model/attributes.hpp"
#include "model/ids.hpp"
#include "model/resource_text.hpp"
#include "model/roles.hpp"

using namespace mesolith::model;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto resources = parse_resources(text)) {
    RepeatedResource out;
    resources->append_to(&out, Format::endpoint);
    const auto again = Resources::parse(out);
    CHECK(again && *again == *resources);
  }
  if (const auto ranges = Ranges::parse(text)) CHECK(*Ranges::parse(ranges->describe()) == *ranges);
  if (const auto quantities = Quantities::parse(text)) CHECK(quantities->contains({}));
  if (const auto attributes = parse_attributes(text)) (void)describe(*attributes);
  (void)validate_id(text);
  (void)roles::validate(text);
  return 0;
}
