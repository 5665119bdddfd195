// SPDX-License-Identifier: Apache-2.0
// Whatever is accepted must read the same again from its own description.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "coordination/master_address.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesolith::coordination;
  auto address = parse_master_address({reinterpret_cast<const char*>(data), size});
  if (!address) return 0;
  const auto* zookeeper = std::get_if<ZooKeeperAddress>(&*address);
  if (zookeeper != nullptr && !zookeeper->credentials.empty()) return 0;
  auto again = parse_master_address(describe(*address));
  CHECK(again.has_value());
  CHECK(*again == *address);
  return 0;
}
