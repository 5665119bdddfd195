// SPDX-License-Identifier: Apache-2.0
// Which agents a framework wants offers of, in one role (mesos-api.md 1.6): groups, any of which
// must hold, of constraints, all of which must hold. Made once and asked for each agent; a value
// that may be shared. Fails with what makes no sense in which group; never while it is asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "model/pattern.hpp"

namespace mesolith::model {

class OfferConstraints {
 public:
  using Proto = mesos::v1::scheduler::OfferConstraints::RoleConstraints;
  static Result<OfferConstraints> compile(const Proto& constraints);
  bool admit(const mesos::v1::AgentInfo& agent) const;

 private:
  struct Constraint {
    mesos::v1::scheduler::AttributeConstraint proto;
    std::optional<Pattern> pattern;  // of TextMatches and TextNotMatches
  };
  static Result<Constraint> compile(const mesos::v1::scheduler::AttributeConstraint& proto);
  static bool holds(const Constraint& constraint, const mesos::v1::AgentInfo& agent);

  std::vector<std::vector<Constraint>> groups_;
};

}  // namespace mesolith::model
