// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/jobs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "agent/hands/fetcher/names.hpp"
#include "agent/hands/user.hpp"
#include "base/check.hpp"

namespace mesolith::agent::fetcher {
namespace {

using Kind = FetchOutcome::Kind;

constexpr size_t uris_max = 1000;
constexpr int losses_max = 2;  // then the cache is left aside

void say(int standard_error, const std::string& line) {
  const std::string whole = line + "\n";
  (void)!::write(standard_error, whole.data(), whole.size());
}

std::optional<Item::Packing> packing_for(const mesos::v1::CommandInfo::URI& uri,
                                         const std::string& output) {
  if (uri.executable() || !uri.extract()) return std::nullopt;
  switch (packing_of(output)) {
    case Packing::tar:
      return Item::TAR;
    case Packing::zip:
      return Item::ZIP;
    case Packing::gzip:
      return Item::GZIP;
    case Packing::none:
      break;
  }
  return std::nullopt;
}

Fetch limited(const FetcherOptions& options) {
  Fetch fetch;
  fetch.set_bytes_fetched_max(options.limits.bytes_fetched_max);
  fetch.set_bytes_extracted_max(options.limits.bytes_extracted_max);
  fetch.set_entries_max(options.limits.entries_max);
  fetch.set_disk_bytes_free_min(options.limits.disk_bytes_free_min);
  fetch.set_stall_seconds(to_seconds(options.stall_timeout));
  fetch.set_parent_pid(::getpid());
  return fetch;
}

}  // namespace

void Jobs::kill_all() {
  for (auto& [number, process] : processes_) {
    ::kill(process.running.process.pid, SIGKILL);
    (void)os::wait_for(process.running.process.pid);
  }
  processes_.clear();
}

void Jobs::begin(Time now, FetchWish wish) {
  const std::string id = wish.container_id;
  if (jobs_.size() >= options_.fetches_max) {
    return on_done_(id, {Kind::failed, "Failed to fetch: too many fetches are under way"});
  }
  if (jobs_.contains(id)) return;  // it has its outcome yet to come
  Job job;
  job.wish = std::move(wish);
  job.deadline = saturating_add(now, options_.time_max);
  const auto identity = identity_of(job.wish.user);
  if (!identity) return on_done_(id, {Kind::user_unknown, identity.error().message});
  job.identity = *identity;
  auto outputs = sandboxes_.make(job.wish.sandbox, job.identity);
  if (!outputs) return on_done_(id, {Kind::failed, "Failed to fetch: " + outputs.error().message});
  job.standard_error = std::move(outputs->standard_error);
  if (const Result<void> planned = plan(job); !planned) {
    say(job.standard_error.get(), planned.error().message);
    return on_done_(id, {Kind::failed, planned.error().message});
  }
  Job& added = jobs_.emplace(id, std::move(job)).first->second;
  deadlines_.emplace(added.deadline, id);
  for (Part& part : added.parts) want(added, part);
  if (added.loads == 0) waiting_.push_back({id, ""});
  start_waiting();
}

Result<void> Jobs::plan(Job& job) {
  if (job.wish.uris.size() > uris_max) {
    return failure(Code::too_large, fmt::format("Failed to fetch: more than {} URIs", uris_max));
  }
  if (job.wish.uris.empty()) return failure(Code::invalid, "Failed to fetch: there are no URIs");
  for (const auto& uri : job.wish.uris) {
    auto part = part_of(job, uri);
    if (!part) {
      return failure(part.error().code, fmt::format("Failed to fetch '{}': {}",
                                                    shown_uri(uri.value()), part.error().message));
    }
    job.parts.push_back(*std::move(part));
  }
  return {};
}

Result<Jobs::Part> Jobs::part_of(const Job& job, const mesos::v1::CommandInfo::URI& uri) const {
  TRY(const Source source, parse_source(uri.value(), options_.frameworks_home));
  Part part;
  part.item.set_shown(shown_uri(uri.value()));
  std::string output = source.name;
  if (uri.has_output_file()) {
    const auto path = relative_path(uri.output_file());
    if (!path || path->empty()) {
      return failure(Code::invalid,
                     fmt::format("its output_file '{}': {}", shown(uri.output_file()),
                                 path ? "it names no file" : path.error().message));
    }
    output = *path;
  }
  part.item.set_output(output);
  if (const auto packing = packing_for(uri, output)) part.item.set_packing(*packing);
  if (uri.executable()) part.item.set_executable(true);
  part.source.set_shown(part.item.shown());
  if (source.kind == Source::Kind::file) {
    part.source.set_path(source.location);
  } else {
    part.source.set_url(source.location);
  }
  if (uri.cache()) part.key = job.wish.user + "\n" + source.location;
  return part;
}

// Pins it in the cache, or waits for it to get there.
void Jobs::want(Job& job, Part& part) {
  if (part.key.empty()) return;
  part.cached = cache_.pin(part.key);
  if (part.cached) return;
  auto [load, added] = loads_.try_emplace(part.key);
  if (added) {
    load->second.key = part.key;
    waiting_.push_back({"", part.key});
  }
  if (load->second.waiters.insert(job.wish.container_id).second) ++job.loads;
}

void Jobs::start_waiting() {
  while (!waiting_.empty() && processes_.size() < options_.processes_max) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    if (!next.key.empty()) {
      if (const auto load = loads_.find(next.key); load != loads_.end() && !load->second.process) {
        start_load(next.key);
      }
    } else if (const auto job = jobs_.find(next.container_id);
               job != jobs_.end() && job->second.loads == 0 && !job->second.process) {
      start_job(next.container_id);
    }
  }
}

