// SPDX-License-Identifier: Apache-2.0
// Brings the bytes of one source into an open file, within a budget. Errors say what was wrong with
// the source, without its name.
#pragma once

#include <sys/types.h>

#include <string>

#include "agent/hands/fetcher/budget.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace mesolith::agent::fetcher {

// Of a regular file, links followed: its permissions.
Result<mode_t> copy_path(const std::string& path, int into, Budget& budget);
Result<void> copy_descriptor(int from, int into, Budget& budget);

// By http, https, ftp or ftps, also after at most 10 redirections, which stay on these. HTTP has to
// answer 200. `stall`: how long no byte may come, and how long a connection may take.
Result<void> download(const std::string& url, int into, Duration stall, Budget& budget);

}  // namespace mesolith::agent::fetcher
