// SPDX-License-Identifier: Apache-2.0
#include "master/shell/flags.hpp"

#include <fmt/format.h>

#include <charconv>

#include "model/quantities.hpp"
#include "model/roles.hpp"

namespace mesolith::master {
namespace {

using Kind = FlagSpec::Kind;

constexpr FlagSpec specs[] = {
    {"help", Kind::boolean, "false", true, "Print this text"},
    {"version", Kind::boolean, "false", true, "Print the version"},
    {"ip", Kind::text, "127.0.0.1", true,
     "Address to listen on; one that others reach needs --insecure"},
    {"port", Kind::number, "5050", true, "Port to listen on"},
    {"insecure", Kind::boolean, "false", true,
     "Allow an address that other machines reach without credentials"},
    {"advertise_ip", Kind::text, std::nullopt, true, "Address told to others"},
    {"advertise_port", Kind::number, std::nullopt, true, "Port told to others"},
    {"hostname", Kind::text, std::nullopt, true, "Name told to others"},
    {"hostname_lookup", Kind::boolean, "true", false, "Names are never looked up"},
    {"work_dir", Kind::text, std::nullopt, true, "Directory of the registry"},
    {"registry", Kind::text, "replicated_log", true, "in_memory: forget the registry at the end"},
    {"cluster", Kind::text, std::nullopt, true, "Name of the cluster, shown in /state"},
    {"agent_ping_timeout", Kind::duration, "15secs", true,
     "Silence after which a ping counts as missed"},
    {"max_agent_ping_timeouts", Kind::number, "5", true,
     "Missed pings that make an agent unreachable"},
    {"agent_reregister_timeout", Kind::duration, "10mins", true,
     "How long a lost agent may stay away"},
    {"offer_timeout", Kind::duration, std::nullopt, true,
     "Offers not used for that long are rescinded"},
    {"allocation_interval", Kind::duration, "1secs", true,
     "Filters of declined offers last at least this long"},
    {"min_allocatable_resources", Kind::text, "cpus:0.01|mem:32", true, "Smallest offers"},
    {"fair_sharing_excluded_resource_names", Kind::text, std::nullopt, true,
     "Resources that count for no share"},
    {"filter_gpu_resources", Kind::boolean, "true", true,
     "Agents with GPUs only for GPU_RESOURCES frameworks"},
    {"roles", Kind::text, std::nullopt, true, "The only roles allowed, separated by commas"},
    {"weights", Kind::text, std::nullopt, true, "role=weight, separated by commas"},
    {"root_submissions", Kind::boolean, "true", true, "Frameworks may run as root"},
    {"max_completed_frameworks", Kind::number, "50", true, "Ended frameworks remembered"},
    {"max_completed_tasks_per_framework", Kind::number, "1000", true, "Ended tasks remembered"},
    {"max_unreachable_tasks_per_framework", Kind::number, "1000", true,
     "Unreachable tasks remembered"},
    {"logging_level", Kind::text, "INFO", true, "INFO, WARNING or ERROR"},
    {"quiet", Kind::boolean, "false", true, "Log nothing to stderr"},
    {"log_dir", Kind::text, std::nullopt, false, "The log goes to stderr"},
    {"external_log_file", Kind::text, std::nullopt, true, "File served as /master/log"},
    {"zk", Kind::text, std::nullopt, false, "Election among several masters"},
    {"quorum", Kind::number, std::nullopt, false, "The registry is one SQLite file"},
    {"zk_session_timeout", Kind::duration, "10secs", false, ""},
    {"registry_fetch_timeout", Kind::duration, "1mins", false, ""},
    {"registry_store_timeout", Kind::duration, "20secs", false, ""},
    {"registry_strict", Kind::boolean, "false", false, ""},
    {"registry_gc_interval", Kind::duration, "15mins", false, ""},
    {"registry_max_agent_age", Kind::duration, "2weeks", false, ""},
    {"registry_max_agent_count", Kind::number, "102400", false, ""},
    {"log_auto_initialize", Kind::boolean, "true", false, ""},
    {"allocator", Kind::text, "hierarchical", false, ""},
    {"role_sorter", Kind::text, "drf", false, ""},
    {"framework_sorter", Kind::text, "drf", false, ""},
    {"allocator_recovery_timeout", Kind::duration, "10mins", false, ""},
    {"allocator_agent_recovery_factor", Kind::text, "0.8", false, ""},
    {"recovery_agent_removal_limit", Kind::text, "100%", false, ""},
    {"agent_removal_rate_limit", Kind::text, std::nullopt, false, ""},
    {"whitelist", Kind::text, std::nullopt, false, ""},
    {"domain", Kind::text, std::nullopt, false, ""},
    {"require_agent_domain", Kind::boolean, "false", false, ""},
    {"authenticate_frameworks", Kind::boolean, "false", false, ""},
    {"authenticate_agents", Kind::boolean, "false", false, ""},
    {"authenticate_http_readonly", Kind::boolean, "false", false, ""},
    {"authenticate_http_readwrite", Kind::boolean, "false", false, ""},
    {"authenticate_http_frameworks", Kind::boolean, "false", false, ""},
    {"authenticators", Kind::text, "crammd5", false, ""},
    {"http_authenticators", Kind::text, "basic", false, ""},
    {"http_framework_authenticators", Kind::text, std::nullopt, false, ""},
    {"credentials", Kind::text, std::nullopt, false, ""},
    {"acls", Kind::text, std::nullopt, false, ""},
    {"authorizers", Kind::text, "local", false, ""},
    {"rate_limits", Kind::text, std::nullopt, false, ""},
    {"firewall_rules", Kind::text, std::nullopt, false, ""},
    {"max_operator_event_stream_subscribers", Kind::number, "1000", true,
     "Operator event streams served; beyond it the oldest is closed"},
    {"publish_per_framework_metrics", Kind::boolean, "true", false, ""},
    {"offer_constraints_re2_max_mem", Kind::text, "4KB", false, ""},
    {"offer_constraints_re2_max_program_size", Kind::number, "100", false, ""},
    {"webui_dir", Kind::text, std::nullopt, false, ""},
    {"modules", Kind::text, std::nullopt, false, ""},
    {"modules_dir", Kind::text, std::nullopt, false, ""},
    {"hooks", Kind::text, std::nullopt, false, ""},
    {"logbufsecs", Kind::number, "0", false, ""},
    {"initialize_driver_logging", Kind::boolean, "true", false, ""},
    {"memory_profiling", Kind::boolean, "false", false, ""},
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Result<std::map<std::string, double>> parse_weights(const std::string& text) {
  std::map<std::string, double> weights;
  for (const std::string& part : split(text, ',')) {
    const size_t equals = part.find('=');
    double weight = 0;
    const char* begin = part.data() + std::min(equals + 1, part.size());
    const char* end = part.data() + part.size();
    const auto [stop, error] = std::from_chars(begin, end, weight);
    if (equals == std::string::npos || error != std::errc() || stop != end || !(weight > 0)) {
      return failure(
          Code::invalid,
          fmt::format(
              "Failed to load flag 'weights': '{}' is not role=weight with a weight above 0",
              part));
    }
    weights[part.substr(0, equals)] = weight;
  }
  return weights;
}

Result<uint16_t> port_of(const Flags& flags, std::string_view name) {
  const int64_t port = flags.number(name);
  if (port < 0 || port > 65535) {
    return failure(
        Code::invalid,
        fmt::format("Failed to load flag '{}': {} is not a port (0 to 65535)", name, port));
  }
  return static_cast<uint16_t>(port);
}

Result<size_t> count_of(const Flags& flags, std::string_view name) {
  if (flags.number(name) < 0) {
    return failure(Code::invalid,
                   fmt::format("Failed to load flag '{}': it must not be negative", name));
  }
  return static_cast<size_t>(flags.number(name));
}

Result<allocator::Options> allocator_options(const Flags& flags) {
  allocator::Options options;
  options.allocation_interval = flags.duration("allocation_interval");
  options.filter_gpu_resources = flags.boolean("filter_gpu_resources");
  for (const std::string& part : split(flags.text("min_allocatable_resources"), '|')) {
    TRY(model::Quantities least, model::Quantities::parse(part));
    options.min_allocatable.push_back(std::move(least));
  }
  for (std::string& name : split(flags.text_or("fair_sharing_excluded_resource_names", ""), ',')) {
    options.fair_sharing_excluded.insert(std::move(name));
  }
  return options;
}

}  // namespace

std::span<const FlagSpec> flag_specs() {
  return specs;
}

Result<MasterOptions> options_from(const Flags& flags, const std::string& hostname) {
  MasterOptions options;
  Options& core = options.core;
  core.ip = flags.text("ip");
  const bool loopback = core.ip.starts_with("127.") || core.ip == "::1";
  if (!loopback && !flags.boolean("insecure")) {
    return failure(
        Code::invalid,
        fmt::format("--ip={} can be reached from other machines and nobody has to say who he is: "
                    "listen on 127.0.0.1, or add --insecure if that is meant",
                    core.ip));
  }
  core.hostname = flags.text_or("hostname", loopback ? "localhost" : hostname);
  TRY(core.port, port_of(flags, "port"));
  core.agent_ping_timeout = flags.duration("agent_ping_timeout");
  TRY(const size_t pings, count_of(flags, "max_agent_ping_timeouts"));
  core.max_agent_ping_timeouts = static_cast<uint32_t>(pings);
  core.agent_reregister_timeout = flags.duration("agent_reregister_timeout");
  if (flags.has("offer_timeout")) core.offer_timeout = flags.duration("offer_timeout");
  core.root_submissions = flags.boolean("root_submissions");
  TRY(core.max_completed_frameworks, count_of(flags, "max_completed_frameworks"));
  TRY(core.max_completed_tasks_per_framework, count_of(flags, "max_completed_tasks_per_framework"));
  TRY(core.max_unreachable_tasks_per_framework,
      count_of(flags, "max_unreachable_tasks_per_framework"));
  for (std::string& role : split(flags.text_or("roles", ""), ','))
    core.role_whitelist.insert(std::move(role));
  TRY(core.weights, parse_weights(flags.text_or("weights", "")));
  TRY(core.allocator, allocator_options(flags));
  TRY(core.operator_streams_max, count_of(flags, "max_operator_event_stream_subscribers"));
  core.cluster = flags.text_or("cluster", "");
  core.flags = flags.values();
  if (flags.text("registry") != "in_memory") {
    if (!flags.has("work_dir")) {
      return failure(
          Code::invalid,
          "--work_dir is missing: the registry needs a directory (or --registry=in_memory)");
    }
    options.work_dir = flags.text("work_dir");
  }
  options.log_file = flags.text_or("external_log_file", "");
  return options;
}

}  // namespace mesolith::master
