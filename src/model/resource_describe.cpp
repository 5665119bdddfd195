// SPDX-License-Identifier: Apache-2.0
// The text of one resource message, which may be an invalid one: error messages quote it.
#include <fmt/format.h>

#include "model/resources.hpp"

namespace mesolith::model {

namespace {

using Proto = mesos::v1::Resource;

std::string describe_labels(const mesos::v1::Labels& labels) {
  std::string text = "{";
  for (const auto& label : labels.labels()) {
    if (text.size() > 1) text += ", ";
    text += label.has_value() ? fmt::format("{}: {}", label.key(), label.value()) : label.key();
  }
  return text + "}";
}

std::string describe_reservation(const Proto::ReservationInfo& info) {
  std::string text =
      fmt::format("({},{}", Proto::ReservationInfo::Type_Name(info.type()), info.role());
  if (info.has_principal()) text += "," + info.principal();
  if (info.has_labels()) text += "," + describe_labels(info.labels());
  return text + ")";
}

// The old format is shown as the stack it stands for.
std::string describe_reservations(const Proto& resource) {
  std::string text;
  for (const auto& info : resource.reservations()) {
    if (!text.empty()) text += ",";
    text += describe_reservation(info);
  }
  if (resource.reservations_size() == 0 && (resource.role() != "*" || resource.has_reservation())) {
    Proto::ReservationInfo info = resource.reservation();
    info.set_type(resource.has_reservation() ? Proto::ReservationInfo::DYNAMIC
                                             : Proto::ReservationInfo::STATIC);
    if (resource.has_role() || !info.has_role()) info.set_role(resource.role());
    text = describe_reservation(info);
  }
  return text.empty() ? text : fmt::format("(reservations: [{}])", text);
}

std::string describe_source(const Proto::DiskInfo::Source& source) {
  std::string text = Proto::DiskInfo::Source::Type_Name(source.type());
  std::string detail;
  for (const std::string* part : {&source.vendor(), &source.id(), &source.profile()}) {
    if (part->empty()) continue;
    if (!detail.empty()) detail += ",";
    detail += *part;
  }
  if (!detail.empty()) text += "(" + detail + ")";
  if (source.path().has_root()) text += ":" + source.path().root();
  if (source.mount().has_root()) text += ":" + source.mount().root();
  return text;
}

std::string describe_disk(const Proto::DiskInfo& info) {
  std::string text;
  if (info.has_source()) text += describe_source(info.source());
  if (info.has_persistence()) {
    if (info.has_source()) text += ",";
    text += info.persistence().id();
  }
  if (info.has_volume()) {
    const auto& volume = info.volume();
    text += ":";
    if (volume.has_host_path()) text += volume.host_path() + ":";
    text += volume.container_path();
    if (volume.has_host_path()) text += volume.mode() == mesos::v1::Volume::RO ? ":ro" : ":rw";
  }
  return text;
}

std::string describe_ranges(const mesos::v1::Value::Ranges& ranges) {
  std::string text = "[";
  for (const auto& range : ranges.range()) {
    if (text.size() > 1) text += ", ";
    text += fmt::format("{}-{}", range.begin(), range.end());
  }
  return text + "]";
}

std::string describe_set(const mesos::v1::Value::Set& set) {
  return fmt::format("{{{}}}", fmt::join(set.item(), ", "));
}

}  // namespace

std::string describe(const Proto& resource) {
  std::string text = resource.name();
  if (resource.has_allocation_info()) {
    text += fmt::format("(allocated: {})", resource.allocation_info().role());
  }
  text += describe_reservations(resource);
  if (resource.has_disk()) text += fmt::format("[{}]", describe_disk(resource.disk()));
  if (resource.has_revocable()) text += "{REV}";
  if (resource.has_shared()) text += "<SHARED>";
  text += ":";
  switch (resource.type()) {
    case mesos::v1::Value::SCALAR: {
      const double value = resource.scalar().value();
      // to_millis would hide what is not a number.
      return text + (value == value ? format_millis(to_millis(value)) : std::string("nan"));
    }
    case mesos::v1::Value::RANGES:
      return text + describe_ranges(resource.ranges());
    case mesos::v1::Value::SET:
      return text + describe_set(resource.set());
    default:
      return text + "?";
  }
}

}  // namespace mesolith::model
