// SPDX-License-Identifier: Apache-2.0
// Random sequences of every operation against plain books: what is granted was free, nobody is
// granted what it may not have, and when all has come back everything is there again.
#include <gtest/gtest.h>

#include "master/core/allocator/allocator.hpp"

namespace mesolith::master::allocator {
namespace {

using namespace std::chrono_literals;
using model::Resources;

const std::vector<std::string> all_roles{"*", "eng", "eng/web", "eng/web/api", "ops"};

struct Books {
  struct Framework {
    std::set<std::string> roles, suppressed;
    bool active = true;
    bool known = true;
  };
  struct Agent {
    Resources total;
    bool active = true;
  };
  using Holder = std::pair<FrameworkId, AgentId>;

  Resources held_on(const AgentId& id) const {
    Resources sum;
    for (const auto& [holder, resources] : held)
      if (holder.second == id) sum += resources.unallocated();
    return sum;
  }
  Resources held_in(const std::string& role) const {
    Resources sum;
    for (const auto& [holder, resources] : held) sum += resources.allocated_part(role);
    return sum;
  }

  std::map<FrameworkId, Framework> frameworks;
  std::map<AgentId, Agent> agents;
  std::map<Holder, Resources> held;
};

class Random {
 public:
  explicit Random(uint64_t seed) : rng_(seed) {}

  void step() {
    now_ += Duration(rng_.below(500'000'000));
    const uint64_t action = rng_.below(100);
    if (action < 12) return framework_comes_or_changes();
    if (action < 15) return framework_goes();
    if (action < 22) return agent_comes();
    if (action < 26) return agent_changes_or_goes();
    if (action < 36) return wishes_change();
    if (action < 44) return form_changes();
    if (action < 46) return allocator_.set_weight(one_of(all_roles), 0.5 + 3 * rng_.uniform());
    if (action < 75) return something_comes_back();
    run();
  }

  void check_roles() {
    for (const std::string& role : all_roles)
      EXPECT_EQ(allocator_.allocated(role), books_.held_in(role)) << role;
  }

  // Everybody leaves; one who may have everything must then get everything.
  void check_all_comes_back() {
    for (const auto& [id, framework] : books_.frameworks) {
      if (!framework.known) allocator_.add_framework(id, {"*"}, {}, {});
      allocator_.remove_framework(id);
    }
    for (const std::string& role : all_roles) {
      EXPECT_TRUE(allocator_.allocated(role).empty()) << role;
      EXPECT_EQ(allocator_.role_share(role), 0) << role;
      EXPECT_EQ(allocator_.active_filters(role), 0u) << role;
    }
    EXPECT_EQ(allocator_.next_deadline(), never);
    FrameworkTraits everything{true, true, true, true};
    everything.multi_role = false;  // which would keep it from agents that lack MULTI_ROLE
    allocator_.add_framework(FrameworkId("last"), {all_roles.begin(), all_roles.end()}, everything,
                             {});
    for (const auto& [id, agent] : books_.agents) allocator_.activate_agent(id);
    std::map<AgentId, Resources> got;
    for (const Grant& grant : allocator_.allocate(now_, rng_))
      got[grant.agent_id] += grant.resources.unallocated();
    for (const auto& [id, agent] : books_.agents) EXPECT_EQ(got[id], agent.total) << id.value;
  }

  size_t grants() const { return grants_; }
  size_t changes() const { return changes_; }
  size_t volumes() const { return volumes_; }

