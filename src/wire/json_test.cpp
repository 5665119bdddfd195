// SPDX-License-Identifier: Apache-2.0
#include "wire/json.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mesos/v1/master/master.pb.h"
#include "mesos/v1/quota/quota.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/base64.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::wire {
namespace {

using namespace mesos::v1;
using Kind = JsonError::Kind;

template <class M>
M parsed(std::string_view text) {
  M message;
  const auto result = parse_json(text, message);
  EXPECT_TRUE(result) << text << ": " << (result ? "" : result.error().message);
  return message;
}

template <class M>
JsonError refusal(std::string_view text) {
  M message;
  const auto result = parse_json_message(text, message);
  EXPECT_FALSE(result) << text;
  return result ? JsonError{} : result.error();
}

TEST(JsonParse, TellsSyntaxFromShape) {
  for (const std::string_view text :
       {"", "{", "{\"a\":1,}", "{} x", "[1 2]", "{\"a\":01}", "{\"a\":\"\\x\"}", "{\"a\":\"\n\"}",
        "{\"a\":\"\\ud800\"}", "{a:1}", "nul", "{\"a\":1.}", "{\"a\":-}"}) {
    EXPECT_EQ(refusal<Labels>(text).kind, Kind::syntax) << text;
  }
  EXPECT_EQ(refusal<Labels>("{\n\n!").message, "syntax error at line 3 near: !");
  EXPECT_EQ(refusal<Labels>("[]"), (JsonError{Kind::shape, "Expecting a JSON object"}));
  // A shape fault before a syntax fault is still a syntax fault.
  EXPECT_EQ(refusal<Label>(R"({"key":1,)").kind, Kind::syntax);
}

TEST(JsonParse, BoundsNesting) {
  const auto nested = [](int depth) {
    return "{\"x\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  parsed<Labels>(nested(json_depth_max));
  EXPECT_EQ(refusal<Labels>(nested(json_depth_max + 1)).message, "nesting deeper than 100");
  EXPECT_EQ(refusal<Labels>(std::string(1 << 20, '[')).kind, Kind::syntax);
}

TEST(JsonParse, NamesWhatIsMissingOrWrong) {
  EXPECT_EQ(refusal<scheduler::Call>(R"({"subscribe":{"framework_info":{"user":"r"}}})"),
            (JsonError{Kind::shape, "Missing required fields: subscribe.framework_info.name"}));
  EXPECT_EQ(refusal<Label>(R"({"key":1})").message, "Not expecting a JSON number for field 'key'");
  EXPECT_EQ(refusal<Label>(R"({"key":{}})").message, "Not expecting a JSON object for field 'key'");
  EXPECT_EQ(refusal<Label>(R"({"key":["a"]})").message,
            "Not expecting a JSON array for field 'key'");
  EXPECT_EQ(refusal<Label>(R"({"key":true})").message,
            "Not expecting a JSON boolean for field 'key'");
  EXPECT_EQ(refusal<Labels>(R"({"labels":"x"})").message,
            "Not expecting a JSON string for field 'labels'");
}

TEST(JsonParse, SkipsUnknownKeysAndNulls) {
  const auto label =
      parsed<Label>(R"({"x":[1,{"y":"]}"},null,true],"key":"k","value":null,"Value":"no"})");
  EXPECT_EQ(label.key(), "k");
  EXPECT_FALSE(label.has_value());
  EXPECT_EQ(parsed<FrameworkInfo>(R"({"user":"u","name":"n","roles":[null,"a"]})").roles_size(), 1);
}

TEST(JsonParse, EnumsAreNames) {
  EXPECT_EQ(parsed<scheduler::Call>(R"({"type":"KILL"})").type(), scheduler::Call::KILL);
  EXPECT_FALSE(parsed<scheduler::Call>(R"({"type":"DANCE"})").has_type());
  EXPECT_EQ(refusal<scheduler::Call>(R"({"type":6})").message,
            "Not expecting a JSON number for field 'type'");
  const auto error = refusal<TaskStatus>(R"({"task_id":{"value":"t"},"state":"TASK_DANCING"})");
  EXPECT_TRUE(error.message.contains("TASK_DANCING") && error.message.contains("state"));
}

