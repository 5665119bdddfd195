// SPDX-License-Identifier: Apache-2.0
// weights, quota, maintenance: what an operator sets for the whole cluster.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <iostream>
#include <map>

#include "cli/cluster_client.hpp"
#include "cli/command_line.hpp"
#include "cli/table.hpp"
#include "model/quantities.hpp"

namespace mesolith::cli {
namespace {

using boost::json::object;
using boost::json::value;

int say(const Result<std::string>& answer) {
  return answer ? 0 : fail(answer.error().message);
}

int call(const Common& common, const object& body) {
  return say(post_json(common.master, "/api/v1", boost::json::serialize(body)));
}

template <class Fill>
int show(const Common& common, const std::string& target, Fill fill) {
  const auto document = get_json(common.master, target);
  if (!document) return fail(document.error().message);
  if (common.json) {
    std::cout << boost::json::serialize(*document) << '\n';
  } else {
    fill(*document);
  }
  return 0;
}

// "cpus:4; mem:1024" of {"cpus":{"value":4.0},...}
std::string amounts_of(const value& config, const char* key) {
  const auto* amounts = member(config, key).if_object();
  std::string text;
  if (!amounts) return "-";
  for (const auto& [name, scalar] : *amounts) {
    text += fmt::format("{}{}:{:g}", text.empty() ? "" : "; ", std::string_view(name),
                        number_of(scalar, "value"));
  }
  return text;
}

Result<object> parse_amounts(const std::string& text) {
  TRY(const model::Quantities amounts, model::Quantities::parse(text));
  object out;
  amounts.for_each([&](const model::Name& name, model::Millis amount) {
    out[name.str()] = {{"value", model::to_units(amount)}};
  });
  return out;
}

// A machine by its agent's host name or address, else as it is written: name, address or
// name,address.
Result<object> machine_of(const std::string& master, const std::string& text) {
  TRY(const auto document, get_json(master, "/slaves"));
  for (const value& agent : list_of(document, "slaves")) {
    const std::string pid = text_of(agent, "pid");
    const std::string ip = pid.substr(pid.find('@') + 1, pid.rfind(':') - pid.find('@') - 1);
    const std::string hostname = text_of(agent, "hostname");
    if (text == ip || text == hostname) return object{{"hostname", hostname}, {"ip", ip}};
  }
  object machine;
  const size_t comma = text.find(',');
  const bool address = text.find_first_not_of("0123456789.") == std::string::npos;
  if (comma != std::string::npos) {
    machine = {{"hostname", text.substr(0, comma)}, {"ip", text.substr(comma + 1)}};
  } else {
    machine[address ? "ip" : "hostname"] = text;
  }
  return machine;
}

Result<boost::json::array> machines_of(const MaintenanceOptions& options) {
  boost::json::array machines;
  for (const std::string& text : options.machines) {
    TRY(object machine, machine_of(options.common.master, text));
    machines.push_back(std::move(machine));
  }
  return machines;
}

std::string describe(const value& machine) {
  const std::string name = text_of(machine, "hostname"), ip = text_of(machine, "ip");
  return name.empty() || ip.empty() ? name + ip : name + "," + ip;
}

std::string describe(Time time) {
  const std::time_t seconds = time.time_since_epoch().count() / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

Duration nanoseconds_of(const value& object) {
  return Duration(static_cast<int64_t>(number_of(object, "nanoseconds")));
}

int show_maintenance(const Common& common) {
  const auto status = get_json(common.master, "/maintenance/status");
  if (!status) return fail(status.error().message);
  std::map<std::string, std::string> modes;
  for (const value& one : list_of(*status, "draining_machines")) {
    std::string text = "draining";
    for (const value& answer : list_of(one, "statuses")) {
      text += fmt::format(", {} by {}", text_of(answer, "status"),
                          text_of(member(answer, "framework_id"), "value"));
    }
    modes[describe(member(one, "id"))] = text;
  }
  for (const value& one : list_of(*status, "down_machines")) modes[describe(one)] = "down";
  return show(common, "/maintenance/schedule", [&](const value& schedule) {
    Table table({"MACHINE", "FROM (UTC)", "FOR", "STATE"});
    for (const value& window : list_of(schedule, "windows")) {
      const value& when = member(window, "unavailability");
      const Time start{nanoseconds_of(member(when, "start"))};
      const Duration length = nanoseconds_of(member(when, "duration"));
      for (const value& machine : list_of(window, "machine_ids")) {
        table.add({describe(machine), describe(start),
                   length.count() > 0 ? format_duration(length) : "ever",
                   modes[describe(machine)]});
      }
    }
    table.print();
  });
}

// The schedule with one window more; the machines leave the windows they were in.
Result<std::string> schedule(const MaintenanceOptions& options) {
  TRY(auto machines, machines_of(options));
  TRY(const value known, get_json(options.common.master, "/maintenance/schedule"));
  boost::json::array windows;
  for (const value& window : list_of(known, "windows")) {
    if (!window.is_object()) continue;
    object kept = window.get_object();
    boost::json::array ids;
    for (const value& id : list_of(window, "machine_ids")) {
      if (std::ranges::find(machines, id) == machines.end()) ids.push_back(id);
    }
    if (ids.empty()) continue;
    kept["machine_ids"] = std::move(ids);
    windows.push_back(std::move(kept));
  }
  if (options.action == "schedule") {
    const Time start = saturating_add(clock_now(), options.in);
    object when{{"start", {{"nanoseconds", start.time_since_epoch().count()}}}};
    if (options.length) when["duration"] = {{"nanoseconds", options.length->count()}};
    windows.push_back(object{{"machine_ids", machines}, {"unavailability", std::move(when)}});
  }
  return post_json(options.common.master, "/maintenance/schedule",
                   boost::json::serialize(object{{"windows", std::move(windows)}}));
}

}  // namespace

int weights(const Common& common, const std::vector<std::string>& changes) {
  if (changes.empty()) {
    return show(common, "/weights", [](const value& document) {
      Table table({"ROLE", "WEIGHT"});
      if (!document.is_array()) return;
      for (const value& one : document.get_array()) {
        table.add({text_of(one, "role"), fmt::format("{:g}", number_of(one, "weight"))});
      }
      table.print();
    });
  }
  boost::json::array infos;
  for (const std::string& change : changes) {
    const size_t equals = change.find('=');
    double weight = 0;
    const char* end = change.data() + change.size();
    const char* begin = change.data() + std::min(equals + 1, change.size());
    if (equals == std::string::npos || std::from_chars(begin, end, weight).ptr != end) {
      return fail(fmt::format("'{}' is not role=weight", change)) + 1;
    }
    infos.push_back(object{{"role", change.substr(0, equals)}, {"weight", weight}});
  }
  return call(common, {{"type", "UPDATE_WEIGHTS"},
                       {"update_weights", {{"weight_infos", std::move(infos)}}}});
}

int quota(const QuotaOptions& options) {
  if (options.role.empty()) {
    return show(options.common, "/quota", [](const value& document) {
      Table table({"ROLE", "GUARANTEE", "LIMIT"});
      for (const value& one : list_of(document, "configs")) {
        table.add({text_of(one, "role"), amounts_of(one, "guarantees"), amounts_of(one, "limits")});
      }
      table.print();
    });
  }
  const auto guarantees = parse_amounts(options.guarantee);
  if (!guarantees) return fail("--guarantee: " + guarantees.error().message) + 1;
  const auto limits = parse_amounts(options.limit);
  if (!limits) return fail("--limit: " + limits.error().message) + 1;
  object config{{"role", options.role}, {"guarantees", *guarantees}, {"limits", *limits}};
  return call(options.common,
              {{"type", "UPDATE_QUOTA"},
               {"update_quota", {{"force", options.force}, {"quota_configs", {config}}}}});
}

int maintenance(const MaintenanceOptions& options) {
  if (options.action.empty()) return show_maintenance(options.common);
  if (options.action == "schedule" || options.action == "cancel") return say(schedule(options));
  const auto machines = machines_of(options);
  if (!machines) return fail(machines.error().message);
  return say(post_json(options.common.master, "/machine/" + options.action,
                       boost::json::serialize(*machines)));
}

}  // namespace mesolith::cli
