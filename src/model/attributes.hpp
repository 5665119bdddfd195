// SPDX-License-Identifier: Apache-2.0
// Attributes of an agent in the text form of its flag: `rack:2;zone:a;r:[1-3];tags:{x,y}`
// (mesos-api.md 6.6). A value that is a number is a SCALAR, [..] are RANGES, {..} a SET, everything
// else TEXT. Fails saying what and at which part.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "mesos/v1/mesos.pb.h"

namespace mesolith::model {

using RepeatedAttribute = google::protobuf::RepeatedPtrField<mesos::v1::Attribute>;

Result<RepeatedAttribute> parse_attributes(std::string_view text);
std::string describe(const mesos::v1::Attribute& attribute);  // "rack:2"
std::string describe(const RepeatedAttribute& attributes);    // "rack:2; zone:a"

}  // namespace mesolith::model
