// SPDX-License-Identifier: Apache-2.0
#include "agent/shell/host_resources.hpp"

#include <boost/json.hpp>
#include <cmath>

#include "os/system.hpp"

namespace mesolith::agent {
namespace {

constexpr double megabyte = 1024 * 1024;

// What is left for tasks in MB: the total less `kept`, or half of it where that is more.
double left_for_tasks(uint64_t bytes, double kept) {
  const double total = static_cast<double>(bytes) / megabyte;
  return total < 2 * kept ? total / 2 : total - kept;
}

}  // namespace

void add_host_resources(const std::string& work_dir, model::Resources& resources) {
  const auto missing = [&](const model::Name& name) { return resources.named(name).empty(); };
  const auto add = [&](const model::Name& name, double amount) {
    resources += model::Resources::of({{name, model::to_millis(std::floor(amount))}});
  };
  if (missing(model::cpus)) add(model::cpus, os::cpu_count());
  if (missing(model::mem)) {
    const auto memory = os::memory();
    add(model::mem, memory ? left_for_tasks(memory->bytes_total, 1024) : 1024);
  }
  if (missing(model::disk)) {
    const auto disk = os::disk(work_dir);
    add(model::disk, disk ? left_for_tasks(disk->bytes_total, 5 * 1024) : 10 * 1024);
  }
  if (missing(model::ports))
    resources += model::Resources::of(model::ports, model::Ranges{{31000, 32000}});
}

void share_out(size_t number, size_t count, model::Resources& resources) {
  const double part = 1.0 / static_cast<double>(count);
  model::Resources shared = model::Resources::of(resources.quantities().scale(part));
  const model::Ranges ports = resources.ranges(model::ports);
  if (!ports.empty()) {
    const model::Range all = ports.intervals().front();
    const uint64_t stretch = (all.end - all.begin + 1) / count;
    const uint64_t begin = all.begin + number * stretch;
    if (stretch > 0) {
      shared += model::Resources::of(model::ports, model::Ranges{{begin, begin + stretch - 1}});
    }
  }
  resources = std::move(shared);
}

Result<std::map<std::string, std::string>> parse_string_map(const std::string& json) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(json, error);
  const auto* object = error ? nullptr : value.if_object();
  if (!object) {
    return failure(Code::invalid,
                   "Failed to load flag 'executor_environment_variables': it is not a JSON object");
  }
  std::map<std::string, std::string> map;
  for (const auto& [key, member] : *object) {
    const auto* text = member.if_string();
    if (!text) {
      return failure(Code::invalid,
                     "Failed to load flag 'executor_environment_variables': the value of '" +
                         std::string(key) + "' is not a string");
    }
    map[std::string(key)] = std::string(*text);
  }
  return map;
}

}  // namespace mesolith::agent
