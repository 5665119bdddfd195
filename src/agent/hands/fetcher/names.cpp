// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace mesolith::agent::fetcher {
namespace {

bool is_scheme_of(std::string_view uri, std::string_view scheme) {
  if (uri.size() < scheme.size()) return false;
  return std::ranges::equal(uri.substr(0, scheme.size()), scheme, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::unexpected<Error> refused(std::string why) {
  return failure(Code::invalid, std::move(why));
}

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

Result<std::string> name_of(std::string_view path) {
  const std::string name(path.substr(path.rfind('/') + 1));
  if (name.empty() || name == "." || name == "..") return refused("it names no file");
  if (name.size() > name_bytes_max) {
    return refused("its file name is longer than 255 bytes; give it an output_file");
  }
  return name;
}

}  // namespace

Result<Source> parse_source(std::string_view uri, std::string_view frameworks_home) {
  if (uri.size() > uri_bytes_max) return refused("it is longer than 64 KiB");
  // The original refuses both of these.
  for (const char bad : {'\\', '\'', '\0'}) {
    if (uri.find(bad) != std::string_view::npos) return refused("it has illegal characters");
  }
  Source source;
  const size_t scheme_end = uri.find("://");
  const bool is_file = is_scheme_of(uri, "file://");
  if (scheme_end == std::string_view::npos || scheme_end == 0 || is_file) {
    std::string path(uri);
    if (is_file) {
      path.erase(0, std::string_view("file://").size());
      if (path.starts_with("localhost/")) path.erase(0, std::string_view("localhost").size());
      if (!path.starts_with('/')) return refused("a file URI has an absolute path: file:///...");
    }
    TRY(source.name, name_of(path));
    if (!path.starts_with('/')) {
      if (frameworks_home.empty()) {
        return refused("a relative path needs the agent's flag --frameworks_home");
      }
      path = fmt::format("{}/{}", frameworks_home, path);
    }
    source.location = std::move(path);
    return source;
  }
  constexpr std::array<std::string_view, 4> schemes = {"http://", "https://", "ftp://", "ftps://"};
  if (std::ranges::none_of(schemes, [&](auto each) { return is_scheme_of(uri, each); })) {
    return refused(
        fmt::format("URIs of the scheme '{}' are not fetched; file, http, https, ftp and ftps are",
                    shown(uri.substr(0, scheme_end))));
  }
  const std::string_view rest = uri.substr(scheme_end + 3);
  if (rest.find('/') == std::string_view::npos) return refused("it has no path");
  TRY(source.name, name_of(rest));
  source.kind = Source::Kind::network;
  source.location = std::string(uri);
  return source;
}

Result<std::string> relative_path(std::string_view name) {
  if (name.starts_with('/')) return refused("its name is absolute");
  if (name.find('\0') != std::string_view::npos) return refused("its name has a zero byte");
  std::string path;
  size_t depth = 0;
  for (const std::string_view part : parts_of(name)) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused("its name leads out by '..'");
    if (part.size() > name_bytes_max) return refused("its name has a part longer than 255 bytes");
    if (++depth > path_depth_max + 1) {
      return refused(fmt::format("it lies deeper than {} directories", path_depth_max));
    }
    if (!path.empty()) path += '/';
    path += part;
    if (path.size() > path_bytes_max) {
      return refused(fmt::format("its name is longer than {} bytes", path_bytes_max));
    }
  }
  return path;
}

Result<void> check_link(std::string_view path, std::string_view target) {
  if (target.empty()) return refused("it is a link to nothing");
  if (target.size() > path_bytes_max) return refused("its target is too long");
  if (target.find('\0') != std::string_view::npos) return refused("its target has a zero byte");
  if (target.starts_with('/')) return refused("it is a link to an absolute path");
  size_t ups = 0;
  bool went_down = false;
  for (const std::string_view part : parts_of(target)) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      went_down = true;
      continue;
    }
    // What comes before may itself be a link, so nobody knows what is above it.
    if (went_down) return refused("it is a link whose target has '..' after a name");
    ++ups;
  }
  const auto depth = static_cast<size_t>(std::ranges::count(path, '/'));
  if (ups > depth) return refused("it is a link that leads out");
  return {};
}

Packing packing_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Packing>, 9> known = {{
      {".tar", Packing::tar},
      {".tgz", Packing::tar},
      {".tar.gz", Packing::tar},
      {".tbz2", Packing::tar},
      {".tar.bz2", Packing::tar},
      {".txz", Packing::tar},
      {".tar.xz", Packing::tar},
      {".gz", Packing::gzip},
      {".zip", Packing::zip},
  }};
  for (const auto& [extension, packing] : known) {
    if (name.size() > extension.size() && name.ends_with(extension)) return packing;
  }
  return Packing::none;
}

std::string shown(std::string_view text, size_t bytes_max) {
  std::string out;
  for (const char each : text.substr(0, bytes_max)) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += each;
    }
  }
  if (text.size() > bytes_max) out += "...";
  return out;
}

std::string shown_uri(std::string_view uri) {
  const size_t scheme_end = uri.find("://");
  if (scheme_end == std::string_view::npos) return shown(uri);
  const std::string_view rest = uri.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return shown(uri);
  return shown(fmt::format("{}***{}", uri.substr(0, scheme_end + 3), rest.substr(at)));
}

}  // namespace mesolith::agent::fetcher
