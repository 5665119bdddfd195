// SPDX-License-Identifier: Apache-2.0
#include "model/ids.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesolith::model {

Result<void> validate_id(std::string_view id) {
  constexpr size_t length_max = 255;  // NAME_MAX: an id becomes the name of a directory
  if (id.empty()) return failure(Code::invalid, "ID must not be empty");
  if (id.size() > length_max) {
    return failure(Code::invalid,
                   fmt::format("ID must not be greater than {} characters", length_max));
  }
  if (id == "." || id == "..") {
    return failure(Code::invalid, fmt::format("'{}' is disallowed", id));
  }
  const auto forbidden = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || c == '/' || c == '\\';
  };
  if (std::ranges::any_of(id, forbidden)) {
    return failure(Code::invalid, fmt::format("'{}' contains invalid characters", id));
  }
  return {};
}

ContainerId id_of(const mesos::v1::ContainerID& id) {
  std::string text = id.value();
  for (const auto* at = &id; at->has_parent();) {
    at = &at->parent();
    text.insert(0, at->value() + ".");
  }
  return ContainerId(std::move(text));
}

mesos::v1::ContainerID to_proto(const ContainerId& id) {
  mesos::v1::ContainerID proto;
  auto* at = &proto;
  std::string_view rest = id.value;
  for (size_t dot = rest.rfind('.'); dot != rest.npos; dot = rest.rfind('.')) {
    at->set_value(std::string(rest.substr(dot + 1)));
    at = at->mutable_parent();
    rest = rest.substr(0, dot);
  }
  at->set_value(std::string(rest));
  return proto;
}

}  // namespace mesolith::model
