// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "wire/base64.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace mesolith::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

template <class T>
void append_integer(T value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void append_text(const FieldDescriptor* field, const std::string& text, std::string& out) {
  if (field->type() == FieldDescriptor::TYPE_BYTES) {
    out += '"';
    append_base64(text, out);
    out += '"';
  } else {
    append_json_string(text, out);
  }
}

void append_singular(const Message& message, const FieldDescriptor* field, std::string& out) {
  const Reflection* reflection = message.GetReflection();
  std::string scratch;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return append_integer(reflection->GetInt32(message, field), out);
    case FieldDescriptor::CPPTYPE_INT64:
      return append_integer(reflection->GetInt64(message, field), out);
    case FieldDescriptor::CPPTYPE_UINT32:
      return append_integer(reflection->GetUInt32(message, field), out);
    case FieldDescriptor::CPPTYPE_UINT64:
      return append_integer(reflection->GetUInt64(message, field), out);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return append_json_double(reflection->GetDouble(message, field), out);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return append_json_double(reflection->GetFloat(message, field), out);
    case FieldDescriptor::CPPTYPE_BOOL:
      out += reflection->GetBool(message, field) ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      return append_json_string(reflection->GetEnum(message, field)->name(), out);
    case FieldDescriptor::CPPTYPE_STRING:
      return append_text(field, reflection->GetStringReference(message, field, &scratch), out);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return append_json(reflection->GetMessage(message, field), out);
  }
}

void append_element(const Message& message, const FieldDescriptor* field, int i, std::string& out) {
  const Reflection* reflection = message.GetReflection();
  std::string scratch;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return append_integer(reflection->GetRepeatedInt32(message, field, i), out);
    case FieldDescriptor::CPPTYPE_INT64:
      return append_integer(reflection->GetRepeatedInt64(message, field, i), out);
    case FieldDescriptor::CPPTYPE_UINT32:
      return append_integer(reflection->GetRepeatedUInt32(message, field, i), out);
    case FieldDescriptor::CPPTYPE_UINT64:
      return append_integer(reflection->GetRepeatedUInt64(message, field, i), out);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return append_json_double(reflection->GetRepeatedDouble(message, field, i), out);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return append_json_double(reflection->GetRepeatedFloat(message, field, i), out);
    case FieldDescriptor::CPPTYPE_BOOL:
      out += reflection->GetRepeatedBool(message, field, i) ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      return append_json_string(reflection->GetRepeatedEnum(message, field, i)->name(), out);
    case FieldDescriptor::CPPTYPE_STRING:
      return append_text(field, reflection->GetRepeatedStringReference(message, field, i, &scratch),
                         out);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return append_json(reflection->GetRepeatedMessage(message, field, i), out);
  }
}

// An object. Its keys are sorted, since a protobuf map has no order of its own and equal messages
// must print alike.
void append_map(const Message& message, const FieldDescriptor* field, std::string& out) {
  const Reflection* reflection = message.GetReflection();
  const FieldDescriptor* key_field = field->message_type()->map_key();
  const FieldDescriptor* value_field = field->message_type()->map_value();
  std::vector<std::pair<std::string, const Message*>> entries;
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, field, i);
    std::string key;
    if (key_field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      key = entry.GetReflection()->GetString(entry, key_field);
    } else {
      append_singular(entry, key_field, key);
    }
    entries.emplace_back(std::move(key), &entry);
  }
  std::ranges::sort(entries, {}, &std::pair<std::string, const Message*>::first);
  out += '{';
  bool comma = false;
  for (const auto& [key, entry] : entries) {
    if (comma) out += ',';
    comma = true;
    append_json_string(key, out);
    out += ':';
    append_singular(*entry, value_field, out);
  }
  out += '}';
}

void append_array(const Message& message, const FieldDescriptor* field, int size,
                  std::string& out) {
  out += '[';
  for (int i = 0; i < size; ++i) {
    if (i > 0) out += ',';
    append_element(message, field, i, out);
  }
  out += ']';
}

// The lists of the operator APIs, whose arrays are there even when empty (mesos-api.md 10, item 7):
// those whose reader is told that there is nothing, rather than not told.
bool shows_empty(const FieldDescriptor* field) {
  if (field->is_map()) return false;
  const std::string& owner = field->containing_type()->full_name();
  const bool master = owner.starts_with("mesos.v1.master.Response.Get");
  if (!master && !owner.starts_with("mesos.v1.agent.Response.Get")) return false;
  const std::string_view name = std::string_view(owner).substr(owner.rfind('.') + 1);
  if (name != "GetTasks" && name != "GetExecutors" && name != "GetFrameworks" &&
      name != "GetAgents") {
    return false;
  }
  return !field->options().deprecated();
}

}  // namespace

void append_json(const Message& message, std::string& out) {
  const Descriptor* descriptor = message.GetDescriptor();
  const Reflection* reflection = message.GetReflection();
  bool comma = false;
  const auto key = [&](const FieldDescriptor* field) {
    if (comma) out += ',';
    comma = true;
    out += '"';
    out += field->name();
    out += "\":";
  };
  out += '{';
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->is_repeated()) {
      const int size = reflection->FieldSize(message, field);
      if (size == 0 && !shows_empty(field)) continue;
      key(field);
      if (field->is_map()) {
        append_map(message, field, out);
      } else {
        append_array(message, field, size, out);
      }
    } else if (reflection->HasField(message, field) ||
               (field->has_default_value() && !field->options().deprecated())) {
      key(field);
      append_singular(message, field, out);
    }
  }
  out += '}';
}

std::string print_json(const Message& message) {
  std::string out;
  append_json(message, out);
  return out;
}

}  // namespace mesolith::wire
