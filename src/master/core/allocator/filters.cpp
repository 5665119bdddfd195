// SPDX-License-Identifier: Apache-2.0
#include "master/core/allocator/filters.hpp"

#include <algorithm>

namespace mesolith::master::allocator {

void Filters::add(const FrameworkId& framework, const std::string& role, const AgentId& agent,
                  model::Resources refused, Time until) {
  const Key key{framework, role, agent};
  const uint64_t id = next_id_++;
  filters_[key].push_back({id, std::move(refused), until});
  expirations_.insert({until, id, key});
}

std::optional<Time> Filters::keeps_back(const FrameworkId& framework, const std::string& role,
                                        const AgentId& agent, const model::Resources& offer) const {
  if (filters_.empty()) return std::nullopt;
  const auto found = filters_.find({framework, role, agent});
  if (found == filters_.end()) return std::nullopt;
  for (const Filter& filter : found->second) {
    if (filter.refused.contains(offer)) return filter.until;
  }
  return std::nullopt;
}

Filters::Map::iterator Filters::drop(Map::iterator position) {
  for (const Filter& filter : position->second) {
    expirations_.erase({filter.until, filter.id, position->first});
  }
  return filters_.erase(position);
}

void Filters::erase(const FrameworkId& framework) {
  auto position = filters_.lower_bound({framework, "", AgentId()});
  while (position != filters_.end() && std::get<0>(position->first) == framework) {
    position = drop(position);
  }
}

void Filters::erase(const FrameworkId& framework, const std::string& role) {
  auto position = filters_.lower_bound({framework, role, AgentId()});
  while (position != filters_.end() && std::get<0>(position->first) == framework &&
         std::get<1>(position->first) == role) {
    position = drop(position);
  }
}

void Filters::erase(const AgentId& agent) {
  for (auto position = filters_.begin(); position != filters_.end();) {
    position = std::get<2>(position->first) == agent ? drop(position) : std::next(position);
  }
}

std::set<AgentId> Filters::expire(Time now) {
  std::set<AgentId> agents;
  while (!expirations_.empty() && std::get<0>(*expirations_.begin()) <= now) {
    const auto [until, id, key] = *expirations_.begin();
    expirations_.erase(expirations_.begin());
    const auto found = filters_.find(key);
    std::erase_if(found->second, [&](const Filter& filter) { return filter.id == id; });
    if (found->second.empty()) filters_.erase(found);
    agents.insert(std::get<2>(key));
  }
  return agents;
}

size_t Filters::count(const std::string& role) const {
  size_t total = 0;
  for (const auto& [key, filters] : filters_) {
    if (std::get<1>(key) == role) total += filters.size();
  }
  return total;
}

std::optional<std::pair<Time, AgentId>> Filters::latest(const FrameworkId& framework,
                                                        const std::string& role) const {
  std::optional<std::pair<Time, AgentId>> latest;
  auto position = filters_.lower_bound({framework, role, AgentId()});
  for (; position != filters_.end() && std::get<0>(position->first) == framework &&
         std::get<1>(position->first) == role;
       ++position) {
    for (const Filter& filter : position->second) {
      if (!latest || filter.until > latest->first)
        latest = {filter.until, std::get<2>(position->first)};
    }
  }
  return latest;
}

}  // namespace mesolith::master::allocator
