// SPDX-License-Identifier: Apache-2.0
// CHECK states what must never be false. It stays on in production: a process that knows its state
// is wrong stops before it can tell anybody else. Never use it on input; input that can be wrong is
// a Result.
#pragma once

namespace mesolith {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}  // namespace mesolith

#define CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::mesolith::check_failed(#expression, __FILE__, __LINE__))
