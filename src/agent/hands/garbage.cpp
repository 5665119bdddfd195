// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/garbage.hpp"

#include <unistd.h>

#include <filesystem>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "os/files.hpp"

namespace mesolith::agent {
namespace {

namespace fs = std::filesystem;

std::vector<os::FileStatus> directories_in(const std::string& path) {
  auto listed = os::list(path);
  if (!listed) {
    if (listed.error().code != Code::not_found) {
      log::warning("{} is not looked through: {}", path, listed.error().message);
    }
    return {};
  }
  std::erase_if(*listed, [](const os::FileStatus& each) {
    return each.type != os::FileStatus::Type::directory;
  });
  return *std::move(listed);
}

struct Search {
  size_t count_max;
  std::set<std::pair<int64_t, std::string>> oldest;
  bool all = true;

  void runs_of(const std::string& executor) {
    for (os::FileStatus& run : directories_in(executor + "/runs")) {
      oldest.emplace(run.modified_seconds, std::move(run.path));
      if (oldest.size() <= count_max) continue;
      oldest.erase(std::prev(oldest.end()));
      all = false;
    }
  }
};

// The directories that led to a run that is gone, from the lowest, as far as they are empty.
void remove_empty_above(const fs::path& run, const fs::path& own_directory) {
  const fs::path runs = run.parent_path();
  std::error_code error;
  const fs::path latest = runs / "latest";
  if (fs::is_symlink(latest, error) && !fs::exists(latest, error)) ::unlink(latest.c_str());
  const fs::path executor = runs.parent_path(), executors = executor.parent_path();
  const fs::path framework = executors.parent_path(), frameworks = framework.parent_path();
  const fs::path agent = frameworks.parent_path();
  for (const fs::path& each : {runs, executor, executors, framework}) {
    if (::rmdir(each.c_str()) != 0) return;
  }
  if (agent == own_directory || ::rmdir(frameworks.c_str()) != 0) return;
  ::rmdir(agent.c_str());
}

bool is_a_run(const fs::path& path) {
  const fs::path runs = path.parent_path();
  return path.is_absolute() && path.has_filename() && runs.filename() == "runs" &&
         runs.parent_path().parent_path().filename() == "executors";
}

}  // namespace

SandboxesOnDisk find_sandboxes(const std::string& work_dir, size_t count_max) {
  Search search{count_max, {}, true};
  for (const os::FileStatus& agent : directories_in(work_dir + "/slaves")) {
    for (const os::FileStatus& framework : directories_in(agent.path + "/frameworks")) {
      for (const os::FileStatus& executor : directories_in(framework.path + "/executors")) {
        search.runs_of(executor.path);
      }
    }
  }
  SandboxesOnDisk found;
  found.all = search.all;
  for (const auto& [seconds, directory] : search.oldest) {
    found.oldest.push_back({directory, Time(std::chrono::seconds(seconds))});
  }
  return found;
}

SandboxRemoval remove_sandboxes(const std::vector<std::string>& directories,
                                const std::string& own_directory) {
  SandboxRemoval removal;
  for (const std::string& directory : directories) {
    Result<void> removed = failure(Code::invalid, directory + " is no sandbox");
    if (is_a_run(directory)) removed = os::remove_tree(directory);
    if (removed) {
      ++removal.succeeded;
      remove_empty_above(directory, own_directory);
    } else {
      ++removal.failed;
      log::warning("The sandbox {} stays: {}", directory, removed.error().message);
    }
  }
  return removal;
}

}  // namespace mesolith::agent
