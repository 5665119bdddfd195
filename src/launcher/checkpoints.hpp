// SPDX-License-Identifier: Apache-2.0
// What the launcher must find again if it is killed: the file "containers" in its state directory,
// frames of Record (proto/mesolith/launcher.proto). It is appended to without syncing, since
// nothing of it outlives a reboot. A write that fails is logged, and tried again as a whole file.
// One that is damaged is kept beside it as "containers.damaged".
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "mesolith/launcher.pb.h"
#include "os/files.hpp"

namespace mesolith::launcher {

struct Remembered {
  Record::Launching launching;
  std::optional<Record::Running> running;
  std::optional<Exited> exited;
};
using Memory = std::map<std::string, Remembered>;  // by container_id

struct Parsed {
  Memory memory;
  // Where bytes start that are no record, and no torn last one either.
  std::optional<size_t> damaged_at;
};
// What records of this boot say; those of another say nothing. Bytes that are no record end it.
Parsed parse_records(std::string_view content, const std::string& boot_id);

class Checkpoints {
 public:
  // Reads what was left and starts the file anew with that.
  static Result<Checkpoints> open(const std::string& state_directory);
  const Memory& memory() const { return memory_; }
  const std::string& state_directory() const { return state_directory_; }

  void launching(Record::Launching launching);
  void running(Record::Running running);
  void exited(const Exited& exited);
  void forget(const std::string& container_id);
  // Everything up to here is with the kernel.
  void flush();

 private:
  Checkpoints() = default;
  void append(const Record& record);
  Result<void> rewrite();

  std::string state_directory_, path_, boot_id_;
  Memory memory_;
  std::optional<os::AppendFile> file_;
  std::string unwritten_;
  size_t records_ = 0;  // in the file
};

}  // namespace mesolith::launcher
