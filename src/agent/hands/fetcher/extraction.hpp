// SPDX-License-Identifier: Apache-2.0
// Unpacks what nobody vouches for. Entries are directories, regular files, symbolic links that stay
// within and hard links to files within; a device, a setuid or setgid file, a name or a link that
// leads out, a path through a symbolic link end it with an Error that names the entry. What was
// unpacked before stays. Owners, extended attributes and flags of entries are not taken over;
// modes are, with what the owner needs to get into directories, and times of files.
//
// libarchive decodes. A defect of it is contained by the process that this runs in.
#pragma once

#include <string>

#include "agent/hands/fetcher/budget.hpp"
#include "agent/hands/fetcher/names.hpp"
#include "base/result.hpp"
#include "os/beneath.hpp"

namespace mesolith::agent::fetcher {

// `archive` is open and read from where it stands. `name` is that of the archive: what a gzip file
// holds is called so, without ".gz".
Result<void> extract(int archive, Packing packing, const std::string& name, os::Beneath& into,
                     Budget& budget);

}  // namespace mesolith::agent::fetcher
