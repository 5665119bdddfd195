// SPDX-License-Identifier: Apache-2.0
#include "os/files.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

namespace mesolith::os {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "os-files-XXXXXX").native();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override {
    auto removed = remove_tree(root_);
    EXPECT_TRUE(removed) << removed.error().message;
  }
  fs::path root_;
};

TEST_F(FilesTest, WritesAtomicallyAndReadsBack) {
  fs::path path = root_ / "file";
  ASSERT_TRUE(write_file_atomic(path, "one", 0600));
  ASSERT_TRUE(write_file_atomic(path, std::string("t\0o", 3), 0640));
  EXPECT_EQ(read_file(path).value(), std::string("t\0o", 3));
  EXPECT_EQ(file_status(path)->mode & 07777, 0640u);
  EXPECT_EQ(list(root_)->size(), 1u);  // no temporary file is left
}

TEST_F(FilesTest, ReadersOfAnAtomicWriteSeeOldOrNew) {
  fs::path path = root_ / "file";
  std::string even(20'000, 'e'), odd(30'000, 'o');
  ASSERT_TRUE(write_file_atomic(path, even));
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(write_file_atomic(path, i % 2 ? even : odd));
  });
  for (int i = 0; i < 500; ++i) {
    std::string seen = read_file(path).value();
    EXPECT_TRUE(seen == even || seen == odd);
  }
  writer.join();
}

TEST_F(FilesTest, AFailedAtomicWriteLeavesNothing) {
  fs::create_directory(root_ / "taken");
  auto written = write_file_atomic(root_ / "taken", "x");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("taken: Is a directory"), std::string::npos);
  EXPECT_EQ(list(root_)->size(), 1u);
}

TEST_F(FilesTest, ReadErrorsSayWhatAndWhy) {
  auto missing = read_file(root_ / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_EQ(missing.error().message, (root_ / "none").native() + ": No such file or directory");
  ASSERT_TRUE(write_file_atomic(root_ / "big", std::string(101, 'x')));
  EXPECT_EQ(read_file(root_ / "big", 100).error().code, Code::too_large);
  EXPECT_EQ(read_file(root_ / "big", 101)->size(), 101u);
  EXPECT_FALSE(read_file(root_));
  EXPECT_GT(read_file("/proc/self/status")->size(), 0u);
}

TEST_F(FilesTest, AppendsFromSeveralOpeners) {
  auto one = AppendFile::open(root_ / "log");
  auto two = AppendFile::open(root_ / "log");
  ASSERT_TRUE(one && two);
  ASSERT_TRUE(one->append("a"));
  ASSERT_TRUE(two->append("b", true));
  ASSERT_TRUE(one->append("c"));
  EXPECT_EQ(read_file(root_ / "log").value(), "abc");
  EXPECT_EQ(one->size().value(), 3u);
}

TEST_F(FilesTest, MakesDirectoriesAndKeepsThoseThatExist) {
  fs::create_directory(root_ / "a");
  ASSERT_EQ(::chmod((root_ / "a").c_str(), 0711), 0);
  ASSERT_TRUE(make_directories(root_ / "a/b/c", 0750));
  ASSERT_TRUE(make_directories(root_ / "a/b/c/", 0750));
  EXPECT_EQ(file_status(root_ / "a")->mode & 07777, 0711u);
  EXPECT_EQ(file_status(root_ / "a/b/c")->mode & 07777, 0750u);
  ASSERT_TRUE(write_file_atomic(root_ / "file", ""));
  EXPECT_FALSE(make_directories(root_ / "file"));
  EXPECT_FALSE(make_directories(root_ / "file/x"));
}

TEST_F(FilesTest, RemovesTreesWithoutFollowingLinks) {
  ASSERT_TRUE(make_directories(root_ / "outside"));
  ASSERT_TRUE(write_file_atomic(root_ / "outside/kept", "k"));
  ASSERT_TRUE(make_directories(root_ / "tree/a/b"));
  ASSERT_TRUE(write_file_atomic(root_ / "tree/a/file", "f"));
  fs::create_symlink(root_ / "outside", root_ / "tree/a/link");
  fs::create_symlink(root_ / "tree", root_ / "entry");
  ASSERT_TRUE(remove_tree(root_ / "entry"));  // the link alone
  EXPECT_TRUE(fs::exists(root_ / "tree/a/file"));
  ASSERT_TRUE(remove_tree(root_ / "tree"));
  EXPECT_FALSE(fs::exists(root_ / "tree"));
  EXPECT_TRUE(fs::exists(root_ / "outside/kept"));
  EXPECT_TRUE(remove_tree(root_ / "tree"));  // not there: no failure
}

TEST_F(FilesTest, RemovesDirectoriesThatMayNotBeReadByOthers) {
  ASSERT_TRUE(make_directories(root_ / "tree/a", 0700));
  ASSERT_TRUE(write_file_atomic(root_ / "tree/a/read_only", "f", 0400));
  EXPECT_TRUE(remove_tree(root_ / "tree"));
}

// Mounting takes rights that not every runner has; without them the walk still must not fail.
TEST_F(FilesTest, NeverRemovesAcrossAMount) {
  ASSERT_TRUE(make_directories(root_ / "source"));
  ASSERT_TRUE(write_file_atomic(root_ / "source/kept", "k"));
  ASSERT_TRUE(make_directories(root_ / "tree/mounted"));
  bool mounted = ::mount((root_ / "source").c_str(), (root_ / "tree/mounted").c_str(), nullptr,
                         MS_BIND, nullptr) == 0;
  auto removed = remove_tree(root_ / "tree");
  EXPECT_EQ(removed.has_value(), !mounted);
  if (mounted) {
    EXPECT_EQ(removed.error().code, Code::conflict);
    EXPECT_EQ(::umount((root_ / "tree/mounted").c_str()), 0);
  }
  EXPECT_EQ(read_file(root_ / "source/kept").value(), "k");
}

TEST_F(FilesTest, ListsByNameWithTypes) {
  ASSERT_TRUE(write_file_atomic(root_ / "b", "12345"));
  ASSERT_TRUE(make_directories(root_ / "a"));
  fs::create_symlink("b", root_ / "c");
  auto files = list(root_).value();
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0].path, (root_ / "a").native());
  EXPECT_EQ(files[0].type, FileStatus::Type::directory);
  EXPECT_EQ(files[1].size, 5u);
  EXPECT_EQ(files[1].type, FileStatus::Type::regular);
  EXPECT_EQ(files[2].type, FileStatus::Type::link);
  EXPECT_EQ(file_status(root_ / "c")->size, 5u);
  EXPECT_EQ(file_status_link(root_ / "c")->type, FileStatus::Type::link);
  EXPECT_EQ(list(root_ / "none").error().code, Code::not_found);
}

