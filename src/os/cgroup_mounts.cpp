// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "os/cgroups.hpp"

namespace mesolith::os {
namespace {

constexpr std::array<std::string_view, 5> version1_controllers{"cpu", "cpuacct", "memory", "pids",
                                                               "freezer"};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// Spaces and the like stand as \040 in mountinfo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    auto is_octal = [&](size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(i + 1) && is_octal(i + 2) &&
        is_octal(i + 3)) {
      plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0')));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

bool has_word(std::string_view text, std::string_view word) {
  std::string spaced(text);
  std::ranges::replace(spaced, '\n', ' ');
  return std::ranges::count(split(spaced, ' '), word) > 0;
}

Result<bool> unified_is_usable(const std::string& mount) {
  if (mount.empty()) return false;
  auto controllers = read_control_file(mount + "/cgroup.controllers");
  return controllers && has_word(*controllers, "cpu") && has_word(*controllers, "memory");
}

// Hands the controllers down from `directory` to the groups in it.
Result<void> delegate(const std::string& directory) {
  TRY(std::string available, read_control_file(directory + "/cgroup.controllers"));
  TRY(std::string enabled, read_control_file(directory + "/cgroup.subtree_control"));
  for (std::string_view controller : {"cpu", "memory", "pids"}) {
    if (!has_word(available, controller) || has_word(enabled, controller)) continue;
    TRY_VOID(
        write_control_file(directory + "/cgroup.subtree_control", fmt::format("+{}", controller)));
  }
  return {};
}

Result<std::string> make_unified_root(const std::string& mount, std::string_view root) {
  std::string directory = mount;
  for (std::string_view part : split(root, '/')) {
    TRY_VOID(delegate(directory));
    directory += fmt::format("/{}", part);
    TRY_VOID(make_directories(directory));
  }
  TRY_VOID(delegate(directory));
  return directory;
}

}  // namespace

CgroupMounts parse_cgroup_mounts(std::string_view mountinfo) {
  CgroupMounts mounts;
  for (std::string_view line : split(mountinfo, '\n')) {
    size_t separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    auto before = split(line.substr(0, separator), ' ');
    auto after = split(line.substr(separator + 3), ' ');
    if (before.size() < 5 || after.empty()) continue;
    std::string mount = unescape(before[4]);
    if (after[0] == "cgroup2" && mounts.unified.empty()) mounts.unified = mount;
    if (after[0] != "cgroup" || after.size() < 3) continue;
    for (std::string_view option : split(after[2], ',')) {
      if (std::ranges::count(version1_controllers, option) > 0) {
        mounts.version1.emplace(option, mount);
      }
    }
  }
  return mounts;
}

Result<CgroupHierarchy> CgroupHierarchy::open(std::string_view root) {
  TRY(std::string mountinfo, read_control_file("/proc/self/mountinfo"));
  return open(root, parse_cgroup_mounts(mountinfo));
}

Result<CgroupHierarchy> CgroupHierarchy::open(std::string_view root, const CgroupMounts& mounts) {
  if (root.empty() || root.find("..") != std::string_view::npos) {
    return failure(Code::invalid, fmt::format("'{}' is no name for a cgroup", root));
  }
  CgroupHierarchy hierarchy;
  TRY(bool usable, unified_is_usable(mounts.unified));
  if (usable) {
    TRY(std::string directory, make_unified_root(mounts.unified, root));
    hierarchy.directories_.emplace("", directory);
    return hierarchy;
  }
  if (!mounts.version1.contains("cpu") || !mounts.version1.contains("memory")) {
    return failure(Code::unavailable, "no cgroup hierarchy with cpu and memory is mounted");
  }
  hierarchy.version_ = 1;
  for (const auto& [controller, mount] : mounts.version1) {
    std::string directory = fmt::format("{}/{}", mount, root);
    TRY_VOID(make_directories(directory));
    if (::access(directory.c_str(), W_OK) != 0) {
      return failure(Code::forbidden, fmt::format("{}: it may not be written to", directory));
    }
    hierarchy.directories_.emplace(controller, directory);
  }
  return hierarchy;
}

}  // namespace mesolith::os
