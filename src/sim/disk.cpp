// SPDX-License-Identifier: Apache-2.0
#include "sim/disk.hpp"

#include <algorithm>

namespace mesolith::sim {
namespace {

// About what fdatasync takes on a disk without and on one with trouble.
constexpr uint64_t sync_ns_min = 200'000, sync_ns_max = 8'000'000, done_ns_max = 2'000'000;

}  // namespace

void Disk::write(Change change, Schedule::Action done) {
  pending_.push_back(std::move(change));
  const uint64_t sync = sync_ns_min + rng_.below(sync_ns_max - sync_ns_min);
  last_durable_ =
      std::max(last_durable_, schedule_.now() + Duration(static_cast<int64_t>(sync * slowness_)));
  schedule_.at(last_durable_, [this, life = life_] {
    if (life == life_) apply_first();
  });
  last_done_ =
      std::max(last_done_, last_durable_ + Duration(static_cast<int64_t>(rng_.below(done_ns_max))));
  schedule_.at(last_done_, [this, life = life_, done = std::move(done)]() mutable {
    if (life == life_) done();
  });
}

void Disk::apply_first() {
  Change change = std::move(pending_.front());
  pending_.pop_front();
  for (auto& [key, value] : change.puts) durable_[std::move(key)] = std::move(value);
  for (const std::string& key : change.deletes) durable_.erase(key);
}

void Disk::crash() {
  ++life_;
  for (uint64_t kept = rng_.below(pending_.size() + 1); kept > 0; --kept) apply_first();
  pending_.clear();
  last_durable_ = last_done_ = schedule_.now();
}

void Disk::close() {
  while (!pending_.empty()) apply_first();
  crash();
}

}  // namespace mesolith::sim
