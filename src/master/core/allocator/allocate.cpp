// SPDX-License-Identifier: Apache-2.0
// One run over the dirty agents (mesos-api.md 7.3, stage 2): on each agent the first framework in
// order that may have what is free there takes all of it; what is reserved for other roles is then
// offered to those.
#include <algorithm>

#include "base/check.hpp"
#include "master/core/allocator/internal.hpp"
#include "model/roles.hpp"

namespace mesolith::master::allocator {
namespace {

struct Passing {
  const ShareTree::Client* client;
  Reason reason;
  Time until;
};

struct Taken {
  ShareTree::Client* client;
  model::Resources resources;
  size_t passed_over;  // how many of the run's passings come before it
};

// What a Record will say. Only the last of a run are kept, so that they are written at its end.
struct Note {
  const AgentEntry* agent;
  size_t grant;  // its place; none when nobody took the agent
  size_t passed_from, passed_to;
  double role_before, role_after, framework_before, framework_after;
  model::Name dominant;
};
constexpr size_t no_grant = SIZE_MAX;

struct Run {
  Allocator::State& state;
  Time now;
  std::vector<Grant> grants;
  std::vector<Note> notes;  // the last decisions_max: note n is at n % decisions_max
  size_t notes_made = 0;
  std::vector<Passing> passed_over;
  std::vector<Taken> taken;  // on one agent
};

std::vector<AgentEntry*> dirty_agents(Allocator::State& state) {
  std::vector<AgentEntry*> agents;
  const auto visit = [&](AgentEntry& agent) {
    agent.dirty = false;
    if (agent.active && !agent.available.empty()) agents.push_back(&agent);
  };
  if (state.all_dirty) {
    agents.reserve(state.agents.size());
    for (auto& [id, agent] : state.agents) visit(agent);
  } else {
    agents.reserve(state.dirty.size());
    for (AgentEntry* agent : state.dirty) visit(*agent);
  }
  state.dirty.clear();
  state.all_dirty = false;
  return agents;
}

bool held_for_some(const AgentEntry& agent) {
  return std::ranges::any_of(agent.available.entries(), [](const model::Entry& entry) {
    return entry.reserved() || entry.shared() || entry.revocable();
  });
}

enum class Pass {
  guarantees,  // only roles whose guarantee is not fulfilled
  all,
};

// Who takes what on one agent. `available` shrinks; shares move only afterwards, so that the order
// is one order for the whole agent.
void walk_agent(Run& run, AgentEntry& agent, Pass pass) {
  run.taken.clear();
  if (agent.plain && !allocatable(run.state.options, agent.available)) return;
  const Filters::OfAgent* filters = run.state.filters.on(*agent.id);
  size_t passed_now = 0;
  Quotas& quotas = run.state.quotas;
  run.state.shares.walk([&](ShareTree::Client& client) {
    if (pass == Pass::guarantees && quotas.unfulfilled(client.node->path).empty()) return true;
    Candidate found = candidate(run.state, filters, agent, *client.framework, client.node->path);
    if (found.refused != Reason::none) {
      // What is left after somebody took is reserved: that it is not for others says nothing.
      const bool noise = !run.taken.empty() && found.refused == Reason::nothing_for_role;
      if (passed_now < passed_over_max && !noise) {
        run.passed_over.push_back({&client, found.refused, found.until});
        ++passed_now;
      }
      return true;
    }
    passed_now = 0;
    if (found.everything) {
      if (!quotas.empty()) quotas.take(client.node->path, agent.available);
      run.taken.push_back({&client, std::exchange(agent.available, {}), run.passed_over.size()});
      return false;
    }
    agent.available -= found.part;
    if (!quotas.empty()) quotas.take(client.node->path, found.part);
    run.taken.push_back({&client, std::move(found.part), run.passed_over.size()});
    return quotas.empty() ? held_for_some(agent) : !agent.available.empty();
  });
  for (const Taken& taken : run.taken) {
    if (!agent.plain) agent.available += taken.resources.shared();  // never used up
  }
  note_available(agent);
}

void add_note(Run& run, Note note) {
  const size_t most = run.state.options.decisions_max;
  if (most == 0) return;
  if (run.notes.size() < most) {
    run.notes.push_back(std::move(note));
  } else {
    run.notes[run.notes_made % most] = std::move(note);
  }
  ++run.notes_made;
}

void grant(Run& run, AgentEntry& agent, Taken& taken, size_t passed_from) {
  ShareTree::Client& client = *taken.client;
  ShareTree::Node& node = *client.node;
  Note note{&agent,
            run.grants.size(),
            passed_from,
            taken.passed_over,
            node.rank.share,
            0,
            client.rank.share,
            0,
            {}};
  model::Resources resources = taken.resources.allocated_to(node.path);
  run.state.shares.allocate(client, resources.quantities(), ShareTree::Count::allocation);
  note.role_after = node.rank.share;
  note.framework_after = client.rank.share;
  note.dominant = run.state.shares.dominance(client.allocated).name;
  add_note(run, std::move(note));
  holding(agent, *client.framework).resources += resources;
  run.grants.push_back({*client.id, node.path, *agent.id, std::move(resources)});
}

// Nobody wanted an agent: said once, until somebody takes something of it.
void leave_over(Run& run, AgentEntry& agent, size_t passed_from) {
  if (agent.left_over || run.passed_over.size() == passed_from) return;
  agent.left_over = true;
  add_note(run, {&agent, no_grant, passed_from, run.passed_over.size(), 0, 0, 0, 0, {}});
}

// What a slot of the ring held before is overwritten in place.
void write_record(const Run& run, const Note& note, Record& record) {
  const Grant* grant = note.grant == no_grant ? nullptr : &run.grants[note.grant];
  record.when = run.now;
  record.agent_id = *note.agent->id;
  record.framework_id = grant ? grant->framework_id : FrameworkId();
  record.role = grant ? grant->role : "";
  record.resources = grant ? grant->resources : note.agent->available;
  record.dominant = note.dominant;
  record.role_before = note.role_before;
  record.role_after = note.role_after;
  record.framework_before = note.framework_before;
  record.framework_after = note.framework_after;
  record.passed_over.clear();
  for (size_t i = note.passed_from; i < note.passed_to; ++i) {
    const Passing& passing = run.passed_over[i];
    record.passed_over.push_back(
        {*passing.client->id, passing.client->node->path, passing.reason, passing.until});
  }
}

void write_records(const Run& run) {
  Allocator::State& state = run.state;
  state.next_record += run.notes_made - run.notes.size();
  for (size_t i = run.notes_made - run.notes.size(); i < run.notes_made; ++i) {
    const size_t slot = state.next_record % state.options.decisions_max;
    if (state.records.size() <= slot) state.records.resize(slot + 1);
    state.records[slot].number = state.next_record++;
    write_record(run, run.notes[i % state.options.decisions_max], state.records[slot]);
  }
}

// Agents come in random order from all over memory: what the next ones need is asked for early.
void prefetch(const std::vector<AgentEntry*>& agents, size_t current) {
  constexpr size_t near = 4, far = 8;
  if (current + far < agents.size()) {
    const char* entry = reinterpret_cast<const char*>(agents[current + far]);
    for (size_t offset = 0; offset < sizeof(AgentEntry); offset += 64)
      __builtin_prefetch(entry + offset);
  }
  if (current + near >= agents.size()) return;
  const AgentEntry& agent = *agents[current + near];
  const char* entries = reinterpret_cast<const char*>(agent.available.entries().data());
  for (size_t offset = 0; offset < agent.available.entries().size_bytes(); offset += 64)
    __builtin_prefetch(entries + offset);
  __builtin_prefetch(agent.id->value.data());
}

void offer_agents(Run& run, const std::vector<AgentEntry*>& agents, Pass pass) {
  for (size_t i = 0; i < agents.size(); ++i) {
    prefetch(agents, i);
    AgentEntry& agent = *agents[i];
    size_t passed_from = run.passed_over.size();
    walk_agent(run, agent, pass);
    if (run.taken.empty()) {
      if (pass == Pass::all) leave_over(run, agent, passed_from);
      continue;
    }
    agent.left_over = false;
    for (Taken& taken : run.taken) {
      grant(run, agent, taken, passed_from);
      passed_from = taken.passed_over;
    }
  }
}

bool may_have(const FrameworkTraits& traits, const model::Entry& entry) {
  if (entry.revocable() && !traits.revocable_resources) return false;
  if (entry.shared() && !traits.shared_resources) return false;
  return !entry.reserved() || entry.traits->reservations.size() < 2 ||
         traits.reservation_refinement;
}

}  // namespace

void note_available(AgentEntry& agent) {
  agent.plain = std::ranges::all_of(agent.available.entries(),
                                    [](const model::Entry& entry) { return entry.plain(); });
}

void mark_dirty(Allocator::State& state, AgentEntry& agent) {
  if (agent.dirty) return;
  agent.dirty = true;
  state.dirty.push_back(&agent);
}

Holding& holding(AgentEntry& agent, FrameworkEntry& framework) {
  for (Holding& holding : agent.held) {
    if (holding.framework == &framework) return holding;
  }
  ++framework.agents_held;
  return agent.held.emplace_back(Holding{&framework, {}});
}

bool allocatable(const Options& options, const model::Resources& resources) {
  if (options.min_allocatable.empty()) return !resources.empty();
  return std::ranges::any_of(options.min_allocatable, [&](const model::Quantities& least) {
    return resources.has_scalar_of(least);
  });
}

Candidate candidate(const Allocator::State& state, const Filters::OfAgent* filters,
                    const AgentEntry& agent, const FrameworkEntry& framework,
                    const std::string& role) {
  const FrameworkTraits& traits = framework.traits;
  if (agent.gpus && state.options.filter_gpu_resources && !traits.gpu_resources) {
    return {.refused = Reason::needs_gpu_capability};
  }
  if (!agent.multi_role && (traits.multi_role || role.find('/') != std::string::npos)) {
    return {.refused = Reason::needs_multi_role_agent};
  }
  if (!traits.constraints.empty()) {
    const auto constraints = traits.constraints.find(role);
    if (constraints != traits.constraints.end() && !constraints->second->admit(agent.info)) {
      return {.refused = Reason::constrained};
    }
  }
  Candidate found{.everything = agent.plain};
  if (!agent.plain) {
    found.part = agent.available.allocatable_to(role).filter(
        [&](const model::Entry& entry) { return may_have(traits, entry); });
  }
  const model::Resources& offer = agent.plain ? agent.available : found.part;
  if (offer.empty()) return {.refused = Reason::nothing_for_role};
  if (!allocatable(state.options, offer)) return {.refused = Reason::too_small};
  if (!state.quotas.empty()) {
    found.part = state.quotas.cut(role, offer);
    found.everything = agent.plain && found.part == agent.available;
    if (!allocatable(state.options, found.part)) return {.refused = Reason::over_quota};
    if (const auto until = Filters::keeps_back(filters, *framework.id, role, found.part)) {
      return {.refused = Reason::filtered, .until = *until};
    }
    return found;
  }
  if (const auto until = Filters::keeps_back(filters, *framework.id, role, offer)) {
    return {.refused = Reason::filtered, .until = *until};
  }
  return found;
}

std::vector<Grant> Allocator::allocate(Time now, Rng& rng) {
  State& state = *state_;
  for (const AgentId& id : state.filters.expire(now)) mark_dirty(state, state.agents.at(id));
  std::vector<AgentEntry*> agents = dirty_agents(state);
  rng.shuffle(agents);
  Run run{state, now, {}, {}, 0, {}, {}};
  run.grants.reserve(agents.size());
  if (!state.quotas.empty()) state.quotas.set_headroom(headroom());
  if (state.quotas.guaranteeing()) offer_agents(run, agents, Pass::guarantees);
  offer_agents(run, agents, Pass::all);
  write_records(run);
  return std::move(run.grants);
}

}  // namespace mesolith::master::allocator
