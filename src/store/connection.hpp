// SPDX-License-Identifier: Apache-2.0
// SQLite with owners and Results. A Connection is one handle of one file; a Statement must not
// outlive it. Neither may be used by two threads at once. Failure: the Error names the file and
// what SQLite said, and for damage also what to do.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::store {

class Connection {
 public:
  static Result<Connection> open(const std::filesystem::path& file, int flags);

  Result<void> run(const char* sql);
  Result<std::int64_t> number(const char* sql);
  Result<std::string> text(const char* sql);
  // The last failure of this handle as an Error.
  Error error(std::string_view doing) const;
  int extended_code() const { return sqlite3_extended_errcode(handle_.get()); }
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  Connection(sqlite3* handle, std::string file) : handle_(handle), file_(std::move(file)) {}

  std::unique_ptr<sqlite3, Close> handle_;
  std::string file_;
};

class Statement {
 public:
  static Result<Statement> prepare(const Connection& connection, const char* sql);

  Statement& bind(int index, std::string_view bytes);
  Statement& bind(int index, std::int64_t number);
  // SQLITE_ROW, SQLITE_DONE or an error code.
  int step() { return sqlite3_step(handle_.get()); }
  void reset() {
    sqlite3_reset(handle_.get());
    sqlite3_clear_bindings(handle_.get());
  }
  // Columns of the current row; the view lives until the next step or reset.
  std::string_view bytes(int column) const;
  std::int64_t number(int column) const { return sqlite3_column_int64(handle_.get(), column); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// A failure of the file itself: the message says what was found and how to go on.
Error damaged(std::string_view file, std::string_view finding);

}  // namespace mesolith::store
