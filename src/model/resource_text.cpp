// SPDX-License-Identifier: Apache-2.0
#include "model/resource_text.hpp"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include "model/value_text.hpp"

namespace mesolith::model {

namespace {

// "disk(role)" or "disk".
Result<void> parse_key(std::string_view part, std::string_view key, std::string_view default_role,
                       mesos::v1::Resource* resource) {
  std::string_view name = value_text::trim(key);
  std::string_view role = default_role;
  const size_t open = name.find('(');
  if (open != name.npos || name.ends_with(')')) {
    if (open == name.npos || !name.ends_with(')') ||
        name.find_first_of("()", open + 1) != name.size() - 1) {
      return failure(Code::invalid, fmt::format("mismatched parentheses in '{}'", part));
    }
    role = value_text::trim(name.substr(open + 1, name.size() - open - 2));
    name = value_text::trim(name.substr(0, open));
  }
  if (name.empty()) return failure(Code::invalid, fmt::format("no name in '{}'", part));
  resource->set_name(std::string(name));
  if (role != "*") resource->set_role(std::string(role));
  return {};
}

Result<void> parse_value(std::string_view part, std::string_view text,
                         mesos::v1::Resource* resource) {
  const std::string_view value = value_text::trim(text);
  if (value.starts_with('[')) {
    TRY(Ranges ranges, Ranges::parse(value));
    resource->set_type(mesos::v1::Value::RANGES);
    ranges.to(resource->mutable_ranges());
  } else if (value.starts_with('{')) {
    TRY(auto items, value_text::set(value));
    resource->set_type(mesos::v1::Value::SET);
    for (const auto& item : items) resource->mutable_set()->add_item(item);
  } else {
    const auto number = value_text::number(value);
    if (!number) {
      return failure(Code::invalid,
                     fmt::format("the value in '{}' is none of a number, [1-2] and {{a,b}}", part));
    }
    resource->set_type(mesos::v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(*number);
  }
  return {};
}

Result<RepeatedResource> parse_simple(std::string_view text, std::string_view default_role) {
  RepeatedResource resources;
  for (std::string_view part : value_text::parts(text)) {
    const size_t colon = part.find(':');
    if (colon == part.npos || part.find(':', colon + 1) != part.npos) {
      return failure(Code::invalid, fmt::format("missing or extra ':' in '{}'", part));
    }
    mesos::v1::Resource resource;
    TRY_VOID(parse_key(part, part.substr(0, colon), default_role, &resource));
    TRY_VOID(parse_value(part, part.substr(colon + 1), &resource));
    resource.Swap(resources.Add());
  }
  return resources;
}

Result<RepeatedResource> parse_json(std::string_view text, std::string_view default_role) {
  // This message has a repeated Resource and no required field, which makes it a good envelope.
  mesos::v1::Offer::Operation::Unreserve envelope;
  const auto status = google::protobuf::util::JsonStringToMessage(
      fmt::format("{{\"resources\":{}}}", text), &envelope);
  if (!status.ok()) {
    return failure(Code::invalid,
                   fmt::format("not a JSON array of resources: {}", status.ToString()));
  }
  for (auto& resource : *envelope.mutable_resources()) {
    if (!resource.has_role() && resource.reservations_size() == 0 && default_role != "*") {
      resource.set_role(std::string(default_role));
    }
  }
  return std::move(*envelope.mutable_resources());
}

}  // namespace

Result<Resources> parse_resources(std::string_view text, std::string_view default_role) {
  const std::string_view whole = value_text::trim(text);
  auto parsed =
      whole.starts_with('[') ? parse_json(whole, default_role) : parse_simple(whole, default_role);
  if (!parsed) return failure(Code::invalid, "Bad value for resources: " + parsed.error().message);
  auto resources = Resources::parse(*parsed);
  if (!resources)
    return failure(Code::invalid, "Bad value for resources: " + resources.error().message);
  return resources;
}

}  // namespace mesolith::model
