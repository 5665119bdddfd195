// SPDX-License-Identifier: Apache-2.0
// The cgroups of one launcher. Those whose container is gone are kept for the next one: making and
// removing a group is far dearer than setting its limits. A group's counters therefore start at
// what they were: `Lease::before`.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/cgroups.hpp"

namespace mesolith::launcher {

class CgroupPool {
 public:
  // `root` is this launcher's alone. Without usable cgroups every lease() fails with that reason.
  explicit CgroupPool(const std::string& root);

  const std::string& unavailable() const { return unavailable_; }  // empty: they can be used

  struct Lease {
    std::string name;
    os::CgroupStatistics before;
  };
  Result<Lease> lease(const os::CgroupLimits& limits);
  // One that was leased by an earlier launcher.
  void adopt(const std::string& name);
  // Groups that are neither leased nor adopted: emptied as far as possible and removed.
  void sweep();
  // It has no processes any more.
  void give_back(const std::string& name);
  // Removes what is not leased, and the root if nothing is.
  void close();

  // For leased groups; CHECKs that there are cgroups.
  const os::CgroupHierarchy& hierarchy() const;

 private:
  std::optional<os::CgroupHierarchy> hierarchy_;
  std::string unavailable_;
  std::set<std::string> leased_;
  std::vector<std::string> free_;
  uint64_t next_ = 1;
};

}  // namespace mesolith::launcher