TEST_F(FilesTest, CountsDiskUsageOnceAndNotThroughLinks) {
  ASSERT_TRUE(make_directories(root_ / "tree/below"));
  uint64_t before = disk_usage(root_ / "tree").value();
  ASSERT_TRUE(write_file_atomic(root_ / "tree/below/file", std::string(1 << 20, 'x')));
  fs::create_hard_link(root_ / "tree/below/file", root_ / "tree/again");
  fs::create_symlink("/", root_ / "tree/link");
  uint64_t grown = disk_usage(root_ / "tree").value() - before;
  EXPECT_GE(grown, 1u << 20);
  EXPECT_LT(grown, (1u << 20) + (1u << 18));
}

TEST_F(FilesTest, ChangesOwnersOfATreeAndOfLinksThemselves) {
  ASSERT_TRUE(make_directories(root_ / "tree/below"));
  ASSERT_TRUE(write_file_atomic(root_ / "outside", "x"));
  fs::create_symlink(root_ / "outside", root_ / "tree/below/link");
  auto changed = change_owner(root_ / "tree", 12345, 54321, true);
  if (::geteuid() == 0) {
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_EQ(file_status(root_ / "tree/below")->uid, 12345u);
    EXPECT_EQ(file_status_link(root_ / "tree/below/link")->gid, 54321u);
    EXPECT_EQ(file_status(root_ / "outside")->uid, 0u);
  } else {
    EXPECT_EQ(changed.error().code, Code::forbidden);
  }
}

TEST(FileDescriptorTest, ClosesWhatItOwnsOnce) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  FileDescriptor reader(ends[0]);
  {
    FileDescriptor writer(ends[1]);
    FileDescriptor moved(std::move(writer));
    EXPECT_FALSE(writer);
    EXPECT_EQ(moved.get(), ends[1]);
  }
  char byte;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0);
}

}  // namespace
}  // namespace mesolith::os
