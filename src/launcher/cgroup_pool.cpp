// SPDX-License-Identifier: Apache-2.0
#include "launcher/cgroup_pool.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"

namespace mesolith::launcher {
namespace {
constexpr size_t free_max = 32;
}  // namespace

CgroupPool::CgroupPool(const std::string& root) {
  if (root.empty()) {
    unavailable_ = "cgroups are switched off";
    return;
  }
  auto opened = os::CgroupHierarchy::open(root);
  if (opened) {
    hierarchy_ = *std::move(opened);
  } else {
    unavailable_ = opened.error().message;
  }
}

const os::CgroupHierarchy& CgroupPool::hierarchy() const {
  CHECK(hierarchy_.has_value());
  return *hierarchy_;
}

Result<CgroupPool::Lease> CgroupPool::lease(const os::CgroupLimits& limits) {
  if (!hierarchy_) return failure(Code::unavailable, "cgroups cannot be used: " + unavailable_);
  Lease lease;
  if (!free_.empty()) {
    lease.name = std::move(free_.back());
    free_.pop_back();
  } else {
    do {
      lease.name = fmt::format("c{}", next_++);
    } while (leased_.contains(lease.name));
  }
  TRY_VOID(hierarchy_->create(lease.name, limits));
  TRY(lease.before, hierarchy_->statistics(lease.name));
  leased_.insert(lease.name);
  return lease;
}

void CgroupPool::adopt(const std::string& name) {
  if (hierarchy_) leased_.insert(name);
}

void CgroupPool::sweep() {
  if (!hierarchy_) return;
  auto groups = hierarchy_->groups();
  if (!groups) return;
  for (const std::string& name : *groups) {
    if (leased_.contains(name)) continue;
    (void)hierarchy_->kill(name);
    if (auto removed = hierarchy_->remove(name); !removed) {
      log::warning("A cgroup of an earlier launcher stays: {}", removed.error().message);
    }
  }
}

void CgroupPool::give_back(const std::string& name) {
  if (leased_.erase(name) == 0) return;
  if (free_.size() < free_max && hierarchy_->reset(name)) {
    free_.push_back(name);
  } else if (auto removed = hierarchy_->remove(name); !removed) {
    log::warning("A cgroup stays: {}", removed.error().message);
  }
}

void CgroupPool::close() {
  if (!hierarchy_) return;
  for (const std::string& name : std::exchange(free_, {})) (void)hierarchy_->remove(name);
  if (leased_.empty()) (void)hierarchy_->remove_root();
}

}  // namespace mesolith::launcher
