// SPDX-License-Identifier: Apache-2.0
// Operations on resources.
#include <fmt/format.h>

#include <cmath>
#include <set>
#include <utility>

#include "model/operations.hpp"
#include "model/validation.hpp"

namespace mesolith::model::validation {

namespace {

using Operation = mesos::v1::Offer::Operation;
using Proto = mesos::v1::Resource;

Result<void> invalid(std::string message) {
  return failure(Code::invalid, std::move(message));
}

Result<Resources> parse(const RepeatedResource& resources) {
  auto parsed = Resources::parse(resources);
  if (parsed) return parsed;
  return failure(Code::invalid, "Invalid resources: " + parsed.error().message);
}

// A zero amount is dropped in parsing; there is nothing to say about it.
Result<std::optional<Entry>> entry_of(const Proto& resource) {
  TRY(const Resources parsed, Resources::parse(resource));
  if (parsed.empty()) return std::nullopt;
  return parsed.entries().front();
}

Result<void> reserved_for(const Entry& entry, const Asker& asker) {
  const std::string& role = entry.reservation_role();
  if (!asker.roles) {
    if (!entry.role) return {};
    return invalid(
        "A reserve operation was attempted through the operator API for a resource that is "
        "allocated to role '" +
        *entry.role + "'");
  }
  const std::string allocated = entry.role ? *entry.role : "";
  if (role != allocated) {
    return invalid(
        fmt::format("A reserve operation was attempted for a resource with role '{}', but the "
                    "resource was allocated to role '{}'",
                    role, allocated));
  }
  if (!asker.roles->contains(role)) {
    return invalid(
        fmt::format("A reserve operation was attempted for a resource allocated to role '{}', but "
                    "the framework only has roles '{}'",
                    role, fmt::join(*asker.roles, "', '")));
  }
  return {};
}

Result<void> reserve_one(const Proto& resource, const Asker& asker) {
  TRY(const std::optional<Entry> entry, entry_of(resource));
  if (!entry) return {};
  if (!entry->dynamically_reserved()) {
    return invalid(fmt::format("Resource {} is not dynamically reserved", describe(resource)));
  }
  if (entry->persistent()) {
    return invalid(
        fmt::format("A persistent volume {} must already be reserved", describe(resource)));
  }
  if (entry->revocable()) {
    return invalid(fmt::format("Revocable resource {} cannot be reserved", describe(resource)));
  }
  TRY_VOID(reserved_for(*entry, asker));
  if (!asker.principal) return {};
  const auto& principal = entry->traits->reservations.back().principal;
  if (!principal) {
    return invalid(
        fmt::format("A reserve operation was attempted by principal '{}', but there is a reserved "
                    "resource in the request with no principal set",
                    *asker.principal));
  }
  if (*principal == *asker.principal) return {};
  return invalid(
      fmt::format("A reserve operation was attempted by principal '{}', but there is a reserved "
                  "resource in the request with principal '{}' set in `ReservationInfo`",
                  *asker.principal, *principal));
}

Result<void> reserve(const Operation::Reserve& reserve, const Asker& asker) {
  if (!reserve.source().empty()) return invalid("The `source` field of RESERVE is not supported");
  TRY(const Resources parsed, parse(reserve.resources()));
  for (const Proto& resource : reserve.resources()) TRY_VOID(reserve_one(resource, asker));
  return {};
}

Result<void> unreserve(const Operation::Unreserve& unreserve) {
  TRY(const Resources parsed, parse(unreserve.resources()));
  for (const Proto& resource : unreserve.resources()) {
    TRY(const std::optional<Entry> entry, entry_of(resource));
    if (!entry) continue;
    if (!entry->dynamically_reserved()) {
      return invalid(fmt::format("Resource {} is not dynamically reserved", describe(resource)));
    }
    if (entry->persistent()) {
      return invalid(fmt::format(
          "A dynamically reserved persistent volume {} cannot be unreserved directly. Please "
          "destroy the persistent volume first then unreserve the resource",
          describe(resource)));
    }
  }
  return {};
}

Result<void> persistent(const Proto& volume) {
  if (volume.has_disk() && volume.disk().has_persistence()) return {};
  return invalid(fmt::format("Resource {} is not a persistent volume", describe(volume)));
}

Result<void> owned_by(const Proto& volume, const Asker& asker) {
  if (!asker.principal) return {};
  const auto& persistence = volume.disk().persistence();
  if (!persistence.has_principal()) {
    return invalid(
        fmt::format("A create volume operation was attempted by principal '{}', but there is a "
                    "volume in the operation with no principal set in `DiskInfo.Persistence`",
                    *asker.principal));
  }
  if (persistence.principal() == *asker.principal) return {};
  return invalid(
      fmt::format("A create volume operation was attempted by principal '{}', but there is a "
                  "volume in the operation with principal '{}' set in `DiskInfo.Persistence`",
                  *asker.principal, persistence.principal()));
}

// A shared volume named twice would be one held twice: so the messages are looked at.
Result<void> new_ids(const RepeatedResource& volumes, const Resources& total) {
  std::set<std::pair<std::string, std::string>> known;
  for (const Entry& entry : total.persistent_volumes().entries()) {
    known.emplace(entry.reservation_role(), entry.traits->disk->persistence().id());
  }
  for (const Proto& volume : volumes) {
    TRY(const std::optional<Entry> entry, entry_of(volume));
    const std::string& id = volume.disk().persistence().id();
    if (entry && !known.emplace(entry->reservation_role(), id).second) {
      return invalid(fmt::format("Persistence ID '{}' is not unique", id));
    }
  }
  return {};
}

Result<void> create(const Operation::Create& create, const Asker& asker, const Resources& total) {
  TRY(const Resources parsed, parse(create.volumes()));
  for (const Proto& volume : create.volumes()) TRY_VOID(persistent(volume));
  if (auto valid = resources(parsed); !valid) {
    return invalid("Invalid volumes: " + valid.error().message);
  }
  for (const Proto& volume : create.volumes()) {
    const auto& place = volume.disk().volume();
    if (place.mode() == mesos::v1::Volume::RO) {
      return invalid("Read-only persistent volumes are not supported");
    }
    if (place.has_image() || place.has_source()) {
      return invalid("A persistent volume can have neither an image nor a source");
    }
    TRY_VOID(container_path(place.container_path()));
    if (volume.has_shared() && !asker.shared_resources) {
      return invalid(
          "A create volume operation for a shared volume was attempted by a framework without the "
          "SHARED_RESOURCES capability");
    }
    TRY_VOID(owned_by(volume, asker));
  }
  return new_ids(create.volumes(), total);
}

Result<void> exist_unused(const Resources& volumes, const Resources& total, const Resources& used) {
  for (const Entry& entry : volumes.unallocated().entries()) {
    const Resources volume = Resources::of(entry);
    if (!total.contains(volume)) return invalid("Persistent volumes not found");
    if (used.contains(volume)) return invalid("Persistent volumes in use");
  }
  return {};
}

Result<void> destroy(const Operation::Destroy& destroy, const Resources& total,
                     const Resources& used) {
  TRY(const Resources parsed, parse(destroy.volumes()));
  for (const Proto& volume : destroy.volumes()) TRY_VOID(persistent(volume));
  return exist_unused(parsed, total, used);
}

Result<void> resizable(const Proto& volume, std::string_view what) {
  TRY_VOID(persistent(volume));
  if (volume.has_shared()) {
    return invalid(fmt::format("{} a shared persistent volume is not supported", what));
  }
  if (volume.disk().source().type() == Proto::DiskInfo::Source::MOUNT &&
      volume.disk().has_source()) {
    return invalid(fmt::format("{} a persistent volume on a MOUNT disk is not supported", what));
  }
  return {};
}

Result<void> grow(const Operation::GrowVolume& grow) {
  TRY_VOID(resizable(grow.volume(), "Growing"));
  TRY(const Resources volume, Resources::parse(grow.volume()));
  TRY(const Resources addition, Resources::parse(grow.addition()));
  if (volume.empty() || addition.empty()) {
    return invalid("The size of 'addition' field must be greater than zero");
  }
  const Resources bare = volume.without_persistence();
  if (!bare.entries().front().same_key(addition.entries().front())) {
    return invalid("Incompatible resources in the 'volume' and 'addition' fields");
  }
  return {};
}

Result<void> shrink(const Operation::ShrinkVolume& shrink) {
  TRY_VOID(resizable(shrink.volume(), "Shrinking"));
  const double less = shrink.subtract().value();
  if (!std::isfinite(less) || to_millis(less) <= 0) {
    return invalid("The size of 'subtract' field must be greater than zero");
  }
  TRY(const Resources volume, Resources::parse(shrink.volume()));
  if (to_millis(less) >= volume.scalar(disk)) {
    return invalid("The size of 'subtract' field must be smaller than that of the volume");
  }
  return {};
}

}  // namespace

Result<void> container_path(const std::string& path) {
  if (path.empty()) return invalid("Expecting 'container_path' to be set for persistent volume");
  size_t from = 0;
  while (from <= path.size()) {
    const size_t to = std::min(path.find('/', from), path.size());
    if (path.compare(from, to - from, "..") == 0) {
      return invalid(fmt::format("The container path '{}' leaves the sandbox", path));
    }
    from = to + 1;
  }
  return {};
}

Result<void> operation(const Operation& operation, const Asker& asker, const Resources& total,
                       const Resources& used) {
  switch (operation.type()) {
    case Operation::RESERVE:
      return reserve(operation.reserve(), asker);
    case Operation::UNRESERVE:
      return unreserve(operation.unreserve());
    case Operation::CREATE:
      return create(operation.create(), asker, total);
    case Operation::DESTROY:
      return destroy(operation.destroy(), total, used);
    case Operation::GROW_VOLUME:
      return grow(operation.grow_volume());
    case Operation::SHRINK_VOLUME:
      return shrink(operation.shrink_volume());
    default:
      return invalid(fmt::format("Operations of type {} are not served by this version",
                                 Operation::Type_Name(operation.type())));
  }
}

}  // namespace mesolith::model::validation
