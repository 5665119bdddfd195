// SPDX-License-Identifier: Apache-2.0
#include "model/machines.hpp"

#include <algorithm>
#include <cctype>

namespace mesolith::model {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Digits and dots, or hexadecimal and colons: what an address is made of.
bool like_an_address(const std::string& ip) {
  const bool v6 = ip.find(':') != std::string::npos;
  return std::ranges::all_of(ip, [&](unsigned char c) {
    return c == '.' || (v6 ? c == ':' || std::isxdigit(c) : std::isdigit(c) != 0);
  });
}

}  // namespace

Result<void> validate_machine(const mesos::v1::MachineID& id) {
  if (id.hostname().empty() && id.ip().empty()) {
    return failure(Code::invalid, "Both 'hostname' and 'ip' for a machine are empty");
  }
  if (!like_an_address(id.ip())) {
    return failure(Code::invalid, "The ip '" + id.ip() + "' of a machine is not an address");
  }
  return {};
}

std::string machine_key(const mesos::v1::MachineID& id) {
  return lower(id.hostname()) + '\n' + id.ip();
}

bool same_machine(const mesos::v1::MachineID& a, const mesos::v1::MachineID& b) {
  return machine_key(a) == machine_key(b);
}

bool is_machine(const mesos::v1::MachineID& id, const std::string& hostname,
                const std::string& ip) {
  return (id.hostname().empty() || lower(id.hostname()) == lower(hostname)) &&
         (id.ip().empty() || id.ip() == ip);
}

std::string describe_machine(const mesos::v1::MachineID& id) {
  std::string text;
  if (id.has_hostname()) text += "\"hostname\":\"" + id.hostname() + "\"";
  if (id.has_ip()) text += (text.empty() ? "\"ip\":\"" : ",\"ip\":\"") + id.ip() + "\"";
  return "{" + text + "}";
}

}  // namespace mesolith::model
