// SPDX-License-Identifier: Apache-2.0
// Archives that mean harm, by hand and by the thousands, through the extraction that ships.
// Whatever they hold: nothing beside the sandbox is touched, nothing in it leads out or is special,
// and it ends within its limits.
#include "agent/hands/fetcher/extraction.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/rng.hpp"
#include "os/files.hpp"

namespace mesolith::agent::fetcher {
namespace {

namespace fs = std::filesystem;

struct Entry {
  std::string name;
  mode_t type = AE_IFREG;
  std::string content = {};
  std::string symbolic_link = {}, hard_link = {};
  mode_t mode = 0644;
};

enum class Format { tar, gnu_tar, zip };

std::string pack(const std::vector<Entry>& entries, Format format, int filter) {
  archive* out = archive_write_new();
  if (format == Format::zip) {
    archive_write_set_format_zip(out);
  } else if (format == Format::gnu_tar) {
    archive_write_set_format_gnutar(out);
  } else {
    archive_write_set_format_pax_restricted(out);
  }
  if (filter != ARCHIVE_FILTER_NONE) archive_write_add_filter(out, filter);
  archive_write_set_bytes_in_last_block(out, 1);
  std::string bytes(4 << 20, '\0');
  size_t used = 0;
  EXPECT_EQ(archive_write_open_memory(out, bytes.data(), bytes.size(), &used), ARCHIVE_OK);
  for (const Entry& each : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, each.name.c_str());
    archive_entry_set_filetype(entry, each.type);
    archive_entry_set_mode(entry, each.type | each.mode);
    archive_entry_set_size(entry, static_cast<int64_t>(each.content.size()));
    if (!each.symbolic_link.empty()) archive_entry_set_symlink(entry, each.symbolic_link.c_str());
    if (!each.hard_link.empty()) archive_entry_set_hardlink(entry, each.hard_link.c_str());
    if (each.type == AE_IFBLK || each.type == AE_IFCHR) archive_entry_set_rdev(entry, 0x105);
    if (archive_write_header(out, entry) >= ARCHIVE_WARN && !each.content.empty()) {
      archive_write_data(out, each.content.data(), each.content.size());
    }
    archive_entry_free(entry);
  }
  archive_write_close(out);
  archive_write_free(out);
  bytes.resize(used);
  return bytes;
}

class ExtractionTest : public testing::Test {
 protected:
  void SetUp() override {
    // In memory where that can be: there are a million of small files.
    const bool shared_memory = ::access("/dev/shm", W_OK | X_OK) == 0;
    std::string pattern =
        (shared_memory ? "/dev/shm/" : testing::TempDir()) + std::string("extraction-XXXXXX");
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    top = pattern;
    // What an archive could reach from the sandbox by a step or two out of it.
    for (const char* around : {"canary", "x", "a", "outer/canary", "outer/x", "outer/a"}) {
      fs::create_directories(top + "/" + around);
      std::ofstream(top + "/" + around + "/file") << "untouched";
    }
    sandbox = top + "/outer/sandbox";
    fresh();
    before = around();
  }
  void TearDown() override { fs::remove_all(top); }

