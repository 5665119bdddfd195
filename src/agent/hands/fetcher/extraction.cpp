// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/extraction.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <memory>

#include "agent/hands/fetcher/libraries.hpp"

namespace mesolith::agent::fetcher {
namespace {

constexpr size_t block_bytes = 64 * 1024;

// Names in archives are UTF-8 or bytes; the locale of this process says neither.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_) before_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (!locale_) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_;
  locale_t before_{};
};

class Extraction {
 public:
  Extraction(const Archive& library, os::Beneath& into, Budget& budget)
      : library_(library),
        into_(into),
        budget_(budget),
        archive_(library.read_new(), library.read_free) {}

  Result<void> open(int descriptor, Packing packing);
  Result<void> all(Packing packing, const std::string& name);

 private:
  Result<bool> next(struct archive_entry*& entry);
  Result<void> one(struct archive_entry* entry, const std::string& path);
  Result<void> file(struct archive_entry* entry, const std::string& path);
  Result<void> data(int file, const std::string& path, struct archive_entry* entry);
  Result<void> corrupt() const;
  const char* first_of(const char* bytes, const char* utf8) const { return bytes ? bytes : utf8; }

  const Archive& library_;
  os::Beneath& into_;
  Budget& budget_;
  std::unique_ptr<struct archive, decltype(&::archive_read_free)> archive_;
};

Result<void> Extraction::corrupt() const {
  const char* why = library_.error_string(archive_.get());
  return failure(Code::corrupt,
                 fmt::format("the archive cannot be read: {}", why ? shown(why) : "no reason"));
}

Result<void> Extraction::open(int descriptor, Packing packing) {
  if (!archive_) return failure(Code::system, "no memory for an archive");
  struct archive* archive = archive_.get();
  int worst = ARCHIVE_OK;
  const auto with = [&](int status) { worst = std::min(worst, status); };
  if (packing == Packing::zip) {
    with(library_.support_format_zip(archive));
  } else {
    with(library_.support_filter_gzip(archive));
  }
  if (packing == Packing::tar) {
    with(library_.support_filter_bzip2(archive));
    with(library_.support_filter_xz(archive));
    with(library_.support_format_tar(archive));
  }
  if (packing == Packing::gzip) with(library_.support_format_raw(archive));
  if (worst < ARCHIVE_WARN) return corrupt();
  if (library_.open_fd(archive, descriptor, block_bytes) != ARCHIVE_OK) return corrupt();
  return {};
}

Result<bool> Extraction::next(struct archive_entry*& entry) {
  const int status = library_.next_header(archive_.get(), &entry);
  if (status == ARCHIVE_EOF) return false;
  if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
    TRY_VOID(corrupt());
  }
  // One compression around one archive; more are only known of bombs.
  constexpr int filters_max = 2;  // itself and none
  if (library_.filter_count(archive_.get()) > filters_max) {
    return failure(Code::invalid, "the archive is compressed more than once");
  }
  return true;
}

Result<void> Extraction::all(Packing packing, const std::string& name) {
  struct archive_entry* entry = nullptr;
  uint64_t made_before = into_.directories_made();
  while (true) {
    TRY(const bool more, next(entry));
    if (!more) return {};
    TRY_VOID(budget_.enter(1));
    if (packing == Packing::gzip) {
      if (library_.filter_count(archive_.get()) < 2) {
        return failure(Code::corrupt, "the archive cannot be read: it is not in gzip format");
      }
      const std::string base = name.substr(name.rfind('/') + 1);
      TRY_VOID(file(entry, base.substr(0, base.rfind('.'))));
      continue;
    }
    const char* named = first_of(library_.pathname(entry), library_.pathname_utf8(entry));
    if (!named) return failure(Code::invalid, "an entry of the archive has no name");
    auto path = relative_path(named);
    Result<void> done = path ? one(entry, *path) : std::unexpected(path.error());
    if (!done) {
      return failure(done.error().code, fmt::format("entry '{}' of the archive: {}", shown(named),
                                                    done.error().message));
    }
    // Directories that entries only imply count as well.
    TRY_VOID(budget_.enter(into_.directories_made() - made_before));
    made_before = into_.directories_made();
  }
}

