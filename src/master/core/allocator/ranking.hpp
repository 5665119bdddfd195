// SPDX-License-Identifier: Apache-2.0
// Siblings of the share tree in their order: share, then allocations ever made, then name. A heap,
// for almost always only the first is asked for: changing one costs O(log n), and walking k of them
// in order costs O(k log k) beside that. Items are referred to, not owned; they must stay where
// they are. An Item has `Rank rank` and `size_t place` (the heap's own).
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "base/check.hpp"

namespace mesolith::master::allocator {

struct Rank {
  double share = 0;
  uint64_t allocations = 0;
  uint64_t by_name = 0;  // grows with the name among siblings, so that names need not be compared
};

// Gives `position`, new in a map of siblings sorted by name, its number between its neighbours'.
// False when there is no number left between them: then all were numbered anew.
template <class Map, class RankOf>
bool number_by_name(Map& siblings, typename Map::iterator position, RankOf rank_of) {
  constexpr uint64_t first = uint64_t{1} << 62, gap = uint64_t{1} << 32;
  const auto next = std::next(position);
  const bool alone = siblings.size() == 1, last = next == siblings.end();
  uint64_t& number = rank_of(*position).by_name;
  const uint64_t above = last ? 0 : rank_of(*next).by_name;
  const uint64_t below = position == siblings.begin() ? above - std::min(above, 2 * gap)
                                                      : rank_of(*std::prev(position)).by_name;
  number = alone ? first : last ? below + gap : below + (above - below) / 2;
  if (alone || (number > below && (last || number < above))) return true;
  uint64_t fresh = first;
  for (auto& sibling : siblings) rank_of(sibling).by_name = fresh += gap;
  return false;
}

template <class Item>
class Ranking {
 public:
  class Cursor;

  bool empty() const { return slots_.empty(); }
  void insert(Item& item);
  void erase(Item& item);
  void moved(Item& item);  // after its rank changed
  void clear() { slots_.clear(); }

 private:
  struct Slot {
    Rank rank;
    Item* item;
  };
  static constexpr size_t fan_out = 4;

  static bool before(const Slot& a, const Slot& b) {
    if (a.rank.share != b.rank.share) return a.rank.share < b.rank.share;
    if (a.rank.allocations != b.rank.allocations) return a.rank.allocations < b.rank.allocations;
    return a.rank.by_name < b.rank.by_name;
  }
  void put(size_t place, const Slot& slot) {
    slots_[place] = slot;
    slot.item->place = place;
  }
  void settle(size_t place, const Slot& slot);

  std::vector<Slot> slots_;
};

// Goes through a ranking in order. The ranking must not change meanwhile.
template <class Item>
class Ranking<Item>::Cursor {
 public:
  explicit Cursor(const Ranking& ranking) : slots_(ranking.slots_) {}
  Item* next();  // null at the end

 private:
  const std::vector<Slot>& slots_;
  size_t last_ = 0;
  bool started_ = false;
  std::vector<size_t> frontier_;  // a heap of places whose parents were passed
};

template <class Item>
void Ranking<Item>::insert(Item& item) {
  slots_.emplace_back();
  settle(slots_.size() - 1, {item.rank, &item});
}

template <class Item>
void Ranking<Item>::erase(Item& item) {
  const size_t place = item.place;
  CHECK(place < slots_.size() && slots_[place].item == &item);
  const Slot last = slots_.back();
  slots_.pop_back();
  if (place < slots_.size()) settle(place, last);
}

template <class Item>
void Ranking<Item>::moved(Item& item) {
  CHECK(item.place < slots_.size() && slots_[item.place].item == &item);
  settle(item.place, {item.rank, &item});
}

template <class Item>
void Ranking<Item>::settle(size_t place, const Slot& slot) {
  while (place > 0 && before(slot, slots_[(place - 1) / fan_out])) {
    put(place, slots_[(place - 1) / fan_out]);
    place = (place - 1) / fan_out;
  }
  for (;;) {
    const size_t first = place * fan_out + 1;
    if (first >= slots_.size()) break;
    const size_t end = std::min(first + fan_out, slots_.size());
    size_t least = first;
    for (size_t child = first + 1; child < end; ++child) {
      if (before(slots_[child], slots_[least])) least = child;
    }
    if (!before(slots_[least], slot)) break;
    put(place, slots_[least]);
    place = least;
  }
  put(place, slot);
}

template <class Item>
Item* Ranking<Item>::Cursor::next() {
  if (!started_) {
    started_ = true;
    return slots_.empty() ? nullptr : slots_[0].item;
  }
  const auto later = [this](size_t a, size_t b) { return before(slots_[b], slots_[a]); };
  const size_t first = last_ * fan_out + 1;
  for (size_t child = first; child < std::min(first + fan_out, slots_.size()); ++child) {
    frontier_.push_back(child);
    std::ranges::push_heap(frontier_, later);
  }
  if (frontier_.empty()) return nullptr;
  std::ranges::pop_heap(frontier_, later);
  last_ = frontier_.back();
  frontier_.pop_back();
  return slots_[last_].item;
}

}  // namespace mesolith::master::allocator