TEST(JsonParse, NumbersInStringsAndBooleans) {
  const auto info = parsed<FrameworkInfo>(
      R"({"user":"u","name":"n","failover_timeout":"Infinity","checkpoint":"true"})");
  EXPECT_EQ(info.failover_timeout(), HUGE_VAL);
  EXPECT_TRUE(info.checkpoint());
  EXPECT_EQ(parsed<Filters>(R"({"refuse_seconds":"-Infinity"})").refuse_seconds(), -HUGE_VAL);
  EXPECT_EQ(parsed<Filters>(R"({"refuse_seconds":1e3})").refuse_seconds(), 1000);
  EXPECT_EQ(parsed<Address>(R"({"port":"80"})").port(), 80);
  EXPECT_EQ(parsed<Address>(R"({"port":80.0})").port(), 80);
  EXPECT_EQ(parsed<Value::Range>(R"({"begin":18446744073709551615,"end":"7"})").begin(),
            UINT64_MAX);
  EXPECT_EQ(parsed<TimeInfo>(R"({"nanoseconds":-9223372036854775808})").nanoseconds(), INT64_MIN);
  for (const std::string_view text :
       {R"({"port":2147483648})", R"({"port":1e99})", R"({"port":"x"})", R"({"port":""})",
        R"({"port":"Infinity"})"}) {
    EXPECT_EQ(refusal<Address>(text).kind, Kind::shape) << text;
  }
  EXPECT_EQ(refusal<Value::Range>(R"({"begin":-1,"end":1})").kind, Kind::shape);
  EXPECT_EQ(refusal<Value::Range>(R"({"begin":18446744073709551616,"end":1})").kind, Kind::shape);
  EXPECT_EQ(refusal<Filters>(R"({"refuse_seconds":"nan"})").kind, Kind::shape);
}

TEST(JsonParse, RepeatedFieldsTakeOneScalar) {
  EXPECT_EQ(parsed<scheduler::Call::Revive>(R"({"roles":"a"})").roles(0), "a");
  EXPECT_EQ(parsed<Labels>(R"({"labels":{"key":"k"}})").labels(0).key(), "k");
  // Of a key that is given twice the last value counts.
  EXPECT_EQ(parsed<scheduler::Call::Revive>(R"({"roles":["a"],"roles":["b"]})").roles_size(), 1);
  EXPECT_EQ(parsed<Label>(R"({"key":"a","key":"b"})").key(), "b");
}

TEST(JsonParse, BytesAreStrictBase64) {
  EXPECT_EQ(parsed<mesos::v1::UUID>(R"({"value":"AAEC/w=="})").value(),
            std::string("\0\1\2\xff", 4));
  EXPECT_EQ(refusal<mesos::v1::UUID>(R"({"value":"!!!"})").message,
            "Failed to base64 decode bytes field 'value': Invalid character '!'");
  for (const std::string_view bad :
       {"A", "AA", "AAA", "A===", "AA==AA==", "AB==", "AA =", "=AAA"}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
  for (const std::string bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
  EXPECT_EQ(base64_encode("fooba"), "Zm9vYmE=");
}

TEST(Json, MapsAreObjects) {
  const std::string text = R"({"role":"r","limits":{"cpus":{"value":10.0},"mem":{"value":0.5}}})";
  const auto config = parsed<quota::QuotaConfig>(
      R"({"role":"r","limits":{"mem":{"value":0.5},"cpus":{"value":10},"gpus":null}})");
  EXPECT_EQ(config.limits().at("cpus").value(), 10);
  EXPECT_EQ(print_json(config), text);
  EXPECT_EQ(refusal<quota::QuotaConfig>(R"({"role":"r","limits":{"cpus":{}}})").kind, Kind::shape);
}

TEST(Json, DurationIsAnObject) {
  const auto call =
      parsed<master::Call>(R"({"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"a"},)"
                           R"("max_grace_period":{"seconds":10}}})");
  EXPECT_EQ(call.drain_agent().max_grace_period().seconds(), 10);
  EXPECT_TRUE(print_json(call).contains(R"("max_grace_period":{"seconds":10})"));
  EXPECT_EQ(refusal<master::Call>(
                R"({"drain_agent":{"agent_id":{"value":"a"},"max_grace_period":"10s"}})")
                .message,
            "Not expecting a JSON string for field 'max_grace_period'");
}

