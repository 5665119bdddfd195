// SPDX-License-Identifier: Apache-2.0
// Directories of persistent volumes, and the links to them in sandboxes. Blocking, but short: what
// a removed volume held is deleted by discard_volumes() alone, which may take long and may run on
// any thread; the others keep the order they are called in.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/system.hpp"

namespace mesolith::agent {

struct VolumeMount {
  std::string volume;  // absolute
  std::string link;    // below the sandbox; an absolute one is an Error
  bool shared = false;
};

Result<void> make_volume(const std::string& path);
// Done before when `trash` is there already.
Result<void> remove_volume(const std::string& path, const std::string& trash);
// What lies in the directories at this moment, but for what is to be kept.
std::vector<std::filesystem::path> discarded_volumes(const std::set<std::string>& directories,
                                                     const std::set<std::string>& keep);
void discard_volumes(const std::vector<std::filesystem::path>& removed);

// The sandbox is made if it isn't there. A link that is there already and leads to the same volume
// is fine; anything else of that name is an Error. `owner`: whose the volume becomes; none: as is.
Result<void> link_volumes(const std::string& sandbox, const std::vector<VolumeMount>& volumes,
                          const std::optional<os::Identity>& owner);

}  // namespace mesolith::agent
