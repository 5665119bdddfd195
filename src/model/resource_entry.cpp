// SPDX-License-Identifier: Apache-2.0
#include "model/resource_entry.hpp"

#include <algorithm>

namespace mesolith::model {

namespace {

bool same_labels(const mesos::v1::Labels& a, const mesos::v1::Labels& b) {
  const auto same = [](const mesos::v1::Label& x, const mesos::v1::Label& y) {
    return x.key() == y.key() && x.has_value() == y.has_value() && x.value() == y.value();
  };
  return a.labels_size() == b.labels_size() &&
         std::is_permutation(a.labels().begin(), a.labels().end(), b.labels().begin(), same);
}

bool same_source(const mesos::v1::Resource::DiskInfo::Source& a,
                 const mesos::v1::Resource::DiskInfo::Source& b) {
  return a.type() == b.type() && a.has_path() == b.has_path() &&
         a.path().has_root() == b.path().has_root() && a.path().root() == b.path().root() &&
         a.has_mount() == b.has_mount() && a.mount().has_root() == b.mount().has_root() &&
         a.mount().root() == b.mount().root() && a.has_id() == b.has_id() && a.id() == b.id() &&
         a.has_vendor() == b.has_vendor() && a.vendor() == b.vendor() &&
         a.has_profile() == b.has_profile() && a.profile() == b.profile() &&
         same_labels(a.metadata(), b.metadata());
}

bool same_disk(const mesos::v1::Resource::DiskInfo& a, const mesos::v1::Resource::DiskInfo& b) {
  return a.has_source() == b.has_source() && a.has_persistence() == b.has_persistence() &&
         (!a.has_source() || same_source(a.source(), b.source())) &&
         a.persistence().id() == b.persistence().id();
}

bool same_text(const std::shared_ptr<const std::string>& a,
               const std::shared_ptr<const std::string>& b) {
  return a == b || (a && b && *a == *b);
}

}  // namespace

bool operator==(const Reservation& a, const Reservation& b) {
  return a.dynamic == b.dynamic && a.role == b.role && a.principal == b.principal &&
         a.has_labels == b.has_labels && same_labels(a.labels, b.labels);
}

bool operator==(const Traits& a, const Traits& b) {
  return a.revocable == b.revocable && a.shared == b.shared && a.provider_id == b.provider_id &&
         a.reservations == b.reservations && a.disk.has_value() == b.disk.has_value() &&
         (!a.disk || same_disk(*a.disk, *b.disk));
}

const std::string& Entry::reservation_role() const {
  static const std::string unreserved = "*";
  return reserved() ? traits->reservations.back().role : unreserved;
}

bool Entry::indivisible() const {
  if (!traits || !traits->disk) return false;
  const auto& disk = *traits->disk;
  if (disk.has_persistence()) return true;
  if (!disk.has_source()) return false;
  using Source = mesos::v1::Resource::DiskInfo::Source;
  switch (disk.source().type()) {
    case Source::MOUNT:
    case Source::BLOCK:
      return true;
    case Source::RAW:
      return disk.source().has_id();
    default:
      return false;
  }
}

bool Entry::empty() const {
  switch (type) {
    case Type::scalar:
      return amount <= 0 || copies == 0;
    case Type::ranges:
      return ranges->empty();
    case Type::set:
      return items->empty();
  }
  return true;
}

bool Entry::same_key(const Entry& other) const {
  return name == other.name && type == other.type && same_text(role, other.role) &&
         (traits == other.traits || (traits && other.traits && *traits == *other.traits));
}

bool Entry::same_amount(const Entry& other) const {
  switch (type) {
    case Type::scalar:
      return amount == other.amount;
    case Type::ranges:
      return ranges == other.ranges || *ranges == *other.ranges;
    case Type::set:
      return items == other.items || *items == *other.items;
  }
  return false;
}

}  // namespace mesolith::model
