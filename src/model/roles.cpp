// SPDX-License-Identifier: Apache-2.0
#include "model/roles.hpp"

#include <fmt/format.h>

namespace mesolith::model::roles {

namespace {

Result<void> validate_component(std::string_view component) {
  const auto invalid = [&](std::string_view because) {
    return failure(Code::invalid,
                   fmt::format("Role component '{}' is invalid because {}", component, because));
  };
  if (component == "." || component == "..") return invalid("it is a reserved name");
  if (component == "*") return invalid("'*' is a role only by itself");
  if (component.front() == '-') return invalid("it starts with a dash");
  if (component.find_first_of("\x09\x0a\x0b\x0c\x0d\x20\x7f") != component.npos) {
    return invalid("it contains backspace or whitespace");
  }
  return {};
}

}  // namespace

Result<void> validate(std::string_view role) {
  if (role == "*") return {};
  if (role.empty()) return failure(Code::invalid, "Empty role name is invalid");
  if (role.front() == '/') {
    return failure(Code::invalid, fmt::format("Role '{}' cannot start with a slash", role));
  }
  if (role.back() == '/') {
    return failure(Code::invalid, fmt::format("Role '{}' cannot end with a slash", role));
  }
  if (role.find("//") != role.npos) {
    return failure(Code::invalid,
                   fmt::format("Role '{}' cannot contain two adjacent slashes", role));
  }
  while (!role.empty()) {
    const size_t slash = std::min(role.find('/'), role.size());
    TRY_VOID(validate_component(role.substr(0, slash)));
    role.remove_prefix(std::min(slash + 1, role.size()));
  }
  return {};
}

bool is_descendant(std::string_view role, std::string_view ancestor) {
  return role.size() > ancestor.size() && role.starts_with(ancestor) &&
         role[ancestor.size()] == '/' && !ancestor.empty();
}

bool is_self_or_descendant(std::string_view role, std::string_view ancestor) {
  return role == ancestor || is_descendant(role, ancestor);
}

std::vector<std::string> ancestors(std::string_view role) {
  std::vector<std::string> all;
  for (auto above = parent(role); !above.empty(); above = parent(above)) all.emplace_back(above);
  return all;
}

std::string_view parent(std::string_view role) {
  const size_t slash = role.rfind('/');
  return slash == role.npos ? std::string_view() : role.substr(0, slash);
}

std::string_view basename(std::string_view role) {
  return role.substr(role.rfind('/') + 1);
}

}  // namespace mesolith::model::roles