 private:
  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[rng_.below(values.size())];
  }
  template <class Map>
  typename Map::iterator one_of(Map& map) {
    return std::next(map.begin(), static_cast<ptrdiff_t>(rng_.below(map.size())));
  }
  std::set<std::string> some_roles() {
    std::set<std::string> roles{one_of(all_roles)};
    if (rng_.chance(0.3)) roles.insert(one_of(all_roles));
    return roles;
  }
  FrameworkTraits some_traits() {
    FrameworkTraits traits;
    traits.gpu_resources = rng_.chance(0.5);
    traits.reservation_refinement = rng_.chance(0.5);
    traits.multi_role = rng_.chance(0.8);
    return traits;
  }
  Resources some_amount() {
    return Resources::of({{model::cpus, static_cast<model::Millis>(1000 * (1 + rng_.below(8)))},
                          {model::mem, static_cast<model::Millis>(64'000 * (1 + rng_.below(8)))}});
  }
  Resources some_agent() {
    Resources total = some_amount() + Resources::of(model::ports, {{31000, 31999}});
    if (rng_.chance(0.2)) total += Resources::of({{model::gpus, 1000}});
    if (rng_.chance(0.5)) total += Resources::of({{model::disk, 1'000'000}});
    if (rng_.chance(0.3)) total += some_amount().with_reservation({.role = "eng"});
    return total;
  }

  void framework_comes_or_changes() {
    const auto roles = some_roles();
    std::set<std::string> suppressed;
    if (rng_.chance(0.2)) suppressed.insert(*roles.begin());
    for (auto& [id, framework] : books_.frameworks) {
      if (framework.known || rng_.chance(0.5)) continue;
      allocator_.add_framework(id, roles, some_traits(), suppressed);
      framework = {roles, suppressed, true, true};
      return;
    }
    if (books_.frameworks.size() < 6 || rng_.chance(0.1)) {
      const FrameworkId id("f" + std::to_string(next_++));
      allocator_.add_framework(id, roles, some_traits(), suppressed);
      books_.frameworks[id] = {roles, suppressed, true, true};
      return;
    }
    const auto chosen = one_of(books_.frameworks);
    if (!chosen->second.known) return;
    allocator_.update_framework(chosen->first, roles, some_traits(), suppressed);
    chosen->second.roles = roles;
    chosen->second.suppressed = suppressed;
  }

  void framework_goes() {
    if (books_.frameworks.empty()) return;
    const auto chosen = one_of(books_.frameworks);
    if (!chosen->second.known) return;
    allocator_.remove_framework(chosen->first);
    EXPECT_TRUE(allocator_.why(now_, chosen->first).empty());
    std::erase_if(books_.held, [&](const auto& held) { return held.first.first == chosen->first; });
    books_.frameworks.erase(chosen);
  }

  void agent_comes() {
    if (books_.agents.size() >= 8) return;
    const AgentId id("s" + std::to_string(next_++));
    const Resources total = some_agent();
    std::map<FrameworkId, Resources> used;
    if (rng_.chance(0.4)) {  // as after a failover: something runs, of one who is not here yet
      const bool here = !books_.frameworks.empty() && rng_.chance(0.5);
      const FrameworkId user =
          here ? one_of(books_.frameworks)->first : FrameworkId("f" + std::to_string(next_++));
      used[user] = Resources::of({{model::cpus, 500}}).allocated_to(one_of(all_roles));
      books_.frameworks.try_emplace(user, Books::Framework{{}, {}, false, false});
      books_.held[{user, id}] += used[user];
    }
    allocator_.add_agent(id, total, rng_.chance(0.8), used);
    books_.agents[id] = {total, true};
  }

  void agent_changes_or_goes() {
    if (books_.agents.empty()) return;
    const auto chosen = one_of(books_.agents);
    const uint64_t change = rng_.below(4);
    if (change == 0) {
      allocator_.remove_agent(chosen->first);
      std::erase_if(books_.held,
                    [&](const auto& held) { return held.first.second == chosen->first; });
      books_.agents.erase(chosen);
    } else if (change == 1) {
      chosen->second.total = some_agent();
      allocator_.update_agent(chosen->first, chosen->second.total);
    } else if (chosen->second.active) {
      allocator_.deactivate_agent(chosen->first);
      chosen->second.active = false;
    } else {
      allocator_.activate_agent(chosen->first);
      chosen->second.active = true;
    }
  }

  void wishes_change() {
    if (books_.frameworks.empty()) return;
    const auto chosen = one_of(books_.frameworks);
    auto& [id, framework] = *chosen;
    if (!framework.known) return;
    const std::string role = *framework.roles.begin();
    switch (rng_.below(4)) {
      case 0:
        allocator_.suppress(id, {role});
        framework.suppressed.insert(role);
        break;
      case 1:
        allocator_.revive(id, {role});
        framework.suppressed.erase(role);
        break;
      case 2:
        allocator_.deactivate_framework(id);
        framework.active = false;
        break;
      case 3:
        allocator_.activate_framework(id);
        framework.active = true;
        break;
    }
  }

  // RESERVE, UNRESERVE, CREATE and DESTROY, of what is held and of what is free.
  void form_changes() {
    if (!books_.held.empty() && rng_.chance(0.7)) {
      auto& [holder, held] = *one_of(books_.held);
      if (!books_.frameworks.at(holder.first).known) return;
      const Resources from = one_entry(held);
      Resources& total = books_.agents.at(holder.second).total;
      if (!total.contains(from.unallocated())) return;
      const Resources to = changed(from);
      allocator_.update_allocation(holder.first, holder.second, from, to);
      held = held - from + to;
      total = total - from.unallocated() + to.unallocated();
    } else if (!books_.agents.empty()) {
      auto& [id, agent] = *one_of(books_.agents);
      const Resources free = agent.total - books_.held_on(id);
      if (free.empty() || !agent.total.contains(books_.held_on(id))) return;
      const Resources from = one_entry(free);
      const Resources to = changed(from);
      allocator_.update_available(id, from, to);
      agent.total = agent.total - from + to;
    }
  }

  Resources one_entry(const Resources& all) {
    const Resources disks = all.named(model::disk);
    if (!disks.empty() && rng_.chance(0.5)) return one_of_entries(disks);
    return one_of_entries(all);
  }
  Resources one_of_entries(const Resources& all) {
    return Resources::of(all.entries()[rng_.below(all.entries().size())]);
  }
  Resources changed(const Resources& from) {
    ++changes_;
    model::Entry entry = from.entries().front();
    if (entry.persistent()) return from.without_persistence();
    if (!entry.reserved()) return from.with_reservation({.dynamic = true, .role = "eng"});
    if (entry.name != model::disk || rng_.chance(0.3)) return from.without_reservation();
    model::Traits traits = *entry.traits;
    traits.disk.emplace().mutable_persistence()->set_id("v" + std::to_string(next_++));
    entry.traits = std::make_shared<const model::Traits>(std::move(traits));
    ++volumes_;
    return Resources::of(entry);
  }

  void something_comes_back() {
    if (books_.held.empty()) return;
    const auto chosen = one_of(books_.held);
    const auto& [framework, agent] = chosen->first;
    if (!books_.frameworks.at(framework).known) return;
    const std::string role = one_of(chosen->second.allocation_roles());
    Resources part = chosen->second.allocated_part(role);
    if (rng_.chance(0.5)) {  // a task's worth stays
      const Resources some = part.shrunk_to(model::Quantities{{model::cpus, 500}});
      part = some.scalars();
    }
    if (part.empty()) return;
    const Duration refuse = std::chrono::seconds(rng_.below(4));
    allocator_.recover(now_, framework, agent, part, refuse);
    chosen->second -= part;
    if (chosen->second.empty()) books_.held.erase(chosen);
  }

  void run() {
    std::set<std::tuple<FrameworkId, std::string, AgentId>> seen;
    std::map<AgentId, Resources> free;
    for (const auto& [id, agent] : books_.agents) free[id] = agent.total - books_.held_on(id);
    for (const Grant& grant : allocator_.allocate(now_, rng_)) {
      ++grants_;
      const Books::Framework& framework = books_.frameworks.at(grant.framework_id);
      EXPECT_TRUE(framework.known && framework.active);
      EXPECT_TRUE(framework.roles.contains(grant.role));
      EXPECT_FALSE(framework.suppressed.contains(grant.role));
      EXPECT_TRUE(books_.agents.at(grant.agent_id).active);
      EXPECT_EQ(grant.resources.allocation_roles(), std::vector{grant.role});
      EXPECT_TRUE(seen.insert({grant.framework_id, grant.role, grant.agent_id}).second);
      const Resources granted = grant.resources.unallocated();
      EXPECT_EQ(granted, granted.allocatable_to(grant.role));
      EXPECT_TRUE(free[grant.agent_id].contains(granted))
          << granted.describe() << " of " << free[grant.agent_id].describe();
      free[grant.agent_id] -= granted;
      books_.held[{grant.framework_id, grant.agent_id}] += grant.resources;
    }
    EXPECT_FALSE(allocator_.dirty());
  }

  Allocator allocator_{Options{}};
  Rng rng_;
  Time now_{1000s};
  Books books_;
  uint64_t next_ = 0;
  size_t grants_ = 0, changes_ = 0, volumes_ = 0;
};

TEST(Conservation, RandomSequencesOfEverything) {
  size_t grants = 0, changes = 0, volumes = 0;
  for (uint64_t seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    for (int step = 0; step < 500 && !testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      random.step();
      random.check_roles();
    }
    random.check_all_comes_back();
    grants += random.grants();
    changes += random.changes();
    volumes += random.volumes();
  }
  EXPECT_GT(grants, 2000u);  // else the sequences say little
  EXPECT_GT(changes, 500u);
  EXPECT_GT(volumes, 50u);
}

}  // namespace
}  // namespace mesolith::master::allocator
