// SPDX-License-Identifier: Apache-2.0
#include "model/operations.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesolith::model {
namespace {

using Operation = mesos::v1::Offer::Operation;

Result<Entry> only_entry(const mesos::v1::Resource& resource) {
  TRY(const Resources parsed, Resources::parse(resource));
  if (parsed.empty()) {
    return failure(Code::invalid, fmt::format("Resource {} is empty", describe(resource)));
  }
  return parsed.entries().front();
}

Resources resized(Entry entry, Millis amount) {
  entry.amount = amount;
  return Resources::of(std::move(entry));
}

Result<Conversion> growth(const Operation::GrowVolume& grow) {
  TRY(const Entry volume, only_entry(grow.volume()));
  TRY(const Entry addition, only_entry(grow.addition()));
  return Conversion{Resources::of(volume) + Resources::of(addition),
                    resized(volume, saturating_sum(volume.amount, addition.amount))};
}

Result<Conversion> shrinkage(const Operation::ShrinkVolume& shrink) {
  TRY(const Entry volume, only_entry(shrink.volume()));
  const Millis less = to_millis(shrink.subtract().value());
  const Resources freed = resized(Resources::of(volume).without_persistence().entries()[0], less);
  return Conversion{Resources::of(volume), resized(volume, volume.amount - less) + freed};
}

}  // namespace

bool converts(const Operation& operation) {
  switch (operation.type()) {
    case Operation::RESERVE:
      return operation.has_reserve();
    case Operation::UNRESERVE:
      return operation.has_unreserve();
    case Operation::CREATE:
      return operation.has_create();
    case Operation::DESTROY:
      return operation.has_destroy();
    case Operation::GROW_VOLUME:
      return operation.has_grow_volume();
    case Operation::SHRINK_VOLUME:
      return operation.has_shrink_volume();
    default:
      return false;
  }
}

bool usable_at_once(const Operation& operation) {
  return operation.type() != Operation::GROW_VOLUME && operation.type() != Operation::SHRINK_VOLUME;
}

Result<Conversion> conversion_of(const Operation& operation) {
  switch (operation.type()) {
    case Operation::RESERVE: {
      TRY(Resources to, Resources::parse(operation.reserve().resources()));
      return Conversion{to.without_reservation(), to};
    }
    case Operation::UNRESERVE: {
      TRY(Resources from, Resources::parse(operation.unreserve().resources()));
      return Conversion{from, from.without_reservation()};
    }
    case Operation::CREATE: {
      TRY(Resources to, Resources::parse(operation.create().volumes()));
      return Conversion{to.without_persistence(), to};
    }
    case Operation::DESTROY: {
      TRY(Resources from, Resources::parse(operation.destroy().volumes()));
      return Conversion{from, from.without_persistence()};
    }
    case Operation::GROW_VOLUME:
      return growth(operation.grow_volume());
    case Operation::SHRINK_VOLUME:
      return shrinkage(operation.shrink_volume());
    default:
      return failure(Code::invalid, fmt::format("Operations of type {} do not convert resources",
                                                Operation::Type_Name(operation.type())));
  }
}

std::vector<mesos::v1::Resource*> resources_of(Operation& operation) {
  std::vector<mesos::v1::Resource*> all;
  const auto add = [&](RepeatedResource* resources) {
    for (auto& resource : *resources) all.push_back(&resource);
  };
  switch (operation.type()) {
    case Operation::RESERVE:
      add(operation.mutable_reserve()->mutable_resources());
      break;
    case Operation::UNRESERVE:
      add(operation.mutable_unreserve()->mutable_resources());
      break;
    case Operation::CREATE:
      add(operation.mutable_create()->mutable_volumes());
      break;
    case Operation::DESTROY:
      add(operation.mutable_destroy()->mutable_volumes());
      break;
    case Operation::GROW_VOLUME:
      all = {operation.mutable_grow_volume()->mutable_volume(),
             operation.mutable_grow_volume()->mutable_addition()};
      break;
    case Operation::SHRINK_VOLUME:
      all = {operation.mutable_shrink_volume()->mutable_volume()};
      break;
    default:
      break;
  }
  return all;
}

Resources converted(const Resources& total) {
  return total.filter(
      [](const Entry& entry) { return entry.dynamically_reserved() || entry.persistent(); });
}

Resources as_configured(const Resources& resources) {
  Resources configured;
  for (const Entry& entry : resources.entries()) {
    Resources one = Resources::of(entry).without_persistence();
    while (!one.empty() && one.entries().front().dynamically_reserved()) {
      one = one.without_reservation();
    }
    configured += one;
  }
  return configured;
}

Result<Resources> restored(const Resources& configured, const Resources& converted) {
  const Resources used = as_configured(converted);
  if (!configured.contains(used)) {
    return failure(Code::invalid,
                   fmt::format("{} does not contain {}, which is reserved or holds volumes",
                               configured.describe(), used.describe()));
  }
  return configured - used + converted;
}

std::string volume_path(const Entry& volume) {
  std::string role = volume.reservation_role();
  std::ranges::replace(role, '/', ' ');
  return "volumes/roles/" + role + "/" + volume.traits->disk->persistence().id();
}

}  // namespace mesolith::model
