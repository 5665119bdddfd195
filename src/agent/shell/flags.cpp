// SPDX-License-Identifier: Apache-2.0
#include "agent/shell/flags.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "agent/shell/host_resources.hpp"
#include "coordination/master_address.hpp"
#include "model/attributes.hpp"
#include "model/resource_text.hpp"
#include "os/files.hpp"
#include "os/system.hpp"

namespace mesolith::agent {
namespace {

using Kind = FlagSpec::Kind;

constexpr FlagSpec specs[] = {
    {"help", Kind::boolean, "false", true, "Print this text"},
    {"version", Kind::boolean, "false", true, "Print the version"},
    {"master", Kind::text, std::nullopt, true, "Address of the master, ip:port"},
    {"work_dir", Kind::text, std::nullopt, true, "Directory of sandboxes and checkpoints"},
    {"runtime_dir", Kind::text, std::nullopt, true,
     "Directory of the launcher (default: <work_dir>/run)"},
    {"ip", Kind::text, "127.0.0.1", true,
     "Address to listen on; one that others reach needs --insecure"},
    {"port", Kind::number, "5051", true, "Port to listen on"},
    {"insecure", Kind::boolean, "false", true,
     "Allow an address that other machines reach without credentials"},
    {"hostname", Kind::text, std::nullopt, true, "Name told to others"},
    {"hostname_lookup", Kind::boolean, "true", false, "Names are never looked up"},
    {"resources", Kind::text, "", true,
     "cpus:4;mem:1024;ports:[31000-32000] or JSON; the rest is looked for"},
    {"attributes", Kind::text, "", true, "rack:2;zone:a"},
    {"default_role", Kind::text, "*", true, "Role of resources that name none"},
    {"isolation", Kind::text, "posix/cpu,posix/mem", true,
     "With cgroups/cpu or cgroups/mem: control groups"},
    {"cgroups_root", Kind::text, "mesolith", true, "Name of the control group of all tasks"},
    {"registration_backoff_factor", Kind::duration, "1secs", true,
     "Longest first wait between registrations"},
    {"executor_registration_timeout", Kind::duration, "1mins", true,
     "How long an executor may take to subscribe"},
    {"executor_reregistration_timeout", Kind::duration, "2secs", true,
     "The same after a restart of the agent"},
    {"executor_shutdown_grace_period", Kind::duration, "5secs", true,
     "Between SHUTDOWN and its end by force"},
    {"recovery_timeout", Kind::duration, "15mins", true, "How long executors wait for the agent"},
    {"switch_user", Kind::boolean, "true", true, "Tasks run as their framework's user"},
    {"http_command_executor", Kind::boolean, "false", true, "Only told to executors"},
    {"executor_environment_variables", Kind::text, std::nullopt, true,
     "JSON object of more variables"},
    {"max_completed_executors_per_framework", Kind::number, "150", true,
     "Ended executors remembered"},
    {"launcher_dir", Kind::text, "", false, "Task groups need no program"},
    {"external_log_file", Kind::text, std::nullopt, true, "File served as /slave/log"},
    {"logging_level", Kind::text, "INFO", true, "INFO, WARNING or ERROR"},
    {"quiet", Kind::boolean, "false", true, "Log nothing to stderr"},
    {"log_dir", Kind::text, std::nullopt, false, "The log goes to stderr"},
    {"launcher", Kind::text, "posix", false, ""},
    {"containerizers", Kind::text, "mesos", false, ""},
    {"recover", Kind::text, "reconnect", false, ""},
    {"strict", Kind::boolean, "true", false, ""},
    {"reconfiguration_policy", Kind::text, "equal", false, ""},
    {"gc_delay", Kind::duration, "1weeks", true, "How long sandboxes stay after their end"},
    {"gc_disk_headroom", Kind::text, "0.1", true,
     "Part of the disk to keep free: sandboxes go sooner for it"},
    {"disk_watch_interval", Kind::duration, "1mins", true, "How often the disk is looked at"},
    {"container_disk_watch_interval", Kind::duration, "15secs", false, ""},
    {"enforce_container_disk_quota", Kind::boolean, "false", false, ""},
    {"executor_reregistration_retry_interval", Kind::duration, std::nullopt, false, ""},
    {"frameworks_home", Kind::text, "", true, "Directory of URIs that are relative paths"},
    {"fetcher_cache_size", Kind::text, "2GB", true, "Of files that URIs with `cache` leave here"},
    {"fetcher_cache_dir", Kind::text, std::nullopt, true,
     "Where they lie, below a directory of this agent's own (default: <work_dir>/fetch)"},
    {"fetcher_bytes_max", Kind::text, "16GB", true,
     "Most that the URIs of one container may bring"},
    {"fetcher_extracted_bytes_max", Kind::text, "64GB", true, "Most that their archives may hold"},
    {"fetcher_stall_timeout", Kind::duration, "1mins", true, "How long a server may send nothing"},
    {"cgroups_hierarchy", Kind::text, "/sys/fs/cgroup", false, ""},
    {"cgroups_enable_cfs", Kind::boolean, "false", false, ""},
    {"cgroups_limit_swap", Kind::boolean, "false", false, ""},
    {"systemd_enable_support", Kind::boolean, "true", false, ""},
    {"docker", Kind::text, "docker", false, ""},
    {"docker_socket", Kind::text, "/var/run/docker.sock", false, ""},
    {"docker_registry", Kind::text, "", false, ""},
    {"docker_remove_delay", Kind::duration, "6hrs", false, ""},
    {"docker_kill_orphans", Kind::boolean, "true", false, ""},
    {"docker_stop_timeout", Kind::duration, "0ns", false, ""},
    {"docker_store_dir", Kind::text, "", false, ""},
    {"docker_config", Kind::text, "", false, ""},
    {"sandbox_directory", Kind::text, "/mnt/mesos/sandbox", false, ""},
    {"image_providers", Kind::text, "", false, ""},
    {"image_provisioner_backend", Kind::text, "", false, ""},
    {"authenticate_http_executors", Kind::boolean, "false", false, ""},
    {"authenticate_http_readonly", Kind::boolean, "false", false, ""},
    {"authenticate_http_readwrite", Kind::boolean, "false", false, ""},
    {"credential", Kind::text, "", false, ""},
    {"http_credentials", Kind::text, "", false, ""},
    {"acls", Kind::text, "", false, ""},
    {"authorizer", Kind::text, "local", false, ""},
    {"zk_session_timeout", Kind::duration, "10secs", false, ""},
    {"http_heartbeat_interval", Kind::duration, "30secs", false, ""},
    {"oversubscribed_resources_interval", Kind::duration, "15secs", false, ""},
    {"resource_estimator", Kind::text, "", false, ""},
    {"qos_controller", Kind::text, "", false, ""},
    {"domain", Kind::text, "", false, ""},
    {"agent_features", Kind::text, "", false, ""},
    {"modules", Kind::text, "", false, ""},
    {"hooks", Kind::text, "", false, ""},
    {"logbufsecs", Kind::number, "0", false, ""},
    {"initialize_driver_logging", Kind::boolean, "true", false, ""},
};

Result<std::map<std::string, std::string>> environment_of(const Flags& flags) {
  if (!flags.has("executor_environment_variables")) return {};
  return parse_string_map(flags.text("executor_environment_variables"));
}

// file:///path leads to the address.
Result<std::vector<std::string>> masters_of(const std::string& text) {
  TRY(coordination::MasterAddress address, coordination::parse_master_address(text));
  if (const auto* file = std::get_if<coordination::FileAddress>(&address)) {
    TRY(std::string content, os::read_file(file->path));
    while (!content.empty() && std::isspace(static_cast<unsigned char>(content.back())))
      content.pop_back();
    return masters_of(content);
  }
  if (const auto* standalone = std::get_if<coordination::StandaloneAddress>(&address)) {
    return std::vector<std::string>{fmt::format("{}:{}", standalone->host, standalone->port)};
  }
  return failure(Code::unsupported,
                 fmt::format("--master={}: this version finds its master by ip:port only", text));
}

Result<void> read_identity(const Flags& flags, Options& core) {
  core.ip = flags.text("ip");
  const bool loopback = core.ip.starts_with("127.") || core.ip == "::1";
  if (!loopback && !flags.boolean("insecure")) {
    return failure(
        Code::invalid,
        fmt::format("--ip={} can be reached from other machines and nobody has to say who he is: "
                    "listen on 127.0.0.1, or add --insecure if that is meant",
                    core.ip));
  }
  core.info.set_hostname(flags.text_or("hostname", loopback ? "localhost" : os::hostname()));
  if (flags.number("port") < 0 || flags.number("port") > 65535) {
    return failure(Code::invalid, "Failed to load flag 'port': it is not a port (0 to 65535)");
  }
  core.info.set_port(static_cast<int32_t>(flags.number("port")));
  TRY(*core.info.mutable_attributes(), model::parse_attributes(flags.text("attributes")));
  TRY(model::Resources resources,
      model::parse_resources(flags.text("resources"), flags.text("default_role")));
  add_host_resources(core.work_dir, resources);
  resources.append_to(core.info.mutable_resources(), model::Format::post_reservation_refinement);
  return {};
}

Result<void> read_fetcher(const Flags& flags, const std::string& work_dir,
                          fetcher::FetcherOptions& fetcher) {
  for (const auto& [name, bytes_max] :
       {std::pair("fetcher_cache_size", &fetcher.cache_bytes_max),
        {"fetcher_bytes_max", &fetcher.limits.bytes_fetched_max},
        {"fetcher_extracted_bytes_max", &fetcher.limits.bytes_extracted_max}}) {
    const auto bytes = parse_bytes(flags.text(name));
    if (!bytes) {
      return failure(Code::invalid,
                     fmt::format("Failed to load flag '{}': {}", name, bytes.error().message));
    }
    *bytes_max = *bytes;
  }
  fetcher.cache_directory = work_dir + "/fetch";
  if (flags.has("fetcher_cache_dir") && !flags.text("fetcher_cache_dir").empty()) {
    // Several agents of a machine may be given the same one.
    fetcher.cache_directory = fmt::format(
        "{}/{:016x}", std::filesystem::absolute(flags.text("fetcher_cache_dir")).string(),
        std::hash<std::string>{}(work_dir));
  }
  fetcher.stall_timeout = flags.duration("fetcher_stall_timeout");
  if (fetcher.stall_timeout < std::chrono::seconds(1)) {
    return failure(Code::invalid, "--fetcher_stall_timeout is at least one second");
  }
  if (const std::string& home = flags.text("frameworks_home"); !home.empty()) {
    fetcher.frameworks_home = std::filesystem::absolute(home).lexically_normal().string();
  }
  return {};
}

Result<void> read_garbage(const Flags& flags, Options& core) {
  core.gc_delay = flags.duration("gc_delay");
  core.disk_watch_interval = flags.duration("disk_watch_interval");
  if (core.gc_delay < Duration::zero() || core.disk_watch_interval <= Duration::zero()) {
    return failure(Code::invalid, "--gc_delay and --disk_watch_interval are times that pass");
  }
  const std::string& text = flags.text("gc_disk_headroom");
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), core.gc_disk_headroom);
  if (error != std::errc() || end != text.data() + text.size() || !(core.gc_disk_headroom >= 0) ||
      core.gc_disk_headroom > 1) {
    return failure(Code::invalid, fmt::format("Invalid --gc_disk_headroom '{}': it is a number "
                                              "between 0.0 and 1.0",
                                              text));
  }
  return {};
}

}  // namespace

