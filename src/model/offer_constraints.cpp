// SPDX-License-Identifier: Apache-2.0
#include "model/offer_constraints.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesolith::model {
namespace {

using mesos::v1::Attribute;
using mesos::v1::scheduler::AttributeConstraint;
using Selector = AttributeConstraint::Selector;
using Predicate = AttributeConstraint::Predicate;

struct Selected {
  bool exists = false;
  std::optional<std::string> text;  // none: of another type than TEXT
};

Selected select(const Selector& selector, const mesos::v1::AgentInfo& agent) {
  if (selector.has_attribute_name()) {
    const auto found = std::ranges::find_if(agent.attributes(), [&](const Attribute& attribute) {
      return attribute.name() == selector.attribute_name();
    });
    if (found == agent.attributes().end()) return {};
    if (found->type() != mesos::v1::Value::TEXT) return {true, std::nullopt};
    return {true, found->text().value()};
  }
  const auto& fault_domain = agent.domain().fault_domain();
  switch (selector.pseudoattribute_type()) {
    case Selector::HOSTNAME:
      return {true, agent.hostname()};
    case Selector::REGION:
      if (!agent.domain().has_fault_domain()) return {};
      return {true, fault_domain.region().name()};
    case Selector::ZONE:
      if (!agent.domain().has_fault_domain()) return {};
      return {true, fault_domain.zone().name()};
    default:
      return {};
  }
}

Result<void> invalid(std::string message) {
  return failure(Code::invalid, std::move(message));
}

Result<void> validate(const Selector& selector) {
  if (selector.has_attribute_name() == selector.has_pseudoattribute_type()) {
    return invalid(
        "Exactly one of 'AttributeConstraint::Selector::attribute_name' and "
        "'AttributeConstraint::Selector::pseudoattribute_type' must be set");
  }
  if (selector.has_pseudoattribute_type() && selector.pseudoattribute_type() == Selector::UNKNOWN) {
    return invalid("Unknown pseudoattribute type");
  }
  return {};
}

}  // namespace

Result<OfferConstraints::Constraint> OfferConstraints::compile(const AttributeConstraint& proto) {
  TRY_VOID(validate(proto.selector()));
  Constraint constraint{proto, std::nullopt};
  switch (proto.predicate().predicate_case()) {
    case Predicate::PREDICATE_NOT_SET:
      return failure(Code::invalid, "Unknown predicate type");
    case Predicate::kTextMatches: {
      TRY(constraint.pattern, Pattern::compile(proto.predicate().text_matches().regex()));
      break;
    }
    case Predicate::kTextNotMatches: {
      TRY(constraint.pattern, Pattern::compile(proto.predicate().text_not_matches().regex()));
      break;
    }
    default:
      break;
  }
  return constraint;
}

Result<OfferConstraints> OfferConstraints::compile(const Proto& proto) {
  if (proto.groups().empty()) return failure(Code::invalid, "An empty constraint group list");
  OfferConstraints constraints;
  for (const auto& group : proto.groups()) {
    if (group.attribute_constraints().empty()) {
      return failure(Code::invalid, "A group without attribute constraints");
    }
    auto& compiled = constraints.groups_.emplace_back();
    for (const AttributeConstraint& one : group.attribute_constraints()) {
      auto constraint = compile(one);
      if (!constraint) {
        return failure(Code::invalid,
                       fmt::format("A constraint of group {} is invalid: {}",
                                   constraints.groups_.size() - 1, constraint.error().message));
      }
      compiled.push_back(*std::move(constraint));
    }
  }
  return constraints;
}

// Of a text, what says it; of what has no text: true; of nothing: only the negated ones are.
bool OfferConstraints::holds(const Constraint& constraint, const mesos::v1::AgentInfo& agent) {
  const Predicate& predicate = constraint.proto.predicate();
  const Selected selected = select(constraint.proto.selector(), agent);
  switch (predicate.predicate_case()) {
    case Predicate::kExists:
      return selected.exists;
    case Predicate::kNotExists:
      return !selected.exists;
    case Predicate::kTextEquals:
      return selected.text ? *selected.text == predicate.text_equals().value() : selected.exists;
    case Predicate::kTextNotEquals:
      return !selected.text || *selected.text != predicate.text_not_equals().value();
    case Predicate::kTextMatches:
      return selected.text ? constraint.pattern->matches(*selected.text) : selected.exists;
    case Predicate::kTextNotMatches:
      return !selected.text || !constraint.pattern->matches(*selected.text);
    default:
      return false;
  }
}

bool OfferConstraints::admit(const mesos::v1::AgentInfo& agent) const {
  return std::ranges::any_of(groups_, [&](const std::vector<Constraint>& group) {
    return std::ranges::all_of(
        group, [&](const Constraint& constraint) { return holds(constraint, agent); });
  });
}

}  // namespace mesolith::model
