// SPDX-License-Identifier: Apache-2.0
#include "agent/hands/fetcher/names.hpp"

#include <gtest/gtest.h>

namespace mesolith::agent::fetcher {
namespace {

TEST(Names, Sources) {
  const auto source = [](std::string_view uri, std::string_view home = "") {
    return parse_source(uri, home).value_or(Source{{}, "?", "?"});
  };
  EXPECT_EQ(source("/a/b.txt").location, "/a/b.txt");
  EXPECT_EQ(source("/a/b.txt").name, "b.txt");
  EXPECT_EQ(source("file:///a/b").location, "/a/b");
  EXPECT_EQ(source("file://localhost/a/b").location, "/a/b");
  EXPECT_EQ(source("a/b", "/home").location, "/home/a/b");
  EXPECT_EQ(source("http://h/x/file.tgz").name, "file.tgz");
  EXPECT_EQ(source("HTTP://h/x").kind, Source::Kind::network);
  EXPECT_EQ(source("http://h/x?y=z").name, "x?y=z");
  EXPECT_EQ(source("http://h/x/file.tgz").location, "http://h/x/file.tgz");
  for (const char* bad :
       {"", "a/b", "/", "/a/", "/a/..", "file://a/b", "file:///", "hdfs://h/x", "gopher://h/x",
        "http://h", "http://h/", "http://h/a\\b", "http://h/it's", "://h/x", "file:x/.."}) {
    EXPECT_FALSE(parse_source(bad, "")) << bad;
  }
  EXPECT_FALSE(parse_source(std::string_view("/a\0b", 4), ""));
  EXPECT_FALSE(parse_source("/" + std::string(256, 'x'), ""));
  EXPECT_TRUE(parse_source("/" + std::string(255, 'x'), ""));
  EXPECT_FALSE(parse_source("http://h/" + std::string(uri_bytes_max, 'x'), ""));
}

TEST(Names, RelativePaths) {
  const auto path = [](std::string_view name) { return relative_path(name).value_or("?"); };
  EXPECT_EQ(path("a"), "a");
  EXPECT_EQ(path("./a//b/./c/"), "a/b/c");
  EXPECT_EQ(path("./"), "");
  EXPECT_EQ(path("a..b/...c"), "a..b/...c");
  for (const char* bad : {"/a", "..", "a/..", "a/../b", "../a", "./../a", "//"}) {
    EXPECT_EQ(path(bad), "?") << bad;
  }
  EXPECT_EQ(path(std::string_view("a\0b", 3)), "?");
  EXPECT_EQ(path(std::string(256, 'x')), "?");
  std::string deep = "x";
  for (size_t i = 0; i < path_depth_max; ++i) deep += "/x";
  EXPECT_EQ(path(deep), deep);
  EXPECT_EQ(path(deep + "/x"), "?");
  std::string wide;
  for (int i = 0; i < 20; ++i) wide += std::string(200, 'x') + "/";
  EXPECT_EQ(path(wide), "?");
}

TEST(Names, Links) {
  for (const auto& [path, target] : {std::pair("a", "b"),
                                     {"a", "b/c/d"},
                                     {"a/b", "../c"},
                                     {"a/b/c", "../../x/y"},
                                     {"a/b", ".."},
                                     {"a", "./b"}}) {
    EXPECT_TRUE(check_link(path, target)) << path << " " << target;
  }
  for (const auto& [path, target] : {std::pair("a", ".."),
                                     {"a", "/etc/passwd"},
                                     {"a/b", "../../c"},
                                     {"a/b", "x/../y"},
                                     {"a/b", "./../../c"},
                                     {"a", ""},
                                     {"a/b", "../x/.."}}) {
    EXPECT_FALSE(check_link(path, target)) << path << " " << target;
  }
}

TEST(Names, Packings) {
  for (const char* name :
       {"a.tar", "a.tgz", "a.tar.gz", "a.tbz2", "a.tar.bz2", "a.txz", "b.tar.xz"})
    EXPECT_EQ(packing_of(name), Packing::tar) << name;
  EXPECT_EQ(packing_of("a.gz"), Packing::gzip);
  EXPECT_EQ(packing_of("a.zip"), Packing::zip);
  for (const char* name : {"a", ".gz", "a.tar.gz?x", "a.TGZ", "tar", "a.bz2"})
    EXPECT_EQ(packing_of(name), Packing::none) << name;
}

TEST(Names, ShowNeitherSecretsNorControlCharacters) {
  EXPECT_EQ(shown("a\nb\x7f"), "a\\x0ab\\x7f");
  EXPECT_EQ(shown_uri("http://user:secret@host/x?y"), "http://***@host/x?y");
  EXPECT_EQ(shown_uri("http://host/x@y"), "http://host/x@y");
  EXPECT_LT(shown(std::string(10'000, 'x')).size(), 300u);
}

}  // namespace
}  // namespace mesolith::agent::fetcher
