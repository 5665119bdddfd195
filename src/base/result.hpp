// SPDX-License-Identifier: Apache-2.0
// Result<T> is the value of anything that is expected to fail sometimes: input, files, peers. An
// Error says what kind of failure it is (the kinds map one to one to HTTP statuses) and, in a
// sentence, what was wrong and where.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace mesolith {

enum class Code {
  invalid,       // 400: the caller's data is wrong
  unauthorized,  // 401
  forbidden,     // 403
  not_found,     // 404
  conflict,      // 409
  too_large,     // 413
  unsupported,   // 415 or 501
  unavailable,   // 503: try again later
  corrupt,       // 500: stored data cannot be understood
  system,        // 500: the operating system refused
};

struct Error {
  Error(Code code, std::string message) : code(code), message(std::move(message)) {}
  bool operator==(const Error&) const = default;

  Code code;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

// An Error as the failing side of any Result.
inline std::unexpected<Error> failure(Code code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}

}  // namespace mesolith

#define MESOLITH_JOIN_(a, b) a##b
#define MESOLITH_JOIN(a, b) MESOLITH_JOIN_(a, b)

// TRY(auto x, expression) declares x or returns the error; TRY_VOID(expression) only returns the
// error.
#define TRY(declaration, ...)                                                 \
  auto MESOLITH_JOIN(try_, __LINE__) = (__VA_ARGS__);                         \
  if (!MESOLITH_JOIN(try_, __LINE__))                                         \
    return std::unexpected(std::move(MESOLITH_JOIN(try_, __LINE__)).error()); \
  declaration = *std::move(MESOLITH_JOIN(try_, __LINE__))
#define TRY_VOID(...)                                         \
  if (auto try_void_result = (__VA_ARGS__); !try_void_result) \
  return std::unexpected(std::move(try_void_result).error())
