// SPDX-License-Identifier: Apache-2.0
// What others wrote, as names: URIs of frameworks, paths of archives' entries, targets of links.
// Pure functions of texts. A path that comes out of here is made of plain names joined by '/', each
// of at most 255 bytes: it begins with no '/', and no part of it is empty, "." or "..".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::agent::fetcher {

inline constexpr size_t uri_bytes_max = 64 * 1024;
inline constexpr size_t name_bytes_max = 255;   // NAME_MAX
inline constexpr size_t path_bytes_max = 3072;  // so that sandbox and path fit PATH_MAX
// Directories above a file. Less than the removal of a sandbox bears (os::remove_tree).
inline constexpr size_t path_depth_max = 128;

struct Source {
  enum class Kind { file, network };
  Kind kind = Kind::file;
  std::string location;  // an absolute path, or the URI for the network's library
  std::string name;      // what it is called in the sandbox unless output_file says otherwise
};
// A path or a URI of the schemes file, http, https, ftp, ftps. A relative path lies in
// `frameworks_home`; empty: there are none. As in the original, the name is all that follows the
// last '/', a query too (mesos-api.md 4.2).
Result<Source> parse_source(std::string_view uri, std::string_view frameworks_home);

// An entry of an archive or an output_file, relative to the sandbox. "./" in front, "/" at the end
// and doubled slashes are taken out. Empty when it is the sandbox itself. Error{invalid} for a name
// that is absolute, has a part "..", is too long or too deep.
Result<std::string> relative_path(std::string_view name);

// That a symbolic link at `path`, in a tree without links that lead out, leads nowhere out either,
// whatever else is made in the tree: ".." may only come first, and not more often than the link has
// directories above it.
Result<void> check_link(std::string_view path, std::string_view target);

enum class Packing { none, tar, zip, gzip };
Packing packing_of(std::string_view name);  // by its extension, as the original does

// For messages: control and other unprintable characters escaped, cut where it is long.
std::string shown(std::string_view text, size_t bytes_max = 256);
// The same without the user and password of a URI.
std::string shown_uri(std::string_view uri);

}  // namespace mesolith::agent::fetcher
