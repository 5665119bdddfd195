// SPDX-License-Identifier: Apache-2.0
// Hierarchical dominant resource fairness (Ghodsi et al., NSDI 2011; mesos-api.md section 7),
// event-driven: every change marks the agents and frameworks it touches; allocate() looks only at
// those. Offered resources count as allocated. Pure: time and dice are handed in. Names of
// frameworks, agents and roles must be known where the text says so; an unknown one is a
// programming error (CHECK).
//
// Cost: allocate() is O(dirty agents x log frameworks) when offers are accepted by whoever is first
// in order.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"
#include "master/core/allocator/quotas.hpp"
#include "model/offer_constraints.hpp"
#include "model/quantities.hpp"
#include "model/resources.hpp"

namespace mesolith::master::allocator {

struct Options {
  std::vector<model::Quantities>
      min_allocatable;  // an offer must contain one of these; empty: anything non-empty
  std::set<std::string> fair_sharing_excluded;  // resource names that do not count for shares
  Duration allocation_interval = std::chrono::seconds(1);  // filters live at least this long
  bool filter_gpu_resources = true;
  size_t decisions_max = 1024;  // oldest records are dropped beyond this
};

struct FrameworkTraits {  // what decides eligibility, from FrameworkInfo.capabilities
  bool gpu_resources = false;
  bool revocable_resources = false;
  bool shared_resources = false;
  bool reservation_refinement = false;
  bool multi_role = false;
  bool region_aware = false;
  std::map<std::string, std::shared_ptr<const model::OfferConstraints>> constraints;  // by role
};

struct Grant {  // resources to be offered; already counted as allocated, allocation role set in
                // them
  FrameworkId framework_id;
  std::string role;
  AgentId agent_id;
  model::Resources resources;
};

struct PassedOver {  // somebody who came before the winner in the order, or had a claim, and why it
                     // got nothing
  FrameworkId framework_id;
  std::string role;
  std::string reason;  // one plain clause: "declined this for another 3 s", "suppressed", "lacks
                       // GPU_RESOURCES"
};
struct Decision {
  uint64_t number = 0;
  Time when{};
  AgentId agent_id;
  std::string resources;     // text form
  FrameworkId framework_id;  // empty when nobody took the agent
  std::string role;
  double role_share_before = 0, role_share_after = 0;            // dominant share / weight
  double framework_share_before = 0, framework_share_after = 0;  // within the role
  std::string dominant_resource;
  std::vector<PassedOver> passed_over;
};

class Allocator {
 public:
  struct State;  // of this room only

  explicit Allocator(Options options);
  ~Allocator();
  Allocator(Allocator&&) noexcept;
  Allocator& operator=(Allocator&&) noexcept;

  void add_framework(const FrameworkId&, const std::set<std::string>& roles, FrameworkTraits,
                     const std::set<std::string>& suppressed);  // active from now on
  void update_framework(const FrameworkId&, const std::set<std::string>& roles, FrameworkTraits,
                        const std::set<std::string>& suppressed);
  void activate_framework(const FrameworkId&);
  void deactivate_framework(const FrameworkId&);  // keeps its allocation; erases its filters
  void remove_framework(const FrameworkId&);      // whatever it still holds is recovered first

  // `used` is what runs there already, by framework (allocation roles set); frameworks not yet
  // known are counted when added.
  void add_agent(const AgentId&, const model::Resources& total, bool multi_role_capable,
                 const std::map<FrameworkId, model::Resources>& used);
  void update_agent(const AgentId&, const model::Resources& total);
  void describe_agent(const AgentId&, const mesos::v1::AgentInfo&);  // for offer constraints
  void activate_agent(const AgentId&);
  void deactivate_agent(const AgentId&);
  void remove_agent(const AgentId&);

  // Resources that were offered or used come back. `refuse` > 0 also keeps them from this framework
  // for that long.
  void recover(Time now, const FrameworkId&, const AgentId&, const model::Resources&,
               Duration refuse);
  // Resources change their form (reservations, volumes) while allocated.
  void update_allocation(const FrameworkId&, const AgentId&, const model::Resources& from,
                         const model::Resources& to);
  // A shared volume that the framework was offered is used once more; each use is recovered by
  // itself.
  void use_again(const FrameworkId&, const AgentId&, const model::Resources& shared);
  void update_available(const AgentId&, const model::Resources& from, const model::Resources& to);

  // Neither offered nor used, unallocated.
  model::Resources available(const AgentId&) const;

  void suppress(const FrameworkId&, const std::set<std::string>& roles);
  void revive(const FrameworkId&,
              const std::set<std::string>& roles);  // unsuppress and drop filters of these roles
  void set_weight(const std::string& role, double weight);  // > 0
  double weight(const std::string& role) const;
  // Of a top-level role; an empty quota is none.
  void set_quota(const std::string& role, Quota quota);
  // What counts against a quota, whether the role has one or not: with all its descendants, offers
  // included.
  model::Quantities consumed(const std::string& role) const;
  // Free everywhere, unreserved and not revocable; on active agents.
  model::Quantities headroom() const;
  // What guarantees that are not fulfilled need of that.
  model::Quantities required_headroom() const;

  bool dirty() const;  // allocate() may have something to do now
  std::vector<Grant> allocate(Time now, Rng&);
  Time next_deadline() const;  // when the next filter ends that keeps something back; never if none

  double role_share(const std::string& role) const;  // dominant share / weight
  double framework_share(const FrameworkId&, const std::string& role) const;
  model::Resources allocated(const std::string& role) const;  // offered and used, of that very role
  std::vector<Decision> decisions() const;                    // oldest first
  // One sentence per role: why this framework has no offer now. Empty when it is not known.
  std::vector<std::string> why(Time now, const FrameworkId&) const;
  size_t active_filters(const std::string& role) const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace mesolith::master::allocator
