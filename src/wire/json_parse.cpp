// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

#include "wire/base64.hpp"
#include "wire/json.hpp"
#include "wire/json_reader.hpp"

namespace mesolith::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

using Parsed = std::expected<void, std::string>;

Parsed wrong(std::string_view kind, const FieldDescriptor* field) {
  return std::unexpected("Not expecting a JSON " + std::string(kind) + " for field '" +
                         field->name() + "'");
}

std::optional<double> to_double(std::string_view text) {
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  // JSON numbers only: from_chars also knows "inf" and "nan".
  if (text.find_first_not_of("+-.0123456789eE") != std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Whole numbers exactly; others, such as 10.0, through a double with the fraction cut off.
template <class T>
std::optional<T> to_integer(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  const std::optional<double> real = to_double(text);
  if (!real) return std::nullopt;
  const double whole = std::trunc(*real);
  const double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (!(whole < limit) || whole < (std::is_signed_v<T> ? -limit : 0.0)) return std::nullopt;
  return static_cast<T>(whole);
}

// Sets a singular field or adds to a repeated one.
class Slot {
 public:
  Slot(Message& message, const FieldDescriptor* field)
      : message_(message), field_(field), reflection_(message.GetReflection()) {}

  Message& sub_message() {
    return *(field_->is_repeated() ? reflection_->AddMessage(&message_, field_)
                                   : reflection_->MutableMessage(&message_, field_));
  }
  void put(std::string value) {
    field_->is_repeated() ? reflection_->AddString(&message_, field_, std::move(value))
                          : reflection_->SetString(&message_, field_, std::move(value));
  }
  void put(const google::protobuf::EnumValueDescriptor* value) {
    field_->is_repeated() ? reflection_->AddEnum(&message_, field_, value)
                          : reflection_->SetEnum(&message_, field_, value);
  }
  void put(bool value) {
    field_->is_repeated() ? reflection_->AddBool(&message_, field_, value)
                          : reflection_->SetBool(&message_, field_, value);
  }
  // A number of the field's type from its text; false if it is none or out of range.
  bool put_number(std::string_view text) {
    switch (field_->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return put(to_integer<int32_t>(text), &Reflection::SetInt32, &Reflection::AddInt32);
      case FieldDescriptor::CPPTYPE_INT64:
        return put(to_integer<int64_t>(text), &Reflection::SetInt64, &Reflection::AddInt64);
      case FieldDescriptor::CPPTYPE_UINT32:
        return put(to_integer<uint32_t>(text), &Reflection::SetUInt32, &Reflection::AddUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return put(to_integer<uint64_t>(text), &Reflection::SetUInt64, &Reflection::AddUInt64);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return put(to_double(text), &Reflection::SetDouble, &Reflection::AddDouble);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return put(to_double(text), &Reflection::SetFloat, &Reflection::AddFloat);
      default:
        return false;
    }
  }

 private:
  template <class T, class Set, class Add>
  bool put(std::optional<T> value, Set set, Add add) {
    if (!value) return false;
    if (field_->is_repeated()) {
      (reflection_->*add)(&message_, field_, *value);
    } else {
      (reflection_->*set)(&message_, field_, *value);
    }
    return true;
  }

  Message& message_;
  const FieldDescriptor* field_;
  const Reflection* reflection_;
};

bool numeric(const FieldDescriptor* field) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return true;
    default:
      return false;
  }
}

Parsed set_from_string(Message& message, const FieldDescriptor* field, std::string text) {
  Slot slot(message, field);
  if (field->type() == FieldDescriptor::TYPE_BYTES) {
    auto bytes = base64_decode(text);
    if (!bytes) {
      return std::unexpected("Failed to base64 decode bytes field '" + field->name() +
                             "': " + bytes.error().message);
    }
    slot.put(*std::move(bytes));
    return {};
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      slot.put(std::move(text));
      return {};
    case FieldDescriptor::CPPTYPE_ENUM:
      if (const auto* value = field->enum_type()->FindValueByName(text)) {
        slot.put(value);
      } else if (field->is_required()) {
        return std::unexpected("Failed to find enum for '" + text + "' in field '" + field->name() +
                               "'");
      }
      return {};
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") {
        return std::unexpected("Failed to parse '" + text + "' as a JSON boolean for field '" +
                               field->name() + "'");
      }
      slot.put(text == "true");
      return {};
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return wrong("string", field);
    default:
      if (slot.put_number(text)) return {};
      return std::unexpected("Failed to parse '" + text + "' as a JSON number for field '" +
                             field->name() + "'");
  }
}

