// SPDX-License-Identifier: Apache-2.0
// Names that others wrote: what is let through keeps the promises of names.hpp.
#include <algorithm>
#include <cstdint>

#include "agent/hands/fetcher/names.hpp"
#include "base/check.hpp"

using namespace mesolith::agent::fetcher;

namespace {

void check_plain(std::string_view path) {
  CHECK(path.size() <= path_bytes_max);
  CHECK(!path.starts_with('/') && !path.ends_with('/'));
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    CHECK(!part.empty() && part != "." && part != ".." && part.size() <= name_bytes_max);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char each : shown(text)) CHECK(each >= 0x20 && each < 0x7f);
  shown_uri(text);
  packing_of(text);
  const size_t half = text.find('\n');
  const std::string_view first = text.substr(0, half);
  const std::string_view second = half == text.npos ? "" : text.substr(half + 1);
  if (const auto source = parse_source(first, "/home")) {
    check_plain(source->name);
    CHECK(source->name.find('/') == std::string::npos);
    CHECK(source->kind == Source::Kind::network || source->location.starts_with('/'));
  }
  const auto path = relative_path(first);
  if (!path) return 0;
  check_plain(*path);
  CHECK(relative_path(*path).value() == *path);
  if (path->empty() || !check_link(*path, second)) return 0;
  // Followed by names alone it stays within.
  auto depth = std::ranges::count(*path, '/');
  for (std::string_view rest = second; !rest.empty();) {
    const size_t end = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, end) == "..") CHECK(--depth >= 0);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return 0;
}
