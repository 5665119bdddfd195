// SPDX-License-Identifier: Apache-2.0
#include "master/core/allocator/filters.hpp"

#include <algorithm>

namespace mesolith::master::allocator {

void Filters::add(const FrameworkId& framework, const std::string& role, const AgentId& agent,
                  model::Resources refused, Time until) {
  const Owner owner{framework, role};
  const uint64_t id = next_id_++;
  filters_[agent][owner].push_back({id, std::move(refused), until});
  owners_[owner].insert(agent);
  expirations_.insert({until, id, owner, agent});
}

const Filters::OfAgent* Filters::on(const AgentId& agent) const {
  if (filters_.empty()) return nullptr;
  const auto found = filters_.find(agent);
  return found == filters_.end() ? nullptr : &found->second;
}

std::optional<Time> Filters::keeps_back(const OfAgent* filters, const FrameworkId& framework,
                                        const std::string& role, const model::Resources& offer) {
  if (!filters) return std::nullopt;
  const auto found = filters->find({framework, role});
  if (found == filters->end()) return std::nullopt;
  std::optional<Time> until;
  for (const Filter& filter : found->second) {
    if (filter.refused.contains(offer)) until = std::max(until.value_or(Time{}), filter.until);
  }
  return until;
}

void Filters::forget_expirations(const Owner& owner, const AgentId& agent,
                                 const std::vector<Filter>& filters) {
  for (const Filter& filter : filters) expirations_.erase({filter.until, filter.id, owner, agent});
}

Filters::Owners::iterator Filters::drop(Owners::iterator owner) {
  for (const AgentId& agent : owner->second) {
    const auto of_agent = filters_.find(agent);
    const auto found = of_agent->second.find(owner->first);
    forget_expirations(owner->first, agent, found->second);
    of_agent->second.erase(found);
    if (of_agent->second.empty()) filters_.erase(of_agent);
  }
  return owners_.erase(owner);
}

void Filters::erase(const FrameworkId& framework) {
  auto owner = owners_.lower_bound({framework, ""});
  while (owner != owners_.end() && owner->first.first == framework) owner = drop(owner);
}

void Filters::erase(const FrameworkId& framework, const std::string& role) {
  const auto owner = owners_.find({framework, role});
  if (owner != owners_.end()) drop(owner);
}

void Filters::erase(const AgentId& agent) {
  const auto of_agent = filters_.find(agent);
  if (of_agent == filters_.end()) return;
  for (const auto& [key, filters] : of_agent->second) {
    forget_expirations(key, agent, filters);
    const auto owner = owners_.find(key);
    owner->second.erase(agent);
    if (owner->second.empty()) owners_.erase(owner);
  }
  filters_.erase(of_agent);
}

std::set<AgentId> Filters::expire(Time now) {
  std::set<AgentId> agents;
  while (!expirations_.empty() && std::get<0>(*expirations_.begin()) <= now) {
    const auto [until, ended, key, agent] = *expirations_.begin();
    expirations_.erase(expirations_.begin());
    agents.insert(agent);
    const auto of_agent = filters_.find(agent);
    const auto found = of_agent->second.find(key);
    std::erase_if(found->second, [id = ended](const Filter& filter) { return filter.id == id; });
    if (!found->second.empty()) continue;
    of_agent->second.erase(found);
    if (of_agent->second.empty()) filters_.erase(of_agent);
    const auto owner = owners_.find(key);
    owner->second.erase(agent);
    if (owner->second.empty()) owners_.erase(owner);
  }
  return agents;
}

size_t Filters::count(const std::string& role) const {
  size_t total = 0;
  for (const auto& [owner, agents] : owners_) {
    if (owner.second != role) continue;
    for (const AgentId& agent : agents) total += filters_.at(agent).at(owner).size();
  }
  return total;
}

}  // namespace mesolith::master::allocator
