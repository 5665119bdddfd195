// SPDX-License-Identifier: Apache-2.0
#include "dev/cluster.hpp"

#include <fmt/format.h>

#include <thread>

#include "agent/shell/flags.hpp"
#include "agent/shell/host_resources.hpp"
#include "base/flags.hpp"
#include "master/shell/flags.hpp"
#include "net/loop.hpp"

namespace mesolith::dev {

struct Cluster::Role {
  net::Loop loop;
  std::unique_ptr<master::Master> master;
  std::unique_ptr<agent::Agent> agent;
  std::thread thread;

  ~Role() {
    loop.stop();
    if (thread.joinable()) thread.join();
  }
  std::string address() const {
    return master ? fmt::format("{}:{}", master->ip(), master->port())
                  : fmt::format("{}:{}", agent->ip(), agent->port());
  }
};

namespace {

using Words = std::vector<std::string>;

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string insecure_if(const ClusterOptions& options) {
  // The person who chose the address was asked for --insecure already.
  return options.ip.starts_with("127.") ? "--no-insecure" : "--insecure";
}

Result<std::unique_ptr<master::Master>> start_master(net::Loop& loop,
                                                     const ClusterOptions& options) {
  const Words words = with({"--ip=" + options.ip, "--port=" + std::to_string(options.master_port),
                            "--work_dir=" + options.data_dir + "/master", insecure_if(options)},
                           options.master_flags);
  TRY(const Flags flags, Flags::parse(master::flag_specs(), words, {}));
  TRY(master::MasterOptions made, master::options_from(flags, "localhost"));
  made.on_fatal = [on_failure = options.on_failure](const Error& error) {
    if (on_failure) on_failure("the master has ended: " + error.message);
  };
  return master::Master::start(loop, std::move(made));
}

Result<std::unique_ptr<agent::Agent>> start_agent(net::Loop& loop, const ClusterOptions& options,
                                                  const std::string& master, size_t number) {
  const int port =
      options.first_agent_port == 0 ? 0 : options.first_agent_port + static_cast<int>(number);
  const Words words =
      with({"--master=" + master, "--ip=" + options.ip, fmt::format("--port={}", port),
            fmt::format("--work_dir={}/agent{}", options.data_dir, number),
            "--registration_backoff_factor=10ms", "--resources=" + options.resources,
            insecure_if(options)},
           options.agent_flags);
  TRY(const Flags flags, Flags::parse(agent::flag_specs(), words, {}));
  TRY(agent::AgentOptions made, agent::options_from(flags));
  if (options.resources.empty() && options.agents > 1) {
    TRY(model::Resources resources, model::Resources::parse(made.core.info.resources()));
    agent::share_out(number, options.agents, resources);
    made.core.info.clear_resources();
    resources.append_to(made.core.info.mutable_resources(),
                        model::Format::post_reservation_refinement);
  }
  made.on_exit = [on_failure = options.on_failure, number](int status) {
    if (on_failure) on_failure(fmt::format("agent {} has ended with status {}", number, status));
  };
  return agent::Agent::start(loop, std::move(made));
}

}  // namespace

Cluster::Cluster(std::vector<std::unique_ptr<Role>> roles) : roles_(std::move(roles)) {}

Cluster::~Cluster() {
  while (!roles_.empty()) roles_.pop_back();  // agents before the master
}

Result<std::unique_ptr<Cluster>> Cluster::start(const ClusterOptions& options) {
  std::vector<std::unique_ptr<Role>> roles;
  roles.push_back(std::make_unique<Role>());
  TRY(roles.back()->master, start_master(roles.back()->loop, options));
  const std::string master = roles.front()->address();
  for (size_t number = 0; number < options.agents; ++number) {
    roles.push_back(std::make_unique<Role>());
    TRY(roles.back()->agent, start_agent(roles.back()->loop, options, master, number));
  }
  for (auto& role : roles) role->thread = std::thread([loop = &role->loop] { loop->run(); });
  return std::unique_ptr<Cluster>(new Cluster(std::move(roles)));
}

std::string Cluster::master() const {
  return roles_.front()->address();
}

std::vector<std::string> Cluster::agents() const {
  std::vector<std::string> addresses;
  for (size_t i = 1; i < roles_.size(); ++i) addresses.push_back(roles_[i]->address());
  return addresses;
}

}  // namespace mesolith::dev