std::span<const FlagSpec> flag_specs() {
  return specs;
}

Result<AgentOptions> options_from(const Flags& flags) {
  AgentOptions options;
  Options& core = options.core;
  if (!flags.has("master"))
    return failure(Code::invalid, "--master is missing: the agent needs a master, ip:port");
  if (!flags.has("work_dir"))
    return failure(Code::invalid, "--work_dir is missing: the agent needs a directory");
  TRY(options.masters, masters_of(flags.text("master")));
  core.work_dir = std::filesystem::absolute(flags.text("work_dir")).lexically_normal().string();
  options.runtime_dir =
      std::filesystem::absolute(flags.text_or("runtime_dir", core.work_dir + "/run")).string();
  TRY_VOID(os::make_directories(core.work_dir));
  TRY_VOID(read_identity(flags, core));
  core.registration_backoff_factor = flags.duration("registration_backoff_factor");
  core.executor_registration_timeout = flags.duration("executor_registration_timeout");
  core.executor_reregistration_timeout = flags.duration("executor_reregistration_timeout");
  core.executor_shutdown_grace_period = flags.duration("executor_shutdown_grace_period");
  core.recovery_timeout = flags.duration("recovery_timeout");
  TRY_VOID(read_garbage(flags, core));
  TRY_VOID(read_fetcher(flags, core.work_dir, options.fetcher));
  core.switch_user = flags.boolean("switch_user");
  core.http_command_executor = flags.boolean("http_command_executor");
  core.log_file = flags.text_or("external_log_file", "");
  core.flags = flags.values();
  core.libprocess_ip = core.ip;
  core.completed_executors_max = static_cast<size_t>(
      std::max<int64_t>(0, flags.number("max_completed_executors_per_framework")));
  TRY(core.executor_environment, environment_of(flags));
  options.cgroups = flags.text("isolation").find("cgroups/") != std::string::npos;
  options.cgroup_root = flags.text("cgroups_root");
  return options;
}

}  // namespace mesolith::agent
