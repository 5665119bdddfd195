// SPDX-License-Identifier: Apache-2.0
#include "model/attributes.hpp"

#include <fmt/format.h>

#include "model/quantities.hpp"
#include "model/ranges.hpp"
#include "model/value_text.hpp"

namespace mesolith::model {

namespace {

Result<void> parse_value(std::string_view value, mesos::v1::Attribute* attribute) {
  if (value.starts_with('[')) {
    TRY(Ranges ranges, Ranges::parse(value));
    attribute->set_type(mesos::v1::Value::RANGES);
    ranges.to(attribute->mutable_ranges());
  } else if (value.starts_with('{')) {
    TRY(auto items, value_text::set(value));
    attribute->set_type(mesos::v1::Value::SET);
    for (const auto& item : items) attribute->mutable_set()->add_item(item);
  } else if (const auto number = value_text::number(value)) {
    attribute->set_type(mesos::v1::Value::SCALAR);
    attribute->mutable_scalar()->set_value(*number);
  } else {
    attribute->set_type(mesos::v1::Value::TEXT);
    attribute->mutable_text()->set_value(std::string(value));
  }
  return {};
}

}  // namespace

Result<RepeatedAttribute> parse_attributes(std::string_view text) {
  RepeatedAttribute attributes;
  for (std::string_view part : value_text::parts(text)) {
    const auto invalid = [&](std::string_view why) {
      return failure(Code::invalid, fmt::format("Invalid attribute '{}': {}", part, why));
    };
    const size_t colon = part.find(':');
    if (colon == part.npos) return invalid("it is not of the form key:value");
    const std::string_view name = value_text::trim(part.substr(0, colon));
    const std::string_view value = value_text::trim(part.substr(colon + 1));
    if (name.empty()) return invalid("it has no key");
    if (value.empty()) return invalid("it has no value");
    mesos::v1::Attribute attribute;
    attribute.set_name(std::string(name));
    if (auto parsed = parse_value(value, &attribute); !parsed)
      return invalid(parsed.error().message);
    attribute.Swap(attributes.Add());
  }
  return attributes;
}

std::string describe(const mesos::v1::Attribute& attribute) {
  const std::string& name = attribute.name();
  switch (attribute.type()) {
    case mesos::v1::Value::SCALAR:
      // With all its digits: an attribute is not rounded to thousandths.
      return fmt::format("{}:{}", name, attribute.scalar().value());
    case mesos::v1::Value::RANGES: {
      auto ranges = Ranges::from(attribute.ranges());
      return fmt::format("{}:{}", name, ranges ? ranges->describe() : "[]");
    }
    case mesos::v1::Value::SET:
      return fmt::format("{}:{{{}}}", name, fmt::join(attribute.set().item(), ", "));
    case mesos::v1::Value::TEXT:
      return fmt::format("{}:{}", name, attribute.text().value());
  }
  return name;
}

std::string describe(const RepeatedAttribute& attributes) {
  std::string text;
  for (const auto& attribute : attributes) {
    if (!text.empty()) text += "; ";
    text += describe(attribute);
  }
  return text;
}

}  // namespace mesolith::model
