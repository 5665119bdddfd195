// SPDX-License-Identifier: Apache-2.0
#include "model/resources.hpp"

#include <algorithm>

#include "model/roles.hpp"

namespace mesolith::model {

namespace {

template <class T>
std::shared_ptr<const T> share(T value) {
  return std::make_shared<const T>(std::move(value));
}

void increase(Entry& held, const Entry& more) {
  switch (held.type) {
    case Entry::Type::scalar:
      held.amount = saturating_sum(held.amount, more.amount);
      return;
    case Entry::Type::ranges:
      held.ranges = share(*held.ranges + *more.ranges);
      return;
    case Entry::Type::set: {
      Items items = *held.items;
      items.insert(more.items->begin(), more.items->end());
      held.items = share(std::move(items));
      return;
    }
  }
}

void decrease(Entry& held, const Entry& less) {
  switch (held.type) {
    case Entry::Type::scalar:
      held.amount -= less.amount;
      return;
    case Entry::Type::ranges:
      held.ranges = share(*held.ranges - *less.ranges);
      return;
    case Entry::Type::set: {
      Items items = *held.items;
      for (const std::string& item : *less.items) items.erase(item);
      held.items = share(std::move(items));
      return;
    }
  }
}

bool covers(const Entry& held, const Entry& wanted) {
  switch (held.type) {
    case Entry::Type::scalar:
      return held.amount >= wanted.amount;
    case Entry::Type::ranges:
      return held.ranges == wanted.ranges || held.ranges->contains(*wanted.ranges);
    case Entry::Type::set:
      return std::ranges::includes(*held.items, *wanted.items);
  }
  return false;
}

// Whether two entries are the same thing, so that one adds to or is taken from the other.
bool joins(const Entry& held, const Entry& other) {
  if (!held.same_key(other)) return false;
  return (!held.indivisible() && !held.shared()) || held.same_amount(other);
}

// The traits with one part changed; null when nothing is left of them.
std::shared_ptr<const Traits> simplified(Traits traits) {
  if (traits.reservations.empty() && !traits.disk && !traits.revocable && !traits.shared &&
      traits.provider_id.empty()) {
    return nullptr;
  }
  return share(std::move(traits));
}

}  // namespace

Resources Resources::of(const Quantities& quantities) {
  Resources resources;
  quantities.for_each([&](const Name& name, Millis amount) {
    if (amount > 0) resources.entries_.push_back(Entry{.name = name, .amount = amount});
  });
  return resources;
}

Resources Resources::of(std::initializer_list<std::pair<Name, Millis>> amounts) {
  Resources resources;
  for (const auto& [name, amount] : amounts) {
    if (amount > 0) resources.add(Entry{.name = name, .amount = amount}, 0);
  }
  return resources;
}

Resources Resources::of(Name name, Ranges ranges) {
  return of(Entry{
      .name = std::move(name), .type = Entry::Type::ranges, .ranges = share(std::move(ranges))});
}

Resources Resources::of(Entry entry) {
  Resources resources;
  if (!entry.empty()) resources.entries_.push_back(std::move(entry));
  return resources;
}

Entry* Resources::find(const Entry& entry, size_t hint) {
  if (hint < entries_.size() && joins(entries_[hint], entry)) return &entries_[hint];
  for (Entry& held : entries_) {
    if (joins(held, entry)) return &held;
  }
  return nullptr;
}

void Resources::add(const Entry& entry, size_t hint) {
  if (entry.empty()) return;
  Entry* held = entry.indivisible() && !entry.shared() ? nullptr : find(entry, hint);
  if (!held) {
    entries_.push_back(entry);
  } else if (entry.shared()) {
    held->copies += entry.copies;
  } else {
    increase(*held, entry);
  }
}

bool Resources::subtract(const Entry& entry, size_t hint) {
  Entry* held = find(entry, hint);
  if (!held) return false;
  if (entry.shared()) {
    held->copies -= std::min(held->copies, entry.copies);
  } else if (entry.indivisible()) {
    held->amount = 0;
  } else {
    decrease(*held, entry);
  }
  if (!held->empty()) return false;
  entries_.erase(entries_.begin() + (held - entries_.data()));
  return true;
}

bool Resources::contains(const Entry& entry, size_t hint) const {
  const Entry* held = const_cast<Resources*>(this)->find(entry, hint);
  if (!held) return false;
  if (entry.shared()) return held->copies >= entry.copies;
  return entry.indivisible() || covers(*held, entry);
}

Resources& Resources::operator+=(const Resources& other) {
  if (&other == this) return *this += Resources(other);
  if (entries_.empty()) {
    entries_ = other.entries_;
    return *this;
  }
  for (size_t i = 0; i < other.entries_.size(); ++i) add(other.entries_[i], i);
  return *this;
}

Resources& Resources::operator-=(const Resources& other) {
  if (&other == this) {
    entries_.clear();
    return *this;
  }
  size_t removed = 0;
  for (size_t i = 0; i < other.entries_.size() && !entries_.empty(); ++i) {
    if (subtract(other.entries_[i], i - removed)) ++removed;
  }
  return *this;
}

bool operator==(const Resources& a, const Resources& b) {
  if (a.entries_.size() != b.entries_.size()) return false;
  return a.contains(b) && b.contains(a);
}

bool Resources::contains(const Resources& other) const {
  for (size_t i = 0; i < other.entries_.size(); ++i) {
    const Entry& wanted = other.entries_[i];
    if (!contains(wanted, i)) return false;
    if (!wanted.indivisible() || wanted.shared()) continue;
    // Only these can occur more than once on either side.
    const auto same = [&](const Entry& held) { return joins(held, wanted); };
    if (std::ranges::count_if(entries_, same) < std::ranges::count_if(other.entries_, same))
      return false;
  }
  return true;
}

Resources Resources::allocated_to(const std::string& role) const {
  const auto shared_role = share(role);
  Resources result;
  result.entries_.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry entry = entries_[i];
    entry.role = shared_role;
    result.add(entry, i);
  }
  return result;
}

