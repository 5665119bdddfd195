// SPDX-License-Identifier: Apache-2.0
// Whatever is in the file of a launcher, reading it ends, and what comes before damage says as much
// as it says alone.
#include <cstdint>

#include "base/check.hpp"
#include "launcher/checkpoints.hpp"
#include "os/unix_socket.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using mesolith::launcher::parse_records;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  mesolith::launcher::Record first;
  first.set_boot_id("boot");
  std::string file;
  mesolith::os::append_frame(file, first.SerializeAsString());
  file += bytes;
  const auto whole = parse_records(file, "boot");
  if (whole.damaged_at) {
    CHECK(*whole.damaged_at <= file.size());
    const std::string_view sound = std::string_view(file).substr(0, *whole.damaged_at);
    const auto again = parse_records(sound, "boot");
    CHECK(!again.damaged_at && again.memory.size() == whole.memory.size());
  }
  CHECK(parse_records(file, "another boot").memory.empty());
  (void)parse_records(bytes, "boot");
  return 0;
}