TEST(JsonPrint, DeclarationOrderAndDefaults) {
  FrameworkInfo info;
  info.set_principal("p");
  info.set_name("n");
  info.set_user("u");
  // failover_timeout and checkpoint have defaults; role has one too but is deprecated.
  EXPECT_EQ(print_json(info),
            R"({"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false,"principal":"p"})");
  info.set_role("*");
  EXPECT_TRUE(print_json(info).contains(R"("role":"*")"));
  EXPECT_EQ(print_json(CommandInfo()), R"({"shell":true})");
  EXPECT_EQ(print_json(Labels()), "{}");
  // Declared in this order, numbered in another.
  TaskStatus status;
  status.mutable_task_id()->set_value("t");
  status.set_state(TASK_RUNNING);
  status.set_data("d");
  status.set_message("m");
  EXPECT_EQ(print_json(status),
            R"({"task_id":{"value":"t"},"state":"TASK_RUNNING","message":"m","data":"ZA=="})");
}

TEST(JsonPrint, EmptyListsOfTheOperatorApi) {
  EXPECT_EQ(print_json(master::Response::GetTasks()),
            R"({"tasks":[],"unreachable_tasks":[],"completed_tasks":[]})");
  EXPECT_EQ(print_json(master::Response::GetOperations()), "{}");
}

TEST(JsonPrint, DoublesKeepThePoint) {
  const auto text = [](double value) {
    std::string out;
    append_json_double(value, out);
    return out;
  };
  EXPECT_EQ(text(15), "15.0");
  EXPECT_EQ(text(0), "0.0");
  EXPECT_EQ(text(-0.1), "-0.1");
  EXPECT_EQ(text(100000), "100000.0");
  EXPECT_EQ(text(1e20), "100000000000000000000.0");
  EXPECT_EQ(text(1e21), "1e+21");
  EXPECT_EQ(text(0.00003954147703233307), "0.00003954147703233307");
  EXPECT_EQ(text(1795350619.329966), "1795350619.329966");
  EXPECT_EQ(text(HUGE_VAL), "\"Infinity\"");
}

TEST(JsonPrint, StringsAreEscapedAndRepaired) {
  const auto text = [](std::string_view value) {
    std::string out;
    append_json_string(value, out);
    return out;
  };
  EXPECT_EQ(text("a/\"\\\b\f\n\r\t\x01"), R"("a/\"\\\b\f\n\r\t\u0001")");
  EXPECT_EQ(text("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  EXPECT_EQ(text("a\xff\xc3z\xed\xa0\x80"),
            "\"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(parsed<Label>(R"({"key":"\u00e9\ud83d\ude00\/\u0000"})").key(),
            std::string("\xc3\xa9\xf0\x9f\x98\x80/\0", 8));
}

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("a", 1).member("b", 2.0).member("c", "x\"").member("d", true);
  json.key("e").begin_array().number(uint64_t{UINT64_MAX}).null().begin_object().end_object();
  json.raw("[]").end_array().key("f").message(CommandInfo()).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":2.0,"c":"x\"","d":true,"e":[18446744073709551615,null,{},[]],)"
                 R"("f":{"shell":true}})");
}

}  // namespace
}  // namespace mesolith::wire
