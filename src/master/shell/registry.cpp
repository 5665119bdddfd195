// SPDX-License-Identifier: Apache-2.0
#include "master/shell/registry.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "store/memory.hpp"
#include "store/sqlite.hpp"

namespace mesolith::master {
namespace {

constexpr std::string_view master_key = "master";
constexpr std::string_view cluster_key = "cluster";
constexpr std::string_view agent_prefix = "agent/";

std::string agent_key(const std::string& id) {
  return std::string(agent_prefix) + id;
}

Result<void> decode(const std::string& key, const store::Versioned& stored,
                    google::protobuf::Message& out) {
  if (out.ParseFromString(stored.value)) return {};
  return failure(
      Code::corrupt,
      fmt::format(
          "the registry's record '{}' cannot be understood; restore a backup of registry.db", key));
}

}  // namespace

Result<std::unique_ptr<store::Store>> open_registry_store(const std::string& work_dir) {
  if (work_dir.empty()) return store::make_memory_store();
  std::error_code error;
  std::filesystem::create_directories(work_dir, error);
  if (error) {
    return failure(Code::system,
                   fmt::format("cannot make the directory {}: {}", work_dir, error.message()));
  }
  return store::open_sqlite_store(std::filesystem::path(work_dir) / "registry.db");
}

Result<RegistryRecovered> Registry::recover() {
  RegistryRecovered recovered;
  TRY(const auto master, store_->get(master_key));
  if (master) {
    TRY_VOID(decode(std::string(master_key), *master, recovered.master.emplace()));
  }
  TRY(const auto cluster, store_->get(cluster_key));
  if (cluster) {
    TRY_VOID(decode(std::string(cluster_key), *cluster, recovered.cluster.emplace()));
  }
  TRY(const store::Entries agents, store_->list(agent_prefix));
  for (const auto& [key, stored] : agents) {
    TRY_VOID(decode(key, stored, recovered.agents.emplace_back()));
  }
  return recovered;
}

void Registry::commit(const Persist& change, store::Done done) {
  store::Batch batch;
  if (change.master) {
    batch.push_back(
        {std::string(master_key), store::any_version, change.master->SerializeAsString()});
  }
  if (change.cluster) {
    batch.push_back(
        {std::string(cluster_key), store::any_version, change.cluster->SerializeAsString()});
  }
  for (const registry::Agent& agent : change.agents) {
    batch.push_back(
        {agent_key(agent.info().id().value()), store::any_version, agent.SerializeAsString()});
  }
  for (const AgentId& id : change.removed_agents) {
    batch.push_back({agent_key(id.value), store::any_version, std::nullopt});
  }
  store_->commit(std::move(batch), std::move(done));
}

}  // namespace mesolith::master