Parsed parse_object(JsonCursor& json, Message& message);
Parsed parse_value(JsonCursor& json, Message& message, const FieldDescriptor* field);

Parsed parse_map(JsonCursor& json, Message& message, const FieldDescriptor* field) {
  const FieldDescriptor* key_field = field->message_type()->map_key();
  const FieldDescriptor* value_field = field->message_type()->map_value();
  json.begin();
  std::string key;
  while (json.next_key(key)) {
    if (json.kind() == JsonKind::null) {
      json.skip();
      continue;
    }
    Message& entry = *message.GetReflection()->AddMessage(&message, field);
    if (auto set = set_from_string(entry, key_field, key); !set) return set;
    if (auto set = parse_value(json, entry, value_field); !set) return set;
  }
  return {};
}

Parsed parse_value(JsonCursor& json, Message& message, const FieldDescriptor* field) {
  switch (json.kind()) {
    case JsonKind::object:
      if (field->is_map()) return parse_map(json, message, field);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return wrong("object", field);
      return parse_object(json, Slot(message, field).sub_message());
    case JsonKind::string: {
      std::string text;
      json.read_string(text);
      return set_from_string(message, field, std::move(text));
    }
    case JsonKind::number: {
      const std::string_view text = json.read_number();
      if (!numeric(field)) return wrong("number", field);
      if (Slot(message, field).put_number(text)) return {};
      return std::unexpected("The number " + std::string(text) + " does not fit field '" +
                             field->name() + "'");
    }
    case JsonKind::boolean: {
      const bool value = json.read_boolean();
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL) return wrong("boolean", field);
      Slot(message, field).put(value);
      return {};
    }
    case JsonKind::null:
      json.skip();
      return {};
    case JsonKind::array:
      return wrong("array", field);
  }
  return {};
}

Parsed parse_field(JsonCursor& json, Message& message, const FieldDescriptor* field) {
  // A key given twice: the last one counts.
  message.GetReflection()->ClearField(&message, field);
  if (json.kind() != JsonKind::array || !field->is_repeated()) {
    return parse_value(json, message, field);
  }
  json.begin();
  while (json.next_element()) {
    // An array in a map's place lists its entries as messages.
    const bool entry = field->is_map() && json.kind() == JsonKind::object;
    Parsed parsed = entry ? parse_object(json, Slot(message, field).sub_message())
                          : parse_value(json, message, field);
    if (!parsed) return parsed;
  }
  return {};
}

Parsed parse_object(JsonCursor& json, Message& message) {
  const Descriptor* descriptor = message.GetDescriptor();
  json.begin();
  std::string key;
  while (json.next_key(key)) {
    const FieldDescriptor* field = descriptor->FindFieldByName(key);
    if (!field) {
      json.skip();
    } else if (auto parsed = parse_field(json, message, field); !parsed) {
      return parsed;
    }
  }
  return {};
}

}  // namespace

std::expected<void, JsonError> parse_json_message(std::string_view text, Message& out) {
  using enum JsonError::Kind;
  out.Clear();
  if (auto checked = check_json_syntax(text, json_depth_max); !checked) {
    return std::unexpected(JsonError{syntax, std::move(checked).error().message});
  }
  JsonCursor json(text);
  if (json.kind() != JsonKind::object) {
    return std::unexpected(JsonError{shape, "Expecting a JSON object"});
  }
  if (auto parsed = parse_object(json, out); !parsed) {
    return std::unexpected(JsonError{shape, std::move(parsed).error()});
  }
  if (!out.IsInitialized()) {
    return std::unexpected(
        JsonError{shape, "Missing required fields: " + out.InitializationErrorString()});
  }
  return {};
}

Result<void> parse_json(std::string_view text, Message& out) {
  auto parsed = parse_json_message(text, out);
  if (!parsed) return failure(Code::invalid, std::move(parsed).error().message);
  return {};
}

}  // namespace mesolith::wire