Result<void> Extraction::one(struct archive_entry* entry, const std::string& path) {
  const char* linked = first_of(library_.hardlink(entry), library_.hardlink_utf8(entry));
  if (path.empty()) {
    if (!linked && library_.filetype(entry) == AE_IFDIR) return {};  // the sandbox itself
    return failure(Code::invalid, "its name is that of the directory it is extracted to");
  }
  if (linked) {
    const auto existing = relative_path(linked);
    if (!existing || existing->empty()) {
      return failure(Code::invalid,
                     fmt::format("it is a hard link to '{}', which leads out", shown(linked)));
    }
    return into_.make_hard_link(path, *existing);
  }
  constexpr mode_t permissions = 0777, special = S_ISUID | S_ISGID;
  const mode_t mode = library_.mode(entry) & permissions;
  switch (library_.filetype(entry)) {
    case AE_IFDIR:
      return into_.make_directory(path, mode | S_IRWXU);
    case AE_IFREG:
      if ((library_.mode(entry) & special) != 0) {
        return failure(Code::forbidden, "its mode has the setuid or setgid bit");
      }
      return file(entry, path);
    case AE_IFLNK: {
      const char* target = first_of(library_.symlink(entry), library_.symlink_utf8(entry));
      TRY_VOID(check_link(path, target ? target : ""));
      return into_.make_symbolic_link(path, target);
    }
    case AE_IFBLK:
    case AE_IFCHR:
      return failure(Code::forbidden, "it is a device");
    default:
      return failure(Code::forbidden, "it is neither file, directory nor link");
  }
}

Result<void> Extraction::file(struct archive_entry* entry, const std::string& path) {
  TRY(const os::FileDescriptor file, into_.make_file(path));
  TRY_VOID(data(file.get(), path, entry));
  constexpr mode_t permissions = 0777;
  if (::fchmod(file.get(), library_.mode(entry) & permissions) != 0) {
    return std::unexpected(os::system_error(errno, path));
  }
  if (library_.mtime_is_set(entry)) {
    const timespec modified{library_.mtime(entry),
                            std::clamp(library_.mtime_nsec(entry), 0L, 999'999'999L)};
    const timespec times[2] = {{0, UTIME_NOW}, modified};
    (void)::futimens(file.get(), times);  // a time that the file system cannot hold is no loss
  }
  return {};
}

Result<void> Extraction::data(int file, const std::string& path, struct archive_entry* entry) {
  uint64_t end = 0;  // of what is accounted for; holes are too
  const auto reach = [&](uint64_t wanted) -> Result<void> {
    if (wanted <= end) return {};
    TRY_VOID(budget_.extract(wanted - end));
    end = wanted;
    return {};
  };
  while (true) {
    const void* bytes = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int status = library_.data_block(archive_.get(), &bytes, &size, &offset);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return corrupt();
    if (offset < 0 || size > static_cast<uint64_t>(INT64_MAX - offset)) {
      return failure(Code::corrupt, "its data lies nowhere");
    }
    TRY_VOID(reach(static_cast<uint64_t>(offset) + size));
    while (size > 0) {
      const ssize_t count = ::pwrite(file, bytes, size, offset);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return std::unexpected(os::system_error(errno, path));
      bytes = static_cast<const char*>(bytes) + count;
      size -= static_cast<size_t>(count);
      offset += count;
    }
  }
  const la_int64_t announced = library_.size_is_set(entry) ? library_.size(entry) : 0;
  if (announced <= 0 || static_cast<uint64_t>(announced) <= end) return {};
  TRY_VOID(reach(static_cast<uint64_t>(announced)));  // it ends in a hole
  if (::ftruncate(file, announced) != 0) return std::unexpected(os::system_error(errno, path));
  return {};
}

}  // namespace

Result<void> extract(int archive, Packing packing, const std::string& name, os::Beneath& into,
                     Budget& budget) {
  TRY(const Archive* library, load_archive());
  const Utf8Locale locale;
  Extraction extraction(*library, into, budget);
  TRY_VOID(extraction.open(archive, packing));
  return extraction.all(packing, name);
}

}  // namespace mesolith::agent::fetcher
