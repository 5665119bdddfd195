// SPDX-License-Identifier: Apache-2.0
// The operations on resources of one ACCEPT (mesos-api.md 1.7). Each is taken as done at once: it
// changes what is left of the offers, the agent's total and the allocator's books, and goes to the
// agent, whose stream keeps its place before what follows. A bad one is dropped and told of if it
// has an id; the next goes on.
#pragma once

#include <string>

#include "master/core/internal.hpp"
#include "model/operations.hpp"

namespace mesolith::master {

class Converter {
 public:
  // `role` is that of the offers, `left` what is left of them; both must outlive this.
  Converter(Turn turn, Framework& framework, Agent& agent, const std::string& role,
            model::Resources& left)
      : turn_(turn), framework_(framework), agent_(agent), role_(role), left_(left) {}

  void apply(mesos::v1::Offer::Operation operation);
  // What nobody used: the filter does not keep back what came of operations.
  void return_left(Duration refuse);

 private:
  Result<model::Conversion> convert(mesos::v1::Offer::Operation& operation) const;
  Result<void> may_be_tracked(const mesos::v1::Offer::Operation& operation) const;
  void send(mesos::v1::Offer::Operation operation);

  Turn turn_;
  Framework& framework_;
  Agent& agent_;
  const std::string& role_;
  model::Resources& left_;
  model::Resources made_;  // by operations
};

// The agent's total follows what happened to its resources.
void convert_total(Agent& agent, const model::Conversion& conversion);
// Offers on the agent that hold one of these volumes, which are about to go.
void rescind_offers_of(Turn turn, const Agent& agent, const model::Resources& volumes);
// In the agent's stream. `uuid` empty: nobody waits for the outcome.
void send_operation(Turn turn, const Agent& agent, const FrameworkId* framework_id,
                    const std::string& uuid, mesos::v1::Offer::Operation operation);

}  // namespace mesolith::master
