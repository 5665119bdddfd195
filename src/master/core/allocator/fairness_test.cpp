// SPDX-License-Identifier: Apache-2.0
// What dominant resource fairness promises (Ghodsi et al., NSDI 2011, section 3), over random small
// pools. The paper's tasks may be cut into any pieces; ours may not, so that each promise holds up
// to one task. The bounds below are proved for whole tasks: a framework that is refused for the
// first time has, in its dominant share, at least what each other had before its last task.
#include <gtest/gtest.h>

#include "master/core/allocator/allocator.hpp"
#include "model/fair_share.hpp"

namespace mesolith::master::allocator {
namespace {

using namespace std::chrono_literals;
using model::Millis;
using model::Quantities;
using model::Resources;

#ifdef __OPTIMIZE__
constexpr uint64_t cases = 100'000;
#else
constexpr uint64_t cases = 10'000;
#endif

const std::vector<model::Name> names{model::cpus, model::mem, model::disk};

struct Pool {
  Quantities total;  // of each agent
  size_t agents = 1;
  std::vector<Quantities> demands;  // one task of each framework
};

struct Outcome {
  std::vector<int64_t> tasks;
  std::vector<Quantities> left;  // of each agent
};

FrameworkId framework(size_t i) {
  return FrameworkId("f" + std::to_string(i));
}

// Each framework launches one task of what it is offered and gives the rest back; where not one
// fits, it declines for longer than the run lasts.
Outcome fill(const Pool& pool, uint64_t seed) {
  Allocator allocator{Options{}};
  Rng rng(seed);
  const Time now(1000s);
  Outcome outcome{std::vector<int64_t>(pool.demands.size()),
                  std::vector<Quantities>(pool.agents, pool.total)};
  for (size_t i = 0; i < pool.demands.size(); ++i)
    allocator.add_framework(framework(i), {"*"}, {}, {});
  for (size_t i = 0; i < pool.agents; ++i)
    allocator.add_agent(AgentId(std::to_string(i)), Resources::of(pool.total), true, {});
  while (allocator.dirty()) {
    for (const Grant& grant : allocator.allocate(now, rng)) {
      const size_t i = std::stoul(grant.framework_id.value.substr(1));
      const Resources task = Resources::of(pool.demands[i]).allocated_to("*");
      if (!grant.resources.contains(task)) {
        allocator.recover(now, grant.framework_id, grant.agent_id, grant.resources, 24h);
        continue;
      }
      ++outcome.tasks[i];
      outcome.left[std::stoul(grant.agent_id.value)] -= pool.demands[i];
      allocator.recover(now, grant.framework_id, grant.agent_id, grant.resources - task, {});
    }
  }
  return outcome;
}

Pool random_pool(Rng& rng, bool one_bottleneck) {
  Pool pool;
  const size_t resources = 1 + rng.below(names.size());
  for (size_t r = 0; r < resources; ++r)
    pool.total.set(names[r], static_cast<Millis>(1000 * (5 + rng.below(20))));
  for (size_t n = 2 + rng.below(4); n > 0; --n) {
    Quantities task;
    double most = 1;  // part of the first resource, which no other exceeds if it is the bottleneck
    for (size_t r = 0; r < resources; ++r) {
      const auto total = static_cast<double>(pool.total.get(names[r]));
      double part = (r == 0 || rng.chance(0.8)) ? 0.02 + 0.38 * rng.uniform() : 0;
      if (one_bottleneck) part = r == 0 ? part : part * most;
      if (r == 0) most = part;
      task.set(names[r], static_cast<Millis>(part * total));
    }
    pool.demands.push_back(task);
  }
  return pool;
}

double share(const Quantities& amount, const Quantities& total) {
  double most = 0;
  amount.for_each([&](const model::Name& name, Millis value) {
    most = std::max(most, static_cast<double>(value) / static_cast<double>(total.get(name)));
  });
  return most;
}

Quantities times(const Quantities& task, int64_t count) {
  Quantities sum;
  task.for_each([&](const model::Name& name, Millis value) { sum.set(name, value * count); });
  return sum;
}

int64_t tasks_within(const Quantities& bundle, const Quantities& task) {
  int64_t most = INT64_MAX;
  task.for_each([&](const model::Name& name, Millis value) {
    most = std::min(most, std::max<Millis>(bundle.get(name), 0) / value);
  });
  return most;
}

std::string describe(const Pool& pool, const Outcome& outcome) {
  std::string text = "total " + pool.total.describe();
  for (size_t i = 0; i < pool.demands.size(); ++i)
    text += "\n" + std::to_string(outcome.tasks[i]) + " tasks of " + pool.demands[i].describe();
  return text;
}

// Nobody has less than an equal part of the pool, but for the mean size of a task.
void expect_sharing_incentive(const Pool& pool, const Outcome& outcome) {
  const auto n = static_cast<double>(pool.demands.size());
  double one_task_each = 0;
  for (const Quantities& demand : pool.demands) one_task_each += share(demand, pool.total);
  for (size_t i = 0; i < pool.demands.size(); ++i) {
    const double own = share(times(pool.demands[i], outcome.tasks[i]), pool.total);
    EXPECT_GE(own + one_task_each / n, 1 / n - 1e-9) << describe(pool, outcome);
  }
}

// With what another has, less one of its tasks, nobody could run more tasks than it runs.
void expect_no_envy(const Pool& pool, const Outcome& outcome) {
  for (size_t i = 0; i < pool.demands.size(); ++i) {
    for (size_t j = 0; j < pool.demands.size(); ++j) {
      if (i == j || outcome.tasks[j] == 0) continue;
      const Quantities bundle = times(pool.demands[j], outcome.tasks[j] - 1);
      EXPECT_LE(tasks_within(bundle, pool.demands[i]), outcome.tasks[i])
          << i << " envies " << j << "\n"
          << describe(pool, outcome);
    }
  }
}

// Where everybody needs most of one resource, it is shared max-min fairly.
void expect_bottleneck_fairness(const Pool& pool, const Outcome& outcome) {
  for (size_t i = 0; i < pool.demands.size(); ++i) {
    const double own = share(times(pool.demands[i], outcome.tasks[i]), pool.total);
    for (size_t j = 0; j < pool.demands.size(); ++j) {
      const double other = share(times(pool.demands[j], outcome.tasks[j]), pool.total);
      const double slack = share(pool.demands[i], pool.total) + share(pool.demands[j], pool.total);
      EXPECT_LE(other - own, slack + 1e-9) << describe(pool, outcome);
    }
  }
}

// Nothing is left in which a further task fits.
void expect_pareto_efficiency(const Pool& pool, const Outcome& outcome) {
  for (const Quantities& left : outcome.left) {
    EXPECT_EQ(left, left.positive());
    for (const Quantities& demand : pool.demands)
      EXPECT_FALSE(left.contains(demand)) << describe(pool, outcome);
  }
}

TEST(Fairness, RandomPools) {
  Rng rng(2011);
  for (uint64_t i = 0; i < cases && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(testing::Message() << "case " << i);
    const bool one_bottleneck = i % 4 == 0;
    const Pool pool = random_pool(rng, one_bottleneck);
    const Outcome outcome = fill(pool, i);
    expect_sharing_incentive(pool, outcome);
    expect_no_envy(pool, outcome);
    expect_pareto_efficiency(pool, outcome);
    if (one_bottleneck) expect_bottleneck_fairness(pool, outcome);
  }
}

// Over many agents, each a pool of its own, what does not fit anywhere is lost; how far the shares
// then are from the ideal of one big pool with tasks that can be cut.
TEST(Fairness, ManyAgentsComeNearTheIdeal) {
  Rng rng(7);
  double worst = 0, sum = 0;
  size_t count = 0;
  for (int round = 0; round < 20; ++round) {
    Pool pool;
    pool.agents = 40;
    pool.total = {{model::cpus, 16'000}, {model::mem, 64'000}};
    for (int i = 0; i < 5; ++i) {
      pool.demands.push_back({{model::cpus, static_cast<Millis>(250 * (1 + rng.below(8)))},
                              {model::mem, static_cast<Millis>(500 * (1 + rng.below(16)))}});
    }
    const Outcome outcome = fill(pool, static_cast<uint64_t>(round));
    expect_pareto_efficiency(pool, outcome);
    const Quantities totals = times(pool.total, static_cast<int64_t>(pool.agents));
    std::vector<model::Demand> demands;
    for (const Quantities& demand : pool.demands) demands.push_back({demand});
    const std::vector<double> ideal = model::dominant_shares(demands, totals);
    for (size_t i = 0; i < demands.size(); ++i) {
      const double own = share(times(pool.demands[i], outcome.tasks[i]), totals);
      worst = std::max(worst, std::abs(own - ideal[i]));
      sum += std::abs(own - ideal[i]);
      ++count;
    }
  }
  const double mean = sum / static_cast<double>(count);
  std::printf("distance to the ideal dominant share: mean %.4f, worst %.4f\n", mean, worst);
  RecordProperty("ideal_distance_mean", std::to_string(mean));
  RecordProperty("ideal_distance_worst", std::to_string(worst));
  EXPECT_LT(mean, 0.02);
  EXPECT_LT(worst, 0.15);  // a task is up to an eighth of an agent: some of each is lost
}

}  // namespace
}  // namespace mesolith::master::allocator
