// SPDX-License-Identifier: Apache-2.0
// A Store in one SQLite file (WAL, synchronous=FULL) that `sqlite3` can read while it is in use:
// table entries(key, version, value).
// One writer thread takes everything that waits, applies it in one transaction, syncs once and then
// calls each `done` in order. A batch that conflicts does not disturb its neighbours. When the disk
// refuses, the whole group gets `system`, what was acknowledged before stays, and the next group is
// tried anew; after a failed sync the store takes no more writes until it is opened again, because
// nobody can say then what the disk holds.
// One process owns the file: `<file>.lock` is locked while it is open.
// The destructor commits what still waits and calls its `done`.
#pragma once

#include <filesystem>
#include <memory>

#include "store/store.hpp"

namespace mesolith::store {

// Opens or creates the file and checks every page of it. Errors: corrupt (not a store, or damaged),
// unsupported (written by a newer version), conflict (another process has it), system.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& file);

// A consistent copy of a store, also of one in use by this or another process. `to` is replaced as
// a whole, after it was synced; on an error it is as it was.
Result<void> backup_sqlite_store(const std::filesystem::path& from,
                                 const std::filesystem::path& to);

}  // namespace mesolith::store
