// SPDX-License-Identifier: Apache-2.0
#include "store/connection.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace mesolith::store {

Error damaged(std::string_view file, std::string_view finding) {
  return {Code::corrupt,
          fmt::format("{} is damaged or is not a Mesolith store ({}). Move it aside together with "
                      "{}-wal and {}-shm and put a backup in its place; without a backup, start "
                      "with no file at all",
                      file, finding, file, file)};
}

Result<Connection> Connection::open(const std::filesystem::path& file, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Connection connection(handle, file.string());
  if (code != SQLITE_OK) return std::unexpected(connection.error("cannot open"));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 5'000);
  return connection;
}

Error Connection::error(std::string_view doing) const {
  const int code = sqlite3_errcode(handle_.get()) & 0xff;
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    return damaged(file_, sqlite3_errmsg(handle_.get()));
  const int number = sqlite3_system_errno(handle_.get());
  std::string reason = sqlite3_errmsg(handle_.get());
  if (code == SQLITE_FULL)
    reason += "; make room on that file system";
  else if (number != 0)
    reason += fmt::format(": {}", std::strerror(number));
  return {Code::system, fmt::format("{}: {}: {}", file_, doing, reason)};
}

Result<void> Connection::run(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(error(sql));
  return {};
}

Result<std::int64_t> Connection::number(const char* sql) {
  TRY(Statement statement, Statement::prepare(*this, sql));
  if (statement.step() != SQLITE_ROW) return std::unexpected(error(sql));
  return statement.number(0);
}

Result<std::string> Connection::text(const char* sql) {
  TRY(Statement statement, Statement::prepare(*this, sql));
  if (statement.step() != SQLITE_ROW) return std::unexpected(error(sql));
  return std::string(statement.bytes(0));
}

Result<Statement> Statement::prepare(const Connection& connection, const char* sql) {
  sqlite3_stmt* handle = nullptr;
  if (sqlite3_prepare_v2(connection.handle(), sql, -1, &handle, nullptr) != SQLITE_OK)
    return std::unexpected(connection.error(sql));
  return Statement(handle);
}

Statement& Statement::bind(int index, std::string_view bytes) {
  // SQLite takes a null pointer for NULL, also when the length is zero.
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  sqlite3_bind_blob64(handle_.get(), index, data, bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t number) {
  sqlite3_bind_int64(handle_.get(), index, number);
  return *this;
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(handle_.get(), column);
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

}  // namespace mesolith::store
