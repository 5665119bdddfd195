// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "base/check.hpp"
#include "store/connection.hpp"

namespace mesolith::store {
namespace {

constexpr std::int64_t application_id = 0x4d65736f;  // "Meso"
constexpr std::int64_t schema_version = 1;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

Error refused(const std::string& path, std::string_view doing) {
  return {Code::system, fmt::format("{}: cannot {}: {}", path, doing, std::strerror(errno))};
}

Result<Descriptor> lock_file(const std::filesystem::path& file) {
  const std::string path = file.string() + ".lock";
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (descriptor.number() < 0) return std::unexpected(refused(path, "create it"));
  if (::flock(descriptor.number(), LOCK_EX | LOCK_NB) == 0) return descriptor;
  if (errno != EWOULDBLOCK) return std::unexpected(refused(path, "lock it"));
  return failure(Code::conflict,
                 fmt::format("{} is in use by another process; stop that one, or choose another "
                             "directory",
                             file.string()));
}

Result<void> sync_path(const std::filesystem::path& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.number() < 0) return std::unexpected(refused(path, "open it"));
  if (::fsync(descriptor.number()) != 0) return std::unexpected(refused(path, "sync it"));
  return {};
}

Result<void> check_schema(Connection& writer, const std::string& file) {
  TRY(const std::int64_t tables, writer.number("SELECT count(*) FROM sqlite_schema"));
  TRY(const std::int64_t version, writer.number("PRAGMA user_version"));
  if (tables == 0 && version == 0) {
    return writer.run(
        "BEGIN IMMEDIATE;"
        "CREATE TABLE entries (key BLOB PRIMARY KEY, version INTEGER NOT NULL,"
        " value BLOB NOT NULL) WITHOUT ROWID;"
        "PRAGMA application_id = 1298494319; PRAGMA user_version = 1; COMMIT");
  }
  TRY(const std::int64_t application, writer.number("PRAGMA application_id"));
  if (application != application_id)
    return std::unexpected(damaged(file, "another program's SQLite database"));
  if (version > schema_version)
    return failure(Code::unsupported,
                   fmt::format("{} has schema {}; this version reads up to {}. Start the version "
                               "that wrote it",
                               file, version, schema_version));
  TRY(const std::string verdict, writer.text("PRAGMA integrity_check(1)"));
  if (verdict != "ok") return std::unexpected(damaged(file, verdict));
  return {};
}

struct Pending {
  Batch batch;
  Done done;
  Result<void> result;
};

// The statements of the writer; used by the writer thread alone.
struct Writer {
  Connection connection;
  Statement version;
  Statement put;
  Statement erase;
};

Result<Writer> open_writer(const std::filesystem::path& file) {
  TRY(Connection connection, Connection::open(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  TRY(const std::string mode, connection.text("PRAGMA journal_mode = WAL"));
  if (mode != "wal")
    return failure(Code::system, fmt::format("{}: the file system or its permissions do not allow "
                                             "write-ahead logging (mode '{}')",
                                             file.string(), mode));
  TRY_VOID(connection.run("PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON"));
  TRY_VOID(check_schema(connection, file.string()));
  TRY(Statement version,
      Statement::prepare(connection, "SELECT version FROM entries WHERE key = ?1"));
  TRY(Statement put, Statement::prepare(connection,
                                        "INSERT INTO entries VALUES (?1, 1, ?2) ON CONFLICT (key) "
                                        "DO UPDATE SET version = version + 1, value = ?2"));
  TRY(Statement erase, Statement::prepare(connection, "DELETE FROM entries WHERE key = ?1"));
  return Writer{std::move(connection), std::move(version), std::move(put), std::move(erase)};
}

Result<void> execute(Writer& writer, Statement& statement) {
  const int code = statement.step();
  Result<void> result;
  if (code != SQLITE_DONE) result = std::unexpected(writer.connection.error("cannot write"));
  statement.reset();
  return result;
}

Result<Version> version_of(Writer& writer, std::string_view key) {
  const int code = writer.version.bind(1, key).step();
  Result<Version> result = absent;
  if (code == SQLITE_ROW)
    result = static_cast<Version>(writer.version.number(0));
  else if (code != SQLITE_DONE)
    result = std::unexpected(writer.connection.error("cannot read"));
  writer.version.reset();
  return result;
}

// Applies one batch inside the open transaction. The outer Result fails when the disk does; the
// inner one is the batch's own answer, and when it is a failure nothing was written.
Result<Result<void>> apply_batch(Writer& writer, const Batch& batch) {
  for (const Write& write : batch) {
    if (write.expected == any_version) continue;
    TRY(const Version version, version_of(writer, write.key));
    if (write.expected != version)
      return Result<void>(failure(Code::conflict, fmt::format("'{}' has version {}, not {}",
                                                              write.key, version, write.expected)));
  }
  for (const Write& write : batch) {
    if (write.value) {
      TRY_VOID(execute(writer, writer.put.bind(1, write.key).bind(2, *write.value)));
    } else {
      TRY_VOID(execute(writer, writer.erase.bind(1, write.key)));
    }
  }
  return Result<void>();
}

Result<void> apply_all(Writer& writer, std::deque<Pending>& group) {
  TRY_VOID(writer.connection.run("BEGIN IMMEDIATE"));
  for (Pending& pending : group) {
    TRY(pending.result, apply_batch(writer, pending.batch));
  }
  return writer.connection.run("COMMIT");
}

class SqliteStore : public Store {
 public:
  SqliteStore(std::string file, Descriptor lock, Writer writer, Connection reader)
      : file_(std::move(file)),
        lock_(std::move(lock)),
        writer_(std::move(writer)),
        reader_(std::move(reader)),
        thread_([this] { write_until_stopped(); }) {}

  ~SqliteStore() override {
    {
      std::lock_guard guard(queue_mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  Result<std::optional<Versioned>> get(std::string_view key) override {
    std::lock_guard guard(reader_mutex_);
    TRY(Statement select,
        Statement::prepare(reader_, "SELECT version, value FROM entries WHERE key = ?1"));
    const int code = select.bind(1, key).step();
    if (code == SQLITE_DONE) return std::nullopt;
    if (code != SQLITE_ROW) return std::unexpected(reader_.error("cannot read"));
    return Versioned{std::string(select.bytes(1)), static_cast<Version>(select.number(0))};
  }

  Result<Entries> list(std::string_view prefix) override {
    std::lock_guard guard(reader_mutex_);
    TRY(Statement select,
        Statement::prepare(reader_,
                           "SELECT key, version, value FROM entries WHERE key >= ?1 ORDER BY key"));
    select.bind(1, prefix);
    Entries entries;
    int code = select.step();
    for (; code == SQLITE_ROW && select.bytes(0).starts_with(prefix); code = select.step())
      entries.emplace_back(select.bytes(0), Versioned{std::string(select.bytes(2)),
                                                      static_cast<Version>(select.number(1))});
    if (code != SQLITE_ROW && code != SQLITE_DONE)
      return std::unexpected(reader_.error("cannot read"));
    return entries;
  }

  void commit(Batch batch, Done done) override {
    if (auto checked = check_limits(batch); !checked) return done(std::move(checked));
    const std::size_t bytes = size_bytes(batch);
    {
      std::unique_lock guard(queue_mutex_);
      // A batch larger than the whole allowance may still pass when it is alone.
      if (queue_.size() >= queued_batches_max ||
          (!queue_.empty() && queued_bytes_ + bytes > queued_bytes_max)) {
        guard.unlock();
        return done(failure(Code::unavailable,
                            fmt::format("{}: too many writes wait for the disk", file_)));
      }
      queued_bytes_ += bytes;
      queue_.push_back({std::move(batch), std::move(done), {}});
    }
    wake_.notify_one();
  }

 private:
  void write_until_stopped() {
    while (true) {
      std::deque<Pending> group;
      {
        std::unique_lock guard(queue_mutex_);
        wake_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        group.swap(queue_);
        queued_bytes_ = 0;
      }
      write_group(group);
      for (Pending& pending : group) pending.done(std::move(pending.result));
    }
  }

  void write_group(std::deque<Pending>& group) {
    Result<void> written =
        broken_ ? Result<void>(std::unexpected(*broken_)) : apply_all(writer_, group);
    if (written) return;
    if (!broken_) {
      const int code = writer_.connection.extended_code();
      if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) broken_ = written.error();
      if (sqlite3_get_autocommit(writer_.connection.handle()) == 0) {
        auto rolled_back = writer_.connection.run("ROLLBACK");
        if (!rolled_back) broken_ = rolled_back.error();
      }
    }
    for (Pending& pending : group) pending.result = std::unexpected(written.error());
  }

  const std::string file_;
  Descriptor lock_;
  Writer writer_;
  std::optional<Error> broken_;  // the writer thread's own

  std::mutex reader_mutex_;
  Connection reader_;

  std::mutex queue_mutex_;
  std::condition_variable wake_;
  std::deque<Pending> queue_;
  std::size_t queued_bytes_ = 0;
  bool stopping_ = false;

  std::thread thread_;  // last: it starts when all else stands
};

Result<void> copy_store(const std::filesystem::path& from, const std::filesystem::path& to) {
  TRY(Connection source, Connection::open(from, SQLITE_OPEN_READWRITE));
  TRY(const std::int64_t application, source.number("PRAGMA application_id"));
  if (application != application_id)
    return std::unexpected(damaged(from.string(), "it carries no store"));
  TRY(Connection target, Connection::open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  sqlite3_backup* backup = sqlite3_backup_init(target.handle(), "main", source.handle(), "main");
  if (backup == nullptr) return std::unexpected(target.error("cannot start a backup"));
  sqlite3_backup_step(backup, -1);
  if (sqlite3_backup_finish(backup) != SQLITE_OK)
    return std::unexpected(target.error("cannot copy"));
  // Without its own log the copy is one file that can be carried away.
  return target.run("PRAGMA journal_mode = DELETE");
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& file) {
  TRY(Descriptor lock, lock_file(file));
  TRY(Writer writer, open_writer(file));
  TRY(Connection reader, Connection::open(file, SQLITE_OPEN_READWRITE));
  TRY_VOID(reader.run("PRAGMA query_only = ON"));
  return std::make_unique<SqliteStore>(file.string(), std::move(lock), std::move(writer),
                                       std::move(reader));
}

Result<void> backup_sqlite_store(const std::filesystem::path& from,
                                 const std::filesystem::path& to) {
  std::filesystem::path partial = to;
  partial += ".partial";
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
  Result<void> copied = copy_store(from, partial);
  if (copied) copied = sync_path(partial);
  if (!copied) {
    std::filesystem::remove(partial, ignored);
    return copied;
  }
  std::error_code error;
  std::filesystem::rename(partial, to, error);
  if (error)
    return failure(Code::system,
                   fmt::format("{}: cannot replace it: {}", to.string(), error.message()));
  return sync_path(to.has_parent_path() ? to.parent_path() : ".");
}

}  // namespace mesolith::store