Resources Resources::unallocated() const {
  Resources result;
  result.entries_.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry entry = entries_[i];
    entry.role = nullptr;
    result.add(entry, i);
  }
  return result;
}

const std::string& Resources::allocation_role() const {
  static const std::string none;
  return entries_.empty() || !entries_.front().role ? none : *entries_.front().role;
}

std::vector<std::string> Resources::allocation_roles() const {
  std::set<std::string> all;
  for (const Entry& entry : entries_) {
    if (entry.role) all.insert(*entry.role);
  }
  return {all.begin(), all.end()};
}

Resources Resources::allocated_part(const std::string& role) const {
  return filter([&](const Entry& entry) { return entry.role && *entry.role == role; });
}

Resources Resources::unreserved() const {
  return filter([](const Entry& entry) { return !entry.reserved(); });
}

Resources Resources::reserved() const {
  return filter([](const Entry& entry) { return entry.reserved(); });
}

Resources Resources::reserved_to(const std::string& role) const {
  return filter(
      [&](const Entry& entry) { return entry.reserved() && entry.reservation_role() == role; });
}

Resources Resources::allocatable_to(const std::string& role) const {
  return filter([&](const Entry& entry) {
    return !entry.reserved() || roles::is_self_or_descendant(role, entry.reservation_role());
  });
}

Resources Resources::scalars() const {
  return filter([](const Entry& entry) { return entry.type == Entry::Type::scalar; });
}

Resources Resources::non_scalars() const {
  return filter([](const Entry& entry) { return entry.type != Entry::Type::scalar; });
}

Resources Resources::revocable() const {
  return filter([](const Entry& entry) { return entry.revocable(); });
}

Resources Resources::non_revocable() const {
  return filter([](const Entry& entry) { return !entry.revocable(); });
}

Resources Resources::shared() const {
  return filter([](const Entry& entry) { return entry.shared(); });
}

Resources Resources::non_shared() const {
  return filter([](const Entry& entry) { return !entry.shared(); });
}

Resources Resources::persistent_volumes() const {
  return filter([](const Entry& entry) { return entry.persistent(); });
}

Resources Resources::named(const Name& name) const {
  return filter([&](const Entry& entry) { return entry.name == name; });
}

Millis Resources::scalar(const Name& name) const {
  Millis sum = 0;
  for (const Entry& entry : entries_) {
    if (entry.type == Entry::Type::scalar && entry.name == name)
      sum = saturating_sum(sum, entry.amount);
  }
  return sum;
}

Ranges Resources::ranges(const Name& name) const {
  Ranges all;
  for (const Entry& entry : entries_) {
    if (entry.type == Entry::Type::ranges && entry.name == name) all += *entry.ranges;
  }
  return all;
}

Quantities Resources::quantities() const {
  Quantities sum;
  for (const Entry& entry : entries_) {
    if (entry.type == Entry::Type::scalar) sum.add(entry.name, entry.amount);
  }
  return sum;
}

bool Resources::has_scalar_of(const Quantities& least) const {
  bool enough = true;
  least.for_each(
      [&](const Name& name, Millis amount) { enough = enough && scalar(name) >= amount; });
  return enough;
}

Resources Resources::shrunk_to(const Quantities& most) const {
  Limits limits;
  for (const Entry& entry : entries_) {
    if (entry.type == Entry::Type::scalar) limits.emplace(entry.name, most.get(entry.name));
  }
  return shrunk_to(limits);
}

Resources Resources::shrunk_to(const Limits& most) const {
  Limits left = most;
  Resources result;
  for (const Entry& entry : entries_) {
    const auto limit = entry.type == Entry::Type::scalar ? left.find(entry.name) : left.end();
    if (limit == left.end()) {
      result.entries_.push_back(entry);
      continue;
    }
    if (entry.amount > limit->second && entry.indivisible()) continue;
    Entry part = entry;
    part.amount = std::min(entry.amount, limit->second);
    if (part.amount <= 0) continue;
    limit->second -= part.amount;
    result.entries_.push_back(std::move(part));
  }
  return result;
}

Resources Resources::with_reservation(const Reservation& reservation) const {
  Resources result;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry entry = entries_[i];
    Traits traits = entry.traits ? *entry.traits : Traits();
    traits.reservations.push_back(reservation);
    entry.traits = share(std::move(traits));
    result.add(entry, i);
  }
  return result;
}

Resources Resources::without_reservation() const {
  Resources result;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry entry = entries_[i];
    if (entry.reserved()) {
      Traits traits = *entry.traits;
      traits.reservations.pop_back();
      entry.traits = simplified(std::move(traits));
    }
    result.add(entry, i);
  }
  return result;
}

Resources Resources::without_persistence() const {
  Resources result;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry entry = entries_[i];
    if (entry.persistent()) {
      Traits traits = *entry.traits;
      traits.disk->clear_persistence();
      traits.disk->clear_volume();
      if (!traits.disk->has_source()) traits.disk.reset();
      traits.shared = false;
      entry.copies = 1;
      entry.traits = simplified(std::move(traits));
    }
    result.add(entry, i);
  }
  return result;
}

Resources Resources::to_unreserved() const {
  Resources result;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry entry = entries_[i];
    if (entry.reserved()) {
      Traits traits = *entry.traits;
      traits.reservations.clear();
      entry.traits = simplified(std::move(traits));
    }
    result.add(entry, i);
  }
  return result;
}

}  // namespace mesolith::model
