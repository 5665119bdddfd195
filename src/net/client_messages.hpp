// SPDX-License-Identifier: Apache-2.0
// What the clients of this room have in common: a request as bytes, and their failures as Errors.
#pragma once

#include <string>

#include "base/result.hpp"
#include "net/address.hpp"
#include "net/http_parser.hpp"
#include "wire/http.hpp"

namespace mesolith::net {

// With Host and, where there is or may be a body, Content-Length.
std::string render_request(const Endpoint& server, const wire::Request& request);

// Why a parser of responses has failed.
Error answer_error(const Endpoint& server, const HttpParser& parser);

Error lost_error(const Endpoint& server, const std::string& what);

}  // namespace mesolith::net