void Jobs::start_load(const std::string& key) {
  Load& load = loads_.at(key);
  const Job& job = jobs_.at(*load.waiters.begin());
  const auto part =
      std::ranges::find_if(job.parts, [&](const Part& each) { return each.key == key; });
  CHECK(part != job.parts.end());
  auto draft = cache_.draft();
  if (!draft) return load_ended(key, std::unexpected(draft.error()));
  load.draft = *std::move(draft);
  Fetch fetch = limited(options_);
  fetch.set_sandbox("");
  fetch.set_bytes_fetched_max(std::min(options_.limits.bytes_fetched_max, cache_.bytes_max()));
  Item& item = *fetch.add_items();
  item = part->source;
  constexpr int first_descriptor = 3;
  item.set_into_descriptor(first_descriptor);
  os::SpawnStage stage{};
  auto running = start_process(options_.program, fetch, job.identity, job.standard_error.get(),
                               {load.draft.file.get()}, stage);
  if (!running) return load_ended(key, std::unexpected(running.error()));
  load.process = next_process_;
  processes_.emplace(next_process_++, Process{*std::move(running), "", key, false});
}

void Jobs::start_job(const std::string& container_id) {
  Job& job = jobs_.at(container_id);
  std::vector<os::FileDescriptor> files;
  std::vector<int> descriptors;
  Fetch fetch = limited(options_);
  fetch.set_sandbox(job.wish.sandbox);
  constexpr int first_descriptor = 3;
  for (Part& part : job.parts) {
    Item& item = *fetch.add_items();
    item = part.source;
    item.MergeFrom(part.item);
    if (!part.cached) continue;
    auto file = cache_.read(*part.cached);
    if (!file) {  // once more, or without the cache
      cache_.unpin(*std::exchange(part.cached, std::nullopt));
      if (++part.losses < losses_max) {
        want(job, part);
      } else {
        part.key.clear();
      }
      continue;
    }
    item.set_from_descriptor(first_descriptor + static_cast<int>(descriptors.size()));
    descriptors.push_back(file->get());
    files.push_back(*std::move(file));
  }
  if (job.loads > 0) return;
  os::SpawnStage stage{};
  auto running = start_process(options_.program, fetch, job.identity, job.standard_error.get(),
                               descriptors, stage);
  if (!running) return fail(container_id, running.error(), stage);
  job.process = next_process_;
  processes_.emplace(next_process_++, Process{*std::move(running), container_id, "", false});
}

void Jobs::fail(const std::string& container_id, const Error& error, os::SpawnStage stage) {
  const bool user = stage == os::SpawnStage::identity;
  finish(container_id, {user ? Kind::user_unknown : Kind::failed, error.message});
}

void Jobs::stop(const std::string& container_id) {
  const auto found = jobs_.find(container_id);
  if (found == jobs_.end()) return;
  const FetchOutcome stopped{Kind::stopped, "it was ended while its URIs were fetched"};
  if (!found->second.process) {
    finish(container_id, stopped);
    return start_waiting();
  }
  found->second.forced = stopped;
  kill(*found->second.process);
}