  void fresh() {
    ASSERT_TRUE(os::remove_tree(sandbox));
    ASSERT_TRUE(fs::create_directory(sandbox));
    std::ofstream(sandbox + "/stdout");
  }
  Result<void> extract_bytes(const std::string& bytes, Packing packing,
                             const std::string& name = "archive") {
    const os::FileDescriptor file(::memfd_create("archive", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::lseek(file.get(), 0, SEEK_SET);
    auto into = os::Beneath::open(sandbox);
    EXPECT_TRUE(into);
    Budget budget(limits, into->descriptor());
    return extract(file.get(), packing, name, *into, budget);
  }
  Result<void> extract_entries(const std::vector<Entry>& entries, Format format = Format::tar,
                               int filter = ARCHIVE_FILTER_NONE) {
    return extract_bytes(pack(entries, format, filter),
                         format == Format::zip ? Packing::zip : Packing::tar);
  }

  // Everything but the sandbox: names, kinds, sizes, times of change.
  std::set<std::string> around() {
    std::set<std::string> seen;
    for (auto each = fs::recursive_directory_iterator(top); each != fs::end(each); ++each) {
      if (each->path() == sandbox) {
        each.disable_recursion_pending();
        continue;
      }
      struct stat status{};
      ::lstat(each->path().c_str(), &status);
      std::string what = each->path().string() + " " + std::to_string(status.st_mode) + " " +
                         std::to_string(status.st_size) + " " + std::to_string(status.st_nlink);
      // The directory above changes with the sandbox itself.
      if (each->path() != top + "/outer") {
        what += " " + std::to_string(status.st_ctim.tv_sec) + "." +
                std::to_string(status.st_ctim.tv_nsec);
      }
      seen.insert(what);
    }
    return seen;
  }
  // What is wrong with the sandbox; empty: nothing.
  std::string harm() {
    uint64_t bytes = 0, entries = 0;
    for (auto each = fs::recursive_directory_iterator(sandbox); each != fs::end(each); ++each) {
      const std::string path = each->path();
      struct stat status{};
      ::lstat(path.c_str(), &status);
      ++entries;
      if ((status.st_mode & (S_ISUID | S_ISGID)) != 0) return path + " has a mode of power";
      if (S_ISLNK(status.st_mode)) {
        std::error_code error;
        const fs::path real = fs::weakly_canonical(path, error);
        const auto text = real.string() + "/";
        if (!error && !text.starts_with(sandbox + "/")) return path + " leads to " + text;
      } else if (S_ISREG(status.st_mode)) {
        bytes += static_cast<uint64_t>(status.st_size) / status.st_nlink;
      } else if (!S_ISDIR(status.st_mode)) {
        return path + " is special";
      }
    }
    if (bytes > limits.bytes_extracted_max) return "too many bytes";
    if (entries > 4 * limits.entries_max) return "too many entries";
    return "";
  }
  void expect_refused(const std::vector<Entry>& entries, const std::string& named) {
    fresh();
    const Result<void> done = extract_entries(entries);
    ASSERT_FALSE(done) << named;
    EXPECT_NE(done.error().message.find(named), std::string::npos) << done.error().message;
    EXPECT_EQ(harm(), "");
    EXPECT_EQ(around(), before);
  }
  std::string read(const std::string& name) {
    return os::read_file(sandbox + "/" + name).value_or("(nothing)");
  }

  std::string top, sandbox;
  std::set<std::string> before;
  Budget::Limits limits{1 << 20, 1 << 20, 200, 0};
};

TEST_F(ExtractionTest, GoodArchivesOfEveryKind) {
  const std::vector<Entry> entries = {{"./", AE_IFDIR},
                                      {"d/", AE_IFDIR, {}, {}, {}, 0500},
                                      {"d/tool", AE_IFREG, "runs", {}, {}, 0755},
                                      {"d/link", AE_IFLNK, {}, "tool"},
                                      {"implied/deep/file", AE_IFREG, std::string(70'000, 'x')},
                                      {"up", AE_IFLNK, {}, "implied/deep"},
                                      {"grüße", AE_IFREG, "utf-8"}};
  for (const Format format : {Format::tar, Format::gnu_tar, Format::zip}) {
    for (const int filter :
         {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ}) {
      if (format == Format::zip && filter != ARCHIVE_FILTER_NONE) continue;
      fresh();
      const Result<void> done = extract_entries(entries, format, filter);
      ASSERT_TRUE(done) << done.error().message << static_cast<int>(format) << filter;
      EXPECT_EQ(read("d/link"), "runs");
      EXPECT_EQ(::access((sandbox + "/d/tool").c_str(), X_OK), 0);
      EXPECT_EQ(read("up/file").size(), 70'000u);
      EXPECT_EQ(read("grüße"), "utf-8");
      EXPECT_EQ(harm(), "");
    }
  }
  fresh();
  ASSERT_TRUE(extract_entries({{"a", AE_IFREG, "x"}, {"b", AE_IFREG, {}, {}, "a"}}));
  EXPECT_EQ(fs::hard_link_count(sandbox + "/a"), 2u);
}

TEST_F(ExtractionTest, GzipFilesLoseTheirExtension) {
  archive* out = archive_write_new();
  archive_write_set_format_raw(out);
  archive_write_add_filter_gzip(out);
  std::string bytes(1000, '\0');
  size_t used = 0;
  archive_write_open_memory(out, bytes.data(), bytes.size(), &used);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(out, entry);
  archive_write_data(out, "hello", 5);
  archive_entry_free(entry);
  archive_write_close(out);
  archive_write_free(out);
  bytes.resize(used);
  const Result<void> done = extract_bytes(bytes, Packing::gzip, "sub/text.txt.gz");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(read("text.txt"), "hello");
  EXPECT_FALSE(extract_bytes("plain text", Packing::gzip, "x.gz"));
}

TEST_F(ExtractionTest, WhatLeadsOutIsRefusedByName) {
  for (const char* name : {"../x", "a/../../x", "/tmp/x", "..", "a/.."}) {
    expect_refused({{"good", AE_IFREG, "x"}, {name, AE_IFREG, "x"}}, name);
  }
  expect_refused({{"link", AE_IFLNK, {}, "/etc/passwd"}}, "'link'");
  expect_refused({{"link", AE_IFLNK, {}, "../canary"}}, "'link'");
  expect_refused({{"d/link", AE_IFLNK, {}, "../../canary"}}, "'d/link'");
  // Links that are harmless alone.
  expect_refused({{"a/b/c", AE_IFDIR},
                  {"a/b/c/up", AE_IFLNK, {}, "../../.."},
                  {"out", AE_IFLNK, {}, "a/b/c/up/../canary"}},
                 "'out'");
  expect_refused({{"d", AE_IFDIR}, {"l", AE_IFLNK, {}, "d"}, {"l/x", AE_IFREG, "x"}}, "'l/x'");
  expect_refused({{"hard", AE_IFREG, {}, {}, "../canary/file"}}, "'hard'");
  expect_refused({{"hard", AE_IFREG, {}, {}, "/etc/passwd"}}, "'hard'");
  expect_refused({{"s", AE_IFLNK, {}, "stdout"}, {"hard", AE_IFREG, {}, {}, "s"}}, "'hard'");
  expect_refused({{"d/d/s", AE_IFLNK, {}, "../../stdout"}, {"s", AE_IFREG, {}, {}, "d/d/s"}},
                 "'s'");
}

TEST_F(ExtractionTest, WhatIsSpecialIsRefusedByName) {
  expect_refused({{"char", AE_IFCHR}}, "'char'");
  expect_refused({{"block", AE_IFBLK}}, "'block'");
  expect_refused({{"fifo", AE_IFIFO}}, "'fifo'");
  expect_refused({{"suid", AE_IFREG, "x", {}, {}, 04755}}, "'suid'");
  expect_refused({{"sgid", AE_IFREG, "x", {}, {}, 02755}}, "'sgid'");
}

TEST_F(ExtractionTest, LimitsHold) {
  std::vector<Entry> many;
  for (uint64_t i = 0; i <= limits.entries_max; ++i) many.push_back({"f" + std::to_string(i)});
  expect_refused(many, "entries");
  std::string deep = "d";
  for (int i = 0; i < 150; ++i) deep += "/d";
  expect_refused({{deep, AE_IFREG, "x"}}, "deeper");
  std::vector<Entry> implied;  // each entry makes a hundred directories
  for (int i = 0; i < 10; ++i)
    implied.push_back({std::to_string(i) + deep.substr(0, 200), AE_IFREG});
  expect_refused(implied, "entries");
  // A bomb: a megabyte and a half of nothing, in a kilobyte and a half.
  const std::vector<Entry> bomb = {{"zeros", AE_IFREG, std::string(3 << 19, '\0')}};
  const std::string bytes = pack(bomb, Format::tar, ARCHIVE_FILTER_XZ);
  EXPECT_LT(bytes.size(), 3000u);
  fresh();
  EXPECT_EQ(extract_bytes(bytes, Packing::tar).error().code, Code::too_large);
  // One of two layers.
  archive* out = archive_write_new();
  archive_write_set_format_ustar(out);
  archive_write_add_filter_gzip(out);
  archive_write_add_filter_xz(out);
  std::string twice(1 << 20, '\0');
  size_t used = 0;
  archive_write_open_memory(out, twice.data(), twice.size(), &used);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, "f");
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(out, entry);
  archive_entry_free(entry);
  archive_write_close(out);
  archive_write_free(out);
  fresh();
  const Result<void> layered = extract_bytes(twice.substr(0, used), Packing::tar);
  ASSERT_FALSE(layered);
  EXPECT_NE(layered.error().message.find("more than once"), std::string::npos);
}

std::string random_path(Rng& rng) {
  static const std::vector<std::string> parts = {"a", "b", "c",  "x",      "..",  ".",
                                                 "",  "d", "up", "canary", "file"};
  std::string path = rng.chance(0.05) ? "/" : "";
  const uint64_t count = 1 + rng.below(5);
  for (uint64_t i = 0; i < count; ++i) {
    const bool plain = rng.chance(0.8);
    path += (i > 0 ? "/" : "") + parts[plain ? rng.below(4) : rng.below(parts.size())];
  }
  if (rng.chance(0.01)) path += std::string(rng.below(400), 'n');
  return path.empty() ? "a" : path;
}

std::string random_target(Rng& rng) {
  std::string target;
  for (uint64_t ups = rng.below(4); ups > 0; --ups) target += "../";
  if (rng.chance(0.7)) target += random_path(rng);
  return target.empty() ? ".." : target;
}

Entry random_entry(Rng& rng) {
  Entry entry;
  entry.name = random_path(rng);
  entry.mode = rng.chance(0.05) ? 04755 : static_cast<mode_t>(rng.below(0777));
  const uint64_t kind = rng.below(100);
  if (kind < 30) {
    entry.content = std::string(rng.below(200), 'c');
  } else if (kind < 45) {
    entry.type = AE_IFDIR;
  } else if (kind < 80) {
    entry.type = AE_IFLNK;
    entry.symbolic_link = random_target(rng);
  } else if (kind < 97) {
    entry.hard_link = rng.chance(0.5) ? random_target(rng) : random_path(rng);
  } else {
    entry.type = kind == 97 ? AE_IFCHR : AE_IFIFO;
  }
  return entry;
}

std::vector<Entry> random_entries(Rng& rng) {
  std::vector<Entry> entries;
  for (uint64_t count = 1 + rng.below(8); count > 0; --count) entries.push_back(random_entry(rng));
  return entries;
}

constexpr int rounds = 10'000;

TEST_F(ExtractionTest, TenThousandRandomArchivesTouchNothingElse) {
  Rng rng(1);
  int whole = 0, refused = 0;
  for (int round = 0; round < rounds; ++round) {
    if (round % 3 == 0) fresh();  // else one comes upon what another has left
    const Format format = static_cast<Format>(rng.below(3));
    (extract_entries(random_entries(rng), format) ? whole : refused)++;
    ASSERT_EQ(harm(), "") << "round " << round;
    if (round % 20 == 0) ASSERT_EQ(around(), before) << "round " << round;
  }
  ASSERT_EQ(around(), before);
  EXPECT_GT(whole, rounds / 50);
  EXPECT_GT(refused, rounds / 50);
}

TEST_F(ExtractionTest, TenThousandMutatedArchivesTouchNothingElse) {
  Rng rng(2);
  const std::vector<Entry> entries = {{"d/", AE_IFDIR, {}, {}, {}, 0755},
                                      {"d/file", AE_IFREG, std::string(300, 'f')},
                                      {"d/link", AE_IFLNK, {}, "../d/file"},
                                      {"again", AE_IFREG, {}, {}, "d/file"},
                                      {"last", AE_IFREG, "the end"}};
  struct Real {
    std::string bytes;
    Packing packing;
  };
  std::vector<Real> real;
  for (const Format format : {Format::tar, Format::gnu_tar}) {
    for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP,
                             ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ}) {
      real.push_back({pack(entries, format, filter), Packing::tar});
    }
  }
  for (int i = 0; i < 4; ++i) {
    real.push_back({pack(entries, Format::zip, ARCHIVE_FILTER_NONE), Packing::zip});
  }
  int whole = 0, refused = 0;
  for (int round = 0; round < rounds; ++round) {
    if (round % 3 == 0) fresh();
    const Real& origin = real[rng.below(real.size())];
    std::string bytes = origin.bytes;
    for (uint64_t changes = 1 + rng.below(6); changes > 0 && !bytes.empty(); --changes) {
      const size_t at = rng.below(bytes.size());
      const uint64_t how = rng.below(10);
      if (how < 6) bytes[at] = static_cast<char>(rng.below(256));
      if (how == 6) bytes.resize(at);
      if (how == 7)
        bytes.insert(at, std::string(rng.below(600), static_cast<char>(rng.below(256))));
      if (how == 8) bytes.erase(at, rng.below(600));
      if (how == 9) bytes += bytes.substr(at);
    }
    (extract_bytes(bytes, origin.packing) ? whole : refused)++;
    ASSERT_EQ(harm(), "") << "round " << round;
    if (round % 20 == 0) ASSERT_EQ(around(), before) << "round " << round;
  }
  ASSERT_EQ(around(), before);
  EXPECT_GT(whole, rounds / 50);
  EXPECT_GT(refused, rounds / 50);
}

}  // namespace
}  // namespace mesolith::agent::fetcher
