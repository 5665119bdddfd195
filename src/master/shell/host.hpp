// SPDX-License-Identifier: Apache-2.0
// What the master tells of the machine it runs on. Never fails: what cannot be measured is 0 or
// "localhost".
#pragma once

#include <string>

#include "master/http/handle.hpp"

namespace mesolith::master {

http::ProcessFigures measure_host();  // all but the log file
std::string host_name();

}  // namespace mesolith::master
