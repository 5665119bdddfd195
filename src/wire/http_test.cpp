// SPDX-License-Identifier: Apache-2.0
#include "wire/http.hpp"

#include <gtest/gtest.h>

#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/media_type.hpp"
#include "wire/record_io.hpp"

namespace mesolith::wire {
namespace {

TEST(Headers, IgnoreCaseAndKeepOrder) {
  Headers headers{{"A", "1"}, {"b", "2"}};
  headers.add("a", "3");
  ASSERT_TRUE(headers.find("a"));
  EXPECT_EQ(*headers.find("a"), "1");
  headers.set("A", "4");
  EXPECT_EQ(headers, (Headers{{"b", "2"}, {"A", "4"}}));
  EXPECT_FALSE(headers.find("c"));
}

TEST(Response, HasAReasonAndAType) {
  EXPECT_EQ(reason_phrase(406), "Not Acceptable");
  EXPECT_EQ(reason_phrase(299), "Unknown");
  EXPECT_EQ(text(400, "x").body, "x");
  EXPECT_EQ(*json("{}").headers.find("content-type"), "application/json");
  EXPECT_EQ(status_of(Code::conflict), 409);
}

TEST(Target, SplitsAndDecodes) {
  const auto target = parse_target("/slave(1)/files/read%2Fx+y?path=%2Fa+b&&offset=-1&flag&e==#f");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/slave(1)/files/read/x+y");
  EXPECT_EQ(*target->query.find("path"), "/a b");
  EXPECT_EQ(*target->query.find("offset"), "-1");
  EXPECT_EQ(*target->query.find("flag"), "");
  EXPECT_EQ(*target->query.find("e"), "=");
  EXPECT_EQ(parse_target("http://host:1/x?a=b")->path, "/x");
  EXPECT_EQ(*parse_target("http://host?a=b")->query.find("a"), "b");
  EXPECT_EQ(parse_target("HTTPS://host")->path, "/");
  for (const std::string_view bad : {"", "x", "/%", "/%4", "/%zz", "/?a=%f", "*"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
  EXPECT_EQ(percent_decode(percent_encode("a b/%~\xff"), false), "a b/%~\xff");
}

TEST(MediaType, Negotiation) {
  EXPECT_EQ(negotiate(std::nullopt), Media::json);
  EXPECT_EQ(negotiate("*/*"), Media::json);
  EXPECT_EQ(negotiate("application/*"), Media::json);
  EXPECT_EQ(negotiate("application/x-protobuf, application/json;q=0.1"), Media::json);
  EXPECT_EQ(negotiate("application/x-protobuf"), Media::protobuf);
  EXPECT_EQ(negotiate("application/json;q=0, */*"), Media::protobuf);
  EXPECT_EQ(negotiate("application/json; q=0.0, application/x-protobuf;q=0"), std::nullopt);
  EXPECT_EQ(negotiate("text/html"), std::nullopt);
  EXPECT_EQ(media_of_content_type("application/json; charset=utf-8"), std::nullopt);
  EXPECT_EQ(media_of_content_type("Application/JSON"), std::nullopt);
  EXPECT_EQ(media_of_content_type("application/x-protobuf"), Media::protobuf);
}

TEST(MediaType, ProtobufWithoutRequiredFieldsIsRefused) {
  mesos::v1::scheduler::Call call;
  call.mutable_subscribe()->mutable_framework_info()->set_user("u");
  mesos::v1::scheduler::Call out;
  const auto decoded = decode(Media::protobuf, call.SerializePartialAsString(), out);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, "Failed to parse body into Call protobuf");
}

TEST(RecordIo, AnySplitGivesTheSameRecords) {
  std::string stream;
  append_record("a", stream);
  append_record(std::string(12, '\n'), stream);
  append_record("2\nxy", stream);
  for (size_t first = 0; first <= stream.size(); ++first) {
    for (size_t second = first; second <= stream.size(); ++second) {
      RecordDecoder decoder(12);
      const std::string_view all = stream;
      ASSERT_TRUE(decoder.feed(all.substr(0, first)));
      ASSERT_TRUE(decoder.feed(all.substr(first, second - first)));
      ASSERT_TRUE(decoder.feed(all.substr(second)));
      EXPECT_EQ(decoder.next(), "a");
      EXPECT_EQ(decoder.next(), std::string(12, '\n'));
      EXPECT_EQ(decoder.next(), "2\nxy");
      EXPECT_EQ(decoder.next(), std::nullopt);
      EXPECT_TRUE(decoder.at_boundary());
    }
  }
}

TEST(RecordIo, FaultsAreForGood) {
  for (const std::string_view bad :
       {"\n", "0\n", "x", "-1\n", "1 \n", "13\n", "99999999999999999999", "18446744073709551617\n",
        "000000000000000000001\n"}) {
    RecordDecoder decoder(12);
    ASSERT_TRUE(decoder.feed("1\nz"));
    const auto first = decoder.feed(bad);
    ASSERT_FALSE(first) << bad;
    EXPECT_EQ(decoder.feed("1\na"), first);
    EXPECT_EQ(decoder.next(), "z");
    EXPECT_EQ(decoder.next(), std::nullopt);
  }
}

}  // namespace
}  // namespace mesolith::wire
