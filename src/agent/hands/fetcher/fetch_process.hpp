// SPDX-License-Identifier: Apache-2.0
// The process that fetches, and the agent's side of it. It is the same program, started as the
// task's user for one Fetch (proto/mesolith/fetcher.proto) and then gone, so that neither a broken
// archive nor a slow server is the agent's trouble. It has limits of memory, of processor time and
// of the size of a file; it ends with the thread that started it. When it fails it takes out of the
// sandbox what it had put there.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "mesolith/fetcher.pb.h"
#include "os/process.hpp"

namespace mesolith::agent::fetcher {

using mesolith::fetcher::Answer;
using mesolith::fetcher::Fetch;
using mesolith::fetcher::Item;

inline constexpr uint64_t memory_bytes_max = 2ULL << 30;  // of address space
inline constexpr uint64_t processor_seconds_max = 3600;

struct Running {
  os::Process process;
  os::FileDescriptor answer;
};
// `descriptors` become 3, 4, ... of the process, `standard_error` its own; all stay the caller's.
// At SpawnStage::identity it could not become that user.
Result<Running> start_process(const std::string& program, const Fetch& fetch,
                              const std::optional<os::Identity>& identity, int standard_error,
                              const std::vector<int>& descriptors, os::SpawnStage& stage);

// Of a process that has ended (waits for it): nothing, or why it failed. Code::too_large: there was
// more than bytes_fetched_max.
Result<void> answer_of(Running& running);

// What the program does when it is started so. Its exit status is that of the process.
int run_fetch_process(std::span<const std::string> arguments);

}  // namespace mesolith::agent::fetcher
