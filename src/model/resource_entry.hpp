// SPDX-License-Identifier: Apache-2.0
// One kind of resource within Resources: a key (name, type, traits, allocation role) and how much
// of it there is. Invariant: traits are null exactly when the resource is unreserved and has no
// disk, revocable, shared or provider detail, which is the common case. The pointed-to parts are
// immutable and shared between copies, also across threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mesos/v1/mesos.pb.h"
#include "model/names.hpp"
#include "model/quantities.hpp"
#include "model/ranges.hpp"

namespace mesolith::model {

struct Reservation {
  bool dynamic = false;  // else static, made by the agent's flags
  std::string role;
  std::optional<std::string> principal;
  mesos::v1::Labels labels;
  bool has_labels = false;
};
bool operator==(const Reservation& a, const Reservation& b);

struct Traits {
  std::vector<Reservation> reservations;  // the last is the most refined
  std::optional<mesos::v1::Resource::DiskInfo> disk;
  bool revocable = false;
  bool shared = false;
  std::string provider_id;  // empty: the agent's own
};
// As Mesos compares: a volume's mount point and a persistence principal do not matter.
bool operator==(const Traits& a, const Traits& b);

using Items = std::set<std::string>;

class Entry {
 public:
  enum class Type : uint8_t { scalar, ranges, set };

  Name name;
  Type type = Type::scalar;
  uint32_t copies = 1;                      // of a shared resource: how often it is held
  Millis amount = 0;                        // scalar
  std::shared_ptr<const Ranges> ranges;     // not null for ranges
  std::shared_ptr<const Items> items;       // not null for a set
  std::shared_ptr<const Traits> traits;     // null: plain
  std::shared_ptr<const std::string> role;  // allocation role; null: not allocated

  bool plain() const { return !traits; }
  bool reserved() const { return traits && !traits->reservations.empty(); }
  bool dynamically_reserved() const { return reserved() && traits->reservations.back().dynamic; }
  const std::string& reservation_role() const;  // "*" when unreserved
  bool revocable() const { return traits && traits->revocable; }
  bool shared() const { return traits && traits->shared; }
  bool persistent() const { return traits && traits->disk && traits->disk->has_persistence(); }
  // A persistent volume or a MOUNT, BLOCK or identified RAW disk: taken whole or not at all.
  bool indivisible() const;
  bool empty() const;

  bool same_key(const Entry& other) const;
  bool same_amount(const Entry& other) const;
};

}  // namespace mesolith::model
