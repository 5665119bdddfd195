// SPDX-License-Identifier: Apache-2.0
#include "launcher/checkpoints.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/log.hpp"
#include "os/process.hpp"
#include "os/unix_socket.hpp"

namespace mesolith::launcher {
namespace {

constexpr uint64_t file_bytes_max = 1ull << 30;
// The file is written anew once most of it is about containers that are gone.
constexpr size_t records_slack = 4096;

void replay(Memory& memory, const Record& record) {
  switch (record.record_case()) {
    case Record::kLaunching:
      memory[record.launching().container_id()].launching = record.launching();
      break;
    case Record::kRunning:
      if (auto found = memory.find(record.running().container_id()); found != memory.end())
        found->second.running = record.running();
      break;
    case Record::kExited:
      if (auto found = memory.find(record.exited().container_id()); found != memory.end())
        found->second.exited = record.exited();
      break;
    case Record::kForgotten:
      memory.erase(record.forgotten());
      break;
    case Record::kBootId:
    case Record::RECORD_NOT_SET:
      break;
  }
}

void keep_damaged(const std::string& path, size_t position) {
  log::error(
      "{} holds no record at byte {}. It is kept as {}.damaged; containers that run are found by "
      "their processes, and how those that ended meanwhile did is not known",
      path, position, path);
  std::rename(path.c_str(), (path + ".damaged").c_str());
}

}  // namespace

Parsed parse_records(std::string_view content, const std::string& boot_id) {
  Parsed parsed;
  os::FrameDecoder decoder;
  decoder.feed(content);
  bool first = true;
  while (true) {
    size_t position = content.size() - decoder.pending();
    auto frame = decoder.next();
    if (frame && !*frame) return parsed;
    Record record;
    if (!frame || !record.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size())) ||
        (first && !record.has_boot_id())) {
      parsed.damaged_at = position;
      return parsed;
    }
    if (first && record.boot_id() != boot_id) return parsed;
    first = false;
    replay(parsed.memory, record);
  }
}

Result<Checkpoints> Checkpoints::open(const std::string& state_directory) {
  Checkpoints checkpoints;
  checkpoints.state_directory_ = state_directory;
  checkpoints.path_ = state_directory + "/containers";
  TRY(checkpoints.boot_id_, os::boot_id());
  auto content = os::read_file(checkpoints.path_, file_bytes_max);
  if (content) {
    Parsed parsed = parse_records(*content, checkpoints.boot_id_);
    if (parsed.damaged_at) keep_damaged(checkpoints.path_, *parsed.damaged_at);
    checkpoints.memory_ = std::move(parsed.memory);
  } else if (content.error().code != Code::not_found) {
    return std::unexpected(std::move(content).error());
  }
  TRY_VOID(checkpoints.rewrite());
  return checkpoints;
}

void Checkpoints::append(const Record& record) {
  os::append_frame(unwritten_, record.SerializeAsString());
  ++records_;
}

void Checkpoints::launching(Record::Launching launching) {
  Record record;
  *record.mutable_launching() = std::move(launching);
  replay(memory_, record);
  append(record);
}

void Checkpoints::running(Record::Running running) {
  Record record;
  *record.mutable_running() = std::move(running);
  replay(memory_, record);
  append(record);
}

void Checkpoints::exited(const Exited& exited) {
  Record record;
  *record.mutable_exited() = exited;
  replay(memory_, record);
  append(record);
}

void Checkpoints::forget(const std::string& container_id) {
  Record record;
  record.set_forgotten(container_id);
  replay(memory_, record);
  append(record);
}

void Checkpoints::flush() {
  if (unwritten_.empty()) return;
  bool too_long = records_ > memory_.size() * 4 + records_slack;
  if (file_ && !too_long) {
    auto written = file_->append(unwritten_);
    unwritten_.clear();
    if (written) return;
    // Half a record may be in the file now, so nothing may follow it.
    log::error("{}", written.error().message);
    file_.reset();
  }
  if (auto rewritten = rewrite(); !rewritten) log::error("{}", rewritten.error().message);
}

Result<void> Checkpoints::rewrite() {
  unwritten_.clear();
  records_ = 0;
  std::string content;
  auto add = [&](const Record& record) {
    os::append_frame(content, record.SerializeAsString());
    ++records_;
  };
  Record first;
  first.set_boot_id(boot_id_);
  add(first);
  for (const auto& [container_id, remembered] : memory_) {
    Record launching, running, exited;
    *launching.mutable_launching() = remembered.launching;
    add(launching);
    if (remembered.running) {
      *running.mutable_running() = *remembered.running;
      add(running);
    }
    if (remembered.exited) {
      *exited.mutable_exited() = *remembered.exited;
      add(exited);
    }
  }
  std::string temporary = path_ + ".new";
  ::unlink(temporary.c_str());
  TRY(os::AppendFile file, os::AppendFile::open(temporary, 0600));
  TRY_VOID(file.append(content));
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) {
    return std::unexpected(os::system_error(errno, path_));
  }
  file_ = std::move(file);
  return {};
}

}  // namespace mesolith::launcher
