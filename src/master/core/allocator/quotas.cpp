// SPDX-License-Identifier: Apache-2.0
#include "master/core/allocator/quotas.hpp"

namespace mesolith::master::allocator {
namespace {

bool quota_counts(const model::Entry& entry) {
  return entry.type == model::Entry::Type::scalar && !entry.reserved() && !entry.revocable();
}

}  // namespace

std::string_view top_level(std::string_view role) {
  return role.substr(0, role.find('/'));
}

const Quotas::Entry* Quotas::find(std::string_view role) const {
  const auto found = quotas_.find(top_level(role));
  return found == quotas_.end() ? nullptr : &found->second;
}
Quotas::Entry* Quotas::find(std::string_view role) {
  const auto found = quotas_.find(top_level(role));
  return found == quotas_.end() ? nullptr : &found->second;
}

void Quotas::set(const std::string& role, Quota quota) {
  if (quota.empty()) {
    quotas_.erase(role);
  } else {
    quotas_[role].quota = std::move(quota);
  }
  reckon_required();
}

void Quotas::clear() {
  for (auto& [role, entry] : quotas_) entry.consumed = {};
  reckon_required();
}

void Quotas::count(const model::Resources& resources, bool more, bool reserved) {
  if (quotas_.empty()) return;
  bool changed = false;
  for (const model::Entry& one : resources.entries()) {
    if (one.type != model::Entry::Type::scalar || one.revocable()) continue;
    if (one.reserved() != reserved || (!reserved && !one.role)) continue;
    Entry* entry = find(reserved ? one.reservation_role() : *one.role);
    if (!entry) continue;
    entry->consumed.add(one.name, more ? one.amount : -one.amount);
    changed = true;
  }
  if (changed) reckon_required();
}

void Quotas::charge(const model::Resources& held) {
  count(held, true, false);
}
void Quotas::credit(const model::Resources& held) {
  count(held, false, false);
}
void Quotas::charge_reserved(const model::Resources& total) {
  count(total, true, true);
}
void Quotas::credit_reserved(const model::Resources& total) {
  count(total, false, true);
}

void Quotas::take(std::string_view role, const model::Resources& part) {
  const model::Quantities taken = part.filter(quota_counts).quantities();
  headroom_ -= taken;
  Entry* entry = find(role);
  if (!entry) return;
  entry->consumed += taken;
  reckon_required();
}

void Quotas::reckon_required() {
  required_ = {};
  for (const auto& [role, entry] : quotas_) required_ += unfulfilled(role);
}

model::Quantities Quotas::unfulfilled(std::string_view role) const {
  const Entry* entry = find(role);
  if (!entry) return {};
  return (entry->quota.guarantees - entry->consumed).positive();
}

model::Quantities Quotas::consumed(std::string_view role) const {
  const Entry* entry = find(role);
  return entry ? entry->consumed : model::Quantities();
}

model::Resources Quotas::cut(std::string_view role, const model::Resources& offer) const {
  const Entry* entry = find(role);
  const bool limited = entry && !entry->quota.limits.empty();
  if (!limited && required_.empty()) return offer;
  model::Limits most;
  if (limited) {
    for (const auto& [name, limit] : entry->quota.limits) {
      most[name] = std::max<model::Millis>(limit - entry->consumed.get(name), 0);
    }
  }
  const model::Quantities own = unfulfilled(role);
  required_.for_each([&](const model::Name& name, model::Millis needed) {
    const model::Millis spare = std::max<model::Millis>(headroom_.get(name) - needed, 0);
    const model::Millis allowed = model::saturating_sum(own.get(name), spare);
    const auto [found, fresh] = most.emplace(name, allowed);
    if (!fresh) found->second = std::min(found->second, allowed);
  });
  const model::Resources counted = offer.filter(quota_counts);
  return offer - counted + counted.shrunk_to(most);
}

}  // namespace mesolith::master::allocator
