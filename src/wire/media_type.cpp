// SPDX-License-Identifier: Apache-2.0
#include "wire/media_type.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.hpp"
#include "wire/http.hpp"
#include "wire/json.hpp"

namespace mesolith::wire {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the part before the next `separator` off `text`.
std::string_view take(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

// Whether the parameters of a range leave it wanted: q absent or above 0.
bool wanted(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view value = take(parameters, ';');
    const std::string_view name = take(value, '=');
    if (!equal_ignoring_case(name, "q")) continue;
    value = trimmed(value);
    double quality = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), quality);
    return error == std::errc() && end == value.data() + value.size() && quality > 0;
  }
  return true;
}

// How closely a range names a type: 2 exactly, 1 as type/*, 0 as */*, -1 not at all.
int closeness(std::string_view range, std::string_view type) {
  if (equal_ignoring_case(range, type)) return 2;
  if (range == "*/*" || range == "*") return 0;
  const size_t slash = type.find('/');
  if (range.ends_with("/*") &&
      equal_ignoring_case(range.substr(0, range.size() - 2), type.substr(0, slash))) {
    return 1;
  }
  return -1;
}

}  // namespace

std::string_view media_name(Media media) {
  return media == Media::json ? "application/json" : "application/x-protobuf";
}

std::optional<Media> media_of_content_type(std::string_view content_type) {
  if (content_type == media_name(Media::json)) return Media::json;
  if (content_type == media_name(Media::protobuf)) return Media::protobuf;
  return std::nullopt;
}

bool accepts(std::optional<std::string_view> accept, std::string_view type) {
  if (!accept || trimmed(*accept).empty()) return true;
  std::string_view ranges = *accept;
  int closest = -1;
  bool allowed = false;
  while (!ranges.empty()) {
    std::string_view parameters = take(ranges, ',');
    const std::string_view range = take(parameters, ';');
    const int close = closeness(range, type);
    if (close <= closest) continue;
    closest = close;
    allowed = wanted(parameters);
  }
  return allowed;
}

std::optional<Media> negotiate(std::optional<std::string_view> accept) {
  for (const Media media : {Media::json, Media::protobuf}) {
    if (accepts(accept, media_name(media))) return media;
  }
  return std::nullopt;
}

std::string encode(Media media, const google::protobuf::Message& message) {
  if (media == Media::json) return print_json(message);
  std::string out;
  CHECK(message.SerializeToString(&out));
  return out;
}

Result<void> decode(Media media, std::string_view body, google::protobuf::Message& out) {
  const std::string& name = out.GetDescriptor()->name();
  if (media == Media::protobuf) {
    // Partial, so that the library does not log what the answer says.
    const bool parsed = body.size() <= static_cast<size_t>(std::numeric_limits<int>::max()) &&
                        out.ParsePartialFromArray(body.data(), static_cast<int>(body.size())) &&
                        out.IsInitialized();
    if (!parsed) return failure(Code::invalid, "Failed to parse body into " + name + " protobuf");
    return {};
  }
  auto parsed = parse_json_message(body, out);
  if (parsed) return {};
  const JsonError& error = parsed.error();
  if (error.kind == JsonError::Kind::syntax) {
    return failure(Code::invalid, "Failed to parse body into JSON: " + error.message);
  }
  return failure(Code::invalid,
                 "Failed to convert JSON into " + name + " protobuf: " + error.message);
}

}  // namespace mesolith::wire
