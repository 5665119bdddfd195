// SPDX-License-Identifier: Apache-2.0
#include "master/core/allocator/share_tree.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"
#include "master/core/allocator/internal.hpp"

namespace mesolith::master::allocator {
namespace {

struct Item {
  Rank rank;
  size_t place = 0;
};

std::vector<const Item*> in_order(const Ranking<Item>& ranking) {
  std::vector<const Item*> items;
  Ranking<Item>::Cursor cursor(ranking);
  while (const Item* item = cursor.next()) items.push_back(item);
  return items;
}

TEST(Ranking, IsInOrderAfterAnyChange) {
  Rng rng(3);
  std::map<int, Item> items;
  Ranking<Item> ranking;
  for (int step = 0; step < 2000; ++step) {
    const int key = static_cast<int>(rng.below(60));
    const auto found = items.find(key);
    if (found == items.end()) {
      Item& item = items[key];
      item.rank = {static_cast<double>(rng.below(4)), rng.below(3), static_cast<uint64_t>(key)};
      ranking.insert(item);
    } else if (rng.chance(0.3)) {
      ranking.erase(found->second);
      items.erase(found);
    } else {
      found->second.rank.share = static_cast<double>(rng.below(4));
      ranking.moved(found->second);
    }
    std::vector<const Item*> expected;
    for (const auto& [id, item] : items) expected.push_back(&item);
    std::ranges::sort(expected, {}, [](const Item* item) {
      return std::tuple(item->rank.share, item->rank.allocations, item->rank.by_name);
    });
    ASSERT_EQ(in_order(ranking), expected);
  }
}

TEST(Ranking, NumbersGrowWithNames) {
  Rng rng(5);
  std::map<std::string, Rank> siblings;
  const auto rank_of = [](auto& sibling) -> Rank& { return sibling.second; };
  bool anew = false;
  const auto add = [&](const std::string& name) {
    const auto [position, inserted] = siblings.emplace(name, Rank());
    if (inserted) anew = !number_by_name(siblings, position, rank_of) || anew;
    uint64_t last = 0;
    for (const auto& [key, rank] : siblings) {
      ASSERT_GT(rank.by_name, last) << key;
      last = rank.by_name;
    }
  };
  for (int i = 0; i < 300; ++i) add(std::to_string(rng.below(100'000)));
  for (int i = 0; i < 100; ++i) add("m" + std::string(static_cast<size_t>(100 - i), 'a'));  // down
  for (int i = 0; i < 100; ++i) add("z" + std::string(static_cast<size_t>(i), 'z'));        // up
  for (int i = 0; i < 100; ++i) add(std::string(static_cast<size_t>(100 - i), ' '));  // in front
  EXPECT_TRUE(anew);
}

class ShareTreeTest : public testing::Test {
 protected:
  void add(const std::string& role, const std::string& id) {
    const auto position = frameworks_.try_emplace(FrameworkId(id)).first;
    position->second.id = &position->first;
    tree_.subscribe(role, position->first, position->second);
    tree_.set_active(role, position->first, true);
  }
  void allocate(const std::string& role, const std::string& id, model::Millis cpus) {
    tree_.allocate(role, FrameworkId(id), frameworks_.at(FrameworkId(id)), {{model::cpus, cpus}},
                   ShareTree::Count::allocation);
  }
  std::string order() {
    std::string text;
    tree_.walk([&](const ShareTree::Client& client) {
      text += (text.empty() ? "" : " ") + client.node->path + ":" + client.id->value;
      return true;
    });
    return text;
  }

  std::map<FrameworkId, FrameworkEntry> frameworks_;
  ShareTree tree_{{"disk"}};
};

TEST_F(ShareTreeTest, TiesAreByAllocationsThenByName) {
  tree_.set_total({{model::cpus, 10'000}});
  add("b", "2");
  add("b", "1");
  add("a", "3");
  EXPECT_EQ(order(), "a:3 b:1 b:2");
  allocate("a", "3", 1000);
  tree_.release("a", FrameworkId("3"), {{model::cpus, 1000}});
  EXPECT_EQ(order(), "b:1 b:2 a:3");  // it once had something
}

TEST_F(ShareTreeTest, SiblingsAreOrderedAtEachLevel) {
  tree_.set_total({{model::cpus, 10'000}});
  add("eng", "own");
  add("eng/web", "web");
  add("ops", "ops");
  allocate("eng/web", "web", 1000);
  EXPECT_EQ(order(), "ops:ops eng:own eng/web:web");
  allocate("eng", "own", 2000);
  allocate("ops", "ops", 4000);
  EXPECT_EQ(order(), "eng/web:web eng:own ops:ops");
  tree_.set_weight("ops", 2);
  EXPECT_EQ(order(), "ops:ops eng/web:web eng:own");
  EXPECT_EQ(tree_.role_share("ops"), 0.2);
}

TEST_F(ShareTreeTest, ExcludedResourcesAndThoseWithoutATotalDoNotCount) {
  tree_.set_total({{model::cpus, 10'000}, {model::disk, 1000}});
  add("a", "1");
  tree_.allocate("a", FrameworkId("1"), frameworks_.at(FrameworkId("1")),
                 {{model::cpus, 1000}, {model::disk, 900}, {model::Name("licences"), 5}},
                 ShareTree::Count::allocation);
  EXPECT_EQ(tree_.framework_share("a", FrameworkId("1")), 0.1);
}

TEST_F(ShareTreeTest, IdleClientsAndEmptyRolesAreForgotten) {
  tree_.set_total({{model::cpus, 10'000}});
  add("a/b/c", "1");
  allocate("a/b/c", "1", 1000);
  tree_.unsubscribe("a/b/c", FrameworkId("1"));
  EXPECT_EQ(order(), "");
  EXPECT_EQ(tree_.role_share("a"), 0.1);  // still counted
  tree_.release("a/b/c", FrameworkId("1"), {{model::cpus, 1000}});
  EXPECT_EQ(tree_.role_share("a"), 0);
  add("a/b/c", "1");
  EXPECT_EQ(order(), "a/b/c:1");
}

}  // namespace
}  // namespace mesolith::master::allocator
