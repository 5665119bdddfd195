// SPDX-License-Identifier: Apache-2.0
// Resources from and to their messages, in the old and the new format of reservations.
#include <fmt/format.h>

#include <cmath>

#include "base/check.hpp"
#include "model/ids.hpp"
#include "model/resources.hpp"
#include "model/roles.hpp"

namespace mesolith::model {

namespace {

using Proto = mesos::v1::Resource;

Result<Reservation> parse_reservation(const Proto::ReservationInfo& info) {
  Reservation reservation;
  if (info.type() == Proto::ReservationInfo::UNKNOWN) {
    return failure(Code::invalid, "Invalid reservation: 'type' is UNKNOWN or missing");
  }
  reservation.dynamic = info.type() == Proto::ReservationInfo::DYNAMIC;
  if (!info.has_role()) return failure(Code::invalid, "Invalid reservation: 'role' is missing");
  reservation.role = info.role();
  if (info.has_principal()) reservation.principal = info.principal();
  reservation.has_labels = info.has_labels();
  if (info.has_labels()) reservation.labels = info.labels();
  return reservation;
}

Result<std::vector<Reservation>> parse_stack(const Proto& resource) {
  std::vector<Reservation> stack;
  if (resource.reservations_size() > 0) {
    // An endpoint's answer has both formats; it may be sent back as it is.
    for (const auto& info : resource.reservations()) {
      TRY(Reservation reservation, parse_reservation(info));
      stack.push_back(std::move(reservation));
    }
  } else if (resource.role() != "*" || resource.has_reservation()) {
    Reservation reservation;
    reservation.role = resource.role();
    if (resource.has_reservation()) {
      const auto& info = resource.reservation();
      reservation.dynamic = true;
      if (!resource.has_role() && info.has_role()) reservation.role = info.role();
      if (info.has_principal()) reservation.principal = info.principal();
      reservation.has_labels = info.has_labels();
      if (info.has_labels()) reservation.labels = info.labels();
      if (reservation.role == "*") {
        return failure(Code::invalid,
                       "Invalid reservation: role \"*\" cannot be dynamically reserved");
      }
    }
    stack.push_back(std::move(reservation));
  }
  for (size_t i = 0; i < stack.size(); ++i) {
    const std::string& role = stack[i].role;
    if (auto valid = roles::validate(role); !valid) {
      return failure(Code::invalid, "Invalid reservation: " + valid.error().message);
    }
    if (role == "*") {
      return failure(Code::invalid, "Invalid reservation: role \"*\" cannot be reserved");
    }
    if (i == 0) continue;
    if (!roles::is_descendant(role, stack[i - 1].role)) {
      return failure(Code::invalid,
                     fmt::format("Invalid refined reservation: role '{}' is not below role '{}'",
                                 role, stack[i - 1].role));
    }
    if (!stack[i].dynamic) {
      return failure(Code::invalid,
                     "Invalid refined reservation: a refined reservation cannot be STATIC");
    }
  }
  return stack;
}

Result<void> parse_scalar(const Proto& resource, Entry& entry) {
  if (!resource.has_scalar() || resource.has_ranges() || resource.has_set()) {
    return failure(Code::invalid, "Invalid scalar resource");
  }
  const double value = resource.scalar().value();
  if (!std::isfinite(value)) {
    return failure(Code::invalid, "Invalid scalar resource: value is not finite");
  }
  if (value > 1e12) return failure(Code::invalid, "Invalid scalar resource: value is too large");
  entry.amount = to_millis(value);
  // Exactly 0 is accepted, what rounds to it is not (mesos-api.md 10, item 19).
  if (value < 0 || (value > 0 && entry.amount == 0)) {
    return failure(Code::invalid, "Invalid scalar resource: value <= 0");
  }
  return {};
}

Result<void> parse_ranges(const Proto& resource, Entry& entry) {
  if (resource.has_scalar() || !resource.has_ranges() || resource.has_set()) {
    return failure(Code::invalid, "Invalid ranges resource");
  }
  TRY(Ranges ranges, Ranges::from(resource.ranges()));
  entry.type = Entry::Type::ranges;
  entry.ranges = std::make_shared<const Ranges>(std::move(ranges));
  return {};
}

Result<void> parse_set(const Proto& resource, Entry& entry) {
  if (resource.has_scalar() || resource.has_ranges() || !resource.has_set()) {
    return failure(Code::invalid, "Invalid set resource");
  }
  Items items;
  for (const std::string& item : resource.set().item()) {
    if (!items.insert(item).second) {
      return failure(Code::invalid, "Invalid set resource: duplicated elements");
    }
  }
  entry.type = Entry::Type::set;
  entry.items = std::make_shared<const Items>(std::move(items));
  return {};
}

Result<void> parse_traits(const Proto& resource, Entry& entry) {
  TRY(auto stack, parse_stack(resource));
  if (resource.has_disk() && entry.name != disk) {
    return failure(Code::invalid,
                   fmt::format("DiskInfo should not be set for {} resource", resource.name()));
  }
  if (resource.has_disk() && resource.disk().has_source() &&
      resource.disk().source().type() == Proto::DiskInfo::Source::UNKNOWN) {
    return failure(Code::invalid, "Unsupported 'DiskInfo.Source.Type' in 'disk' resource");
  }
  if (resource.has_disk() && resource.disk().has_persistence()) {
    TRY_VOID(validate_id(resource.disk().persistence().id()));
  }
  if (resource.has_shared() && !resource.disk().has_persistence()) {
    return failure(Code::invalid, "Only persistent volumes can be shared");
  }
  Traits traits{.reservations = std::move(stack),
                .disk = std::nullopt,
                .revocable = resource.has_revocable(),
                .shared = resource.has_shared(),
                .provider_id = resource.provider_id().value()};
  if (resource.has_disk()) traits.disk = resource.disk();
  if (!traits.reservations.empty() || traits.disk || traits.revocable || traits.shared ||
      !traits.provider_id.empty()) {
    entry.traits = std::make_shared<const Traits>(std::move(traits));
  }
  return {};
}

Result<Entry> parse_entry(const Proto& resource) {
  if (resource.name().empty()) return failure(Code::invalid, "Empty resource name");
  Entry entry{.name = Name(resource.name())};
  switch (resource.type()) {
    case mesos::v1::Value::SCALAR: {
      TRY_VOID(parse_scalar(resource, entry));
      break;
    }
    case mesos::v1::Value::RANGES: {
      TRY_VOID(parse_ranges(resource, entry));
      break;
    }
    case mesos::v1::Value::SET: {
      TRY_VOID(parse_set(resource, entry));
      break;
    }
    default:
      return failure(Code::invalid, "Unsupported resource type");
  }
  TRY_VOID(parse_traits(resource, entry));
  if (resource.has_allocation_info()) {
    if (auto valid = roles::validate(resource.allocation_info().role()); !valid) {
      return failure(Code::invalid, "Invalid allocation: " + valid.error().message);
    }
    entry.role = std::make_shared<const std::string>(resource.allocation_info().role());
  }
  return entry;
}

void append_amount(const Entry& entry, Proto* out) {
  switch (entry.type) {
    case Entry::Type::scalar:
      out->set_type(mesos::v1::Value::SCALAR);
      out->mutable_scalar()->set_value(to_units(entry.amount));
      return;
    case Entry::Type::ranges:
      out->set_type(mesos::v1::Value::RANGES);
      entry.ranges->to(out->mutable_ranges());
      return;
    case Entry::Type::set:
      out->set_type(mesos::v1::Value::SET);
      for (const std::string& item : *entry.items) out->mutable_set()->add_item(item);
      return;
  }
}

void append_old_format(const Entry& entry, Proto* out) {
  out->set_role(entry.reservation_role());
  if (!entry.dynamically_reserved()) return;
  const Reservation& reservation = entry.traits->reservations.back();
  auto* info = out->mutable_reservation();
  if (reservation.principal) info->set_principal(*reservation.principal);
  if (reservation.has_labels) *info->mutable_labels() = reservation.labels;
}

void append_stack(const Traits& traits, Proto* out) {
  for (const Reservation& reservation : traits.reservations) {
    auto* info = out->add_reservations();
    info->set_type(reservation.dynamic ? Proto::ReservationInfo::DYNAMIC
                                       : Proto::ReservationInfo::STATIC);
    info->set_role(reservation.role);
    if (reservation.principal) info->set_principal(*reservation.principal);
    if (reservation.has_labels) *info->mutable_labels() = reservation.labels;
  }
}

void append_entry(const Entry& entry, Proto* out, Format format, Allocation allocation) {
  out->set_name(entry.name.str());
  append_amount(entry, out);
  if (entry.role && allocation == Allocation::keep) {
    out->mutable_allocation_info()->set_role(*entry.role);
  }
  // A stack of several has no old form; only the new one can tell it.
  const size_t depth = entry.traits ? entry.traits->reservations.size() : 0;
  if (format != Format::post_reservation_refinement && depth <= 1) append_old_format(entry, out);
  if (!entry.traits) return;
  const Traits& traits = *entry.traits;
  if (format != Format::pre_reservation_refinement || depth > 1) append_stack(traits, out);
  if (traits.disk) *out->mutable_disk() = *traits.disk;
  if (traits.revocable) out->mutable_revocable();
  if (traits.shared) out->mutable_shared();
  if (!traits.provider_id.empty()) out->mutable_provider_id()->set_value(traits.provider_id);
}

}  // namespace

Result<Resources> Resources::parse(const RepeatedResource& resources) {
  Resources all;
  all.entries_.reserve(static_cast<size_t>(resources.size()));
  for (const Proto& resource : resources) {
    auto entry = parse_entry(resource);
    if (!entry) {
      return failure(Code::invalid, fmt::format("Resource '{}' is invalid: {}",
                                                model::describe(resource), entry.error().message));
    }
    all.add(*entry, all.entries_.size());
  }
  return all;
}

Result<Resources> Resources::parse(const Proto& resource) {
  RepeatedResource one;
  *one.Add() = resource;
  return parse(one);
}

void Resources::append_to(RepeatedResource* out, Format format, Allocation allocation) const {
  out->Reserve(out->size() + static_cast<int>(entries_.size()));
  for (const Entry& entry : entries_) append_entry(entry, out->Add(), format, allocation);
}

std::string Resources::describe() const {
  std::string text;
  for (const Entry& entry : entries_) {
    Proto proto;
    append_entry(entry, &proto, Format::post_reservation_refinement, Allocation::keep);
    if (!text.empty()) text += "; ";
    text += model::describe(proto);
    if (entry.shared()) text += fmt::format("<{}>", entry.copies);
  }
  return text.empty() ? "{}" : text;
}

}  // namespace mesolith::model