void Jobs::kill(uint64_t number) {
  Process& process = processes_.at(number);
  if (std::exchange(process.killed, true)) return;
  ::kill(process.running.process.pid, SIGKILL);  // it is not waited for, so it is still it
}

std::vector<std::pair<int, uint64_t>> Jobs::watched() const {
  std::vector<std::pair<int, uint64_t>> watched;
  for (const auto& [number, process] : processes_) {
    watched.emplace_back(process.running.process.descriptor.get(), number);
  }
  return watched;
}

void Jobs::ended(uint64_t number) {
  const auto found = processes_.find(number);
  if (found == processes_.end()) return;
  Process process = std::move(found->second);
  processes_.erase(found);
  const Result<void> answer = answer_of(process.running);
  if (!process.key.empty()) {
    load_ended(process.key, answer);
  } else if (!process.container_id.empty()) {
    Job& job = jobs_.at(process.container_id);
    FetchOutcome outcome;
    if (!answer) outcome = {Kind::failed, failed(job, answer.error().message)};
    if (job.forced) outcome = *job.forced;
    finish(process.container_id, std::move(outcome));
  }
  start_waiting();
}

void Jobs::load_ended(const std::string& key, const Result<void>& answer) {
  Load load = std::move(loads_.at(key));
  loads_.erase(key);
  Result<Cache::Id> kept = std::unexpected(Error(Code::system, ""));
  if (answer) {
    kept = cache_.keep(key, Cache::Draft{load.draft.path, std::move(load.draft.file)});
  }
  if (!kept) cache_.discard(load.draft);
  const bool does_not_fit = !answer && answer.error().code == Code::too_large &&
                            cache_.bytes_max() < options_.limits.bytes_fetched_max;
  const std::string message = answer ? std::string() : answer.error().message;
  for (const std::string& waiter : load.waiters) {
    Job& job = jobs_.at(waiter);
    --job.loads;
    for (Part& part : job.parts) {
      if (part.key != key) continue;
      if (kept) part.cached = cache_.pin(key);
      // Without a place in the cache it is fetched as if it were not for it.
      if (!part.cached) part.key.clear();
    }
    if (!answer && !does_not_fit) {
      const auto& outcome = FetchOutcome{Kind::failed, message};
      say(job.standard_error.get(), message);
      finish(waiter, outcome);
    } else if (job.loads == 0) {
      waiting_.push_back({waiter, ""});
    }
  }
  if (kept) cache_.unpin(*kept);
}

Time Jobs::deadline() const {
  return deadlines_.empty() ? never : deadlines_.begin()->first;
}

// For what the process itself could not say.
std::string Jobs::failed(const Job& job, const std::string& why) {
  constexpr std::string_view by_itself = "Failed to fetch ";
  if (why.starts_with(by_itself)) return why;
  return fmt::format("{}'{}'{}: {}", by_itself, job.parts.front().item.shown(),
                     job.parts.size() > 1 ? " or what comes after it" : "", why);
}

void Jobs::expire(Time now) {
  bool late = false;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::string id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    late = true;
    Job& job = jobs_.at(id);
    if (job.forced) continue;
    const FetchOutcome outcome{
        Kind::failed, failed(job, "it took longer than " + format_duration(options_.time_max))};
    say(job.standard_error.get(), outcome.message);
    job.forced = outcome;
    if (job.process) {
      kill(*job.process);
    } else {
      finish(id, outcome);
    }
  }
  if (late) start_waiting();
}

void Jobs::finish(const std::string& container_id, FetchOutcome outcome) {
  const auto found = jobs_.find(container_id);
  release(found->second);
  deadlines_.erase({found->second.deadline, container_id});
  jobs_.erase(found);
  on_done_(container_id, std::move(outcome));
}

void Jobs::release(Job& job) {
  for (Part& part : job.parts) {
    if (part.cached) cache_.unpin(*std::exchange(part.cached, std::nullopt));
    const auto load = loads_.find(part.key);
    if (part.key.empty() || load == loads_.end()) continue;
    if (load->second.waiters.erase(job.wish.container_id) == 0 || !load->second.waiters.empty()) {
      continue;
    }
    // Nobody wants it any more. Who does after this begins anew.
    if (load->second.process) {
      cache_.discard(load->second.draft);
      processes_.at(*load->second.process).key.clear();
      kill(*load->second.process);
    }
    loads_.erase(load);
  }
}

}  // namespace mesolith::agent::fetcher
