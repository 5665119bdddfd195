// SPDX-License-Identifier: Apache-2.0
// The denominators: what the machine does when nothing but the work itself is done. Each function
// measures once. They start threads or child processes of their own and end them.
#pragma once

#include <cstddef>
#include <string>

namespace mesolith::bench {

// Launches per second of two processes, each: make a directory, create two files in it, vfork, exec
// `program` there with them as its output, reap.
double bare_launches_per_second(const std::string& directory, const std::string& program,
                                size_t launches);
// Seconds of one vfork + exec + wait, median of `launches`.
double bare_spawn_seconds(const std::string& program, size_t launches);
// Seconds of one round trip of 64 bytes to another process over loopback TCP, median.
double loopback_round_trip_seconds(size_t trips);
// Frames per second over loopback TCP to another process: 64 requests of 60 bytes written at once,
// 64 answers of 13 bytes.
double loopback_frames_per_second(size_t batches);
// fdatasync per second, each after 4 KiB were written over an existing file in `directory`.
double syncs_per_second(const std::string& directory, double seconds);

}  // namespace mesolith::bench
