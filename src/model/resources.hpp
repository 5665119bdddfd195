// SPDX-License-Identifier: Apache-2.0
// What an agent has, an offer holds, a task uses. A value: amounts are fixed-point thousandths,
// ranges and sets are shared and copied on write, so copying costs one allocation. Entries with one
// key are one entry (volumes excepted); they stay in the order of first appearance; equality
// ignores order.
//
// Fails only in parse(), with Mesos' messages. Subtracting what is not contained removes what there
// is and never goes below zero; ask contains() first. Shared volumes are counted: the sum of two
// holders holds it twice, once in quantities.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/quantities.hpp"
#include "model/ranges.hpp"
#include "model/resource_entry.hpp"

namespace mesolith::model {

using RepeatedResource = google::protobuf::RepeatedPtrField<mesos::v1::Resource>;

// How reservations are written (mesos-api.md 1.7).
enum class Format {
  pre_reservation_refinement,   // `role` and `reservation`; only for stacks of at most one
  post_reservation_refinement,  // the `reservations` stack
  endpoint,                     // both where that can be said: for JSON read by anybody
};
enum class Allocation { keep, strip };  // whether allocation_info is written

class Resources {
 public:
  Resources() = default;

  // Old format (`role`, `reservation`) and new are both understood. A scalar of 0 and empty ranges
  // are left out.
  static Result<Resources> parse(const RepeatedResource& resources);
  static Result<Resources> parse(const mesos::v1::Resource& resource);
  // Unreserved scalars, in the given order; amounts <= 0 are left out.
  static Resources of(const Quantities& quantities);
  static Resources of(std::initializer_list<std::pair<Name, Millis>> amounts);
  static Resources of(Name name, Ranges ranges);
  static Resources of(Entry entry);

  void append_to(RepeatedResource* out, Format format,
                 Allocation allocation = Allocation::keep) const;
  std::string describe()
      const;  // "cpus(allocated: a):4; ports(allocated: a):[31000-32000]"; "{}" when empty

  Resources& operator+=(const Resources& other);
  Resources& operator-=(const Resources& other);
  friend Resources operator+(Resources a, const Resources& b) { return std::move(a += b); }
  friend Resources operator-(Resources a, const Resources& b) { return std::move(a -= b); }
  friend bool operator==(const Resources& a, const Resources& b);
  bool empty() const { return entries_.empty(); }
  bool contains(const Resources& other) const;
  std::span<const Entry> entries() const { return entries_; }

  // Allocation: every entry of an offer or a task has the same role.
  Resources allocated_to(const std::string& role) const;
  Resources unallocated() const;
  const std::string& allocation_role() const;  // of the first entry; empty if none
  std::vector<std::string> allocation_roles()
      const;  // sorted, each once; unallocated entries do not count
  Resources allocated_part(
      const std::string& role) const;  // the entries allocated to that very role

  template <class Keep>
  Resources filter(Keep&& keep) const;  // bool keep(const Entry&)
  Resources unreserved() const;
  Resources reserved() const;
  Resources reserved_to(
      const std::string& role) const;  // most refined reservation is to that very role
  Resources allocatable_to(
      const std::string& role) const;  // unreserved, or reserved to role or an ancestor
  Resources scalars() const;
  Resources non_scalars() const;
  Resources revocable() const;
  Resources non_revocable() const;
  Resources shared() const;
  Resources non_shared() const;
  Resources persistent_volumes() const;
  Resources named(const Name& name) const;

  // The amount of a scalar over all entries of that name; ranges("ports") is the union likewise.
  Millis scalar(const Name& name) const;
  Ranges ranges(const Name& name) const;
  Quantities quantities() const;  // scalars only; a shared volume once
  bool has_scalar_of(
      const Quantities& least) const;  // quantities().contains(least), without building them

  // Scalars cut down to at most that much per name; what is indivisible fits whole or is left out;
  // ranges and sets stay.
  Resources shrunk_to(const Quantities& most) const;  // a name that is absent is left out
  Resources shrunk_to(const Limits& most) const;      // a name that is absent is not cut

  // Reservations and volumes, for operations on resources.
  Resources with_reservation(
      const Reservation& reservation) const;  // pushes a refinement on every entry
  Resources without_reservation() const;      // pops the most refined one; entries without stay
  Resources without_persistence() const;      // drops persistence, volume and shared
  Resources to_unreserved() const;            // drops whole stacks

 private:
  void add(const Entry& entry, size_t hint);
  bool subtract(const Entry& entry, size_t hint);
  bool contains(const Entry& entry, size_t hint) const;
  Entry* find(const Entry& entry, size_t hint);

  std::vector<Entry> entries_;
};

// The text form of a resource that need not be valid, as used in error messages.
std::string describe(const mesos::v1::Resource& resource);

template <class Keep>
Resources Resources::filter(Keep&& keep) const {
  Resources kept;
  for (const Entry& entry : entries_)
    if (keep(entry)) kept.entries_.push_back(entry);
  return kept;
}

}  // namespace mesolith::model
