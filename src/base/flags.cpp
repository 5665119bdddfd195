// SPDX-License-Identifier: Apache-2.0
#include "base/flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/check.hpp"

namespace mesolith {
namespace {

constexpr std::string_view environment_prefix = "MESOS_";

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// slave_x and agent_x name the same flag.
std::string other_name(const std::string& name) {
  for (const auto& [from, to] :
       {std::pair<std::string_view, std::string_view>{"slave", "agent"}, {"agent", "slave"}}) {
    if (const size_t at = name.find(from); at != std::string::npos) {
      std::string other = name;
      return other.replace(at, from.size(), to);
    }
  }
  return name;
}

const FlagSpec* find(std::span<const FlagSpec> specs, const std::string& name) {
  for (const FlagSpec& spec : specs) {
    if (spec.name == name) return &spec;
  }
  const std::string other = other_name(name);
  for (const FlagSpec& spec : specs) {
    if (spec.name == other) return &spec;
  }
  return nullptr;
}

std::optional<bool> boolean_of(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

std::optional<int64_t> number_of(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<void> check_value(const FlagSpec& spec, const std::string& value) {
  const auto wrong = [&](std::string_view what) {
    return failure(Code::invalid,
                   fmt::format("Failed to load flag '{}': '{}' is not {}", spec.name, value, what));
  };
  switch (spec.kind) {
    case FlagSpec::Kind::text:
      return {};
    case FlagSpec::Kind::boolean:
      if (!boolean_of(value)) return wrong("true or false");
      return {};
    case FlagSpec::Kind::number:
      if (!number_of(value)) return wrong("a whole number");
      return {};
    case FlagSpec::Kind::duration:
      if (auto parsed = parse_duration(value); !parsed) {
        return failure(Code::invalid, fmt::format("Failed to load flag '{}': {}", spec.name,
                                                  parsed.error().message));
      }
      return {};
  }
  return {};
}

struct Named {
  const FlagSpec* spec = nullptr;
  std::string value;
  bool took_next = false;  // the value was the next word
};

// "name", "no-name" or "name=value", without the dashes; `next` is the word after it, taken as the
// value of a flag that needs one and has none.
Result<Named> read_flag(std::span<const FlagSpec> specs, std::string_view word,
                        const std::string* next) {
  const size_t equals = word.find('=');
  std::string name(word.substr(0, equals));
  if (!find(specs, name)) std::replace(name.begin(), name.end(), '-', '_');
  const FlagSpec* spec = find(specs, name);
  const bool negated = !spec && name.starts_with("no_");
  if (negated) spec = find(specs, name.substr(3));
  if (negated && !spec) spec = find(specs, std::string(word.substr(3, equals)));
  if (!spec) {
    return failure(Code::invalid,
                   fmt::format("Failed to load unknown flag '{}'", word.substr(0, equals)));
  }
  if (equals != std::string_view::npos) {
    if (negated) {
      return failure(Code::invalid,
                     fmt::format("Failed to load boolean flag '{}' via '{}' with value '{}'",
                                 spec->name, name, word.substr(equals + 1)));
    }
    return Named{spec, std::string(word.substr(equals + 1)), false};
  }
  if (spec->kind == FlagSpec::Kind::boolean) {
    return Named{spec, negated ? "false" : "true", false};
  }
  if (!next || next->starts_with("--")) {
    return failure(
        Code::invalid,
        fmt::format("Failed to load non-boolean flag '{}': Missing value: write --{}=VALUE",
                    spec->name, spec->name));
  }
  return Named{spec, *next, true};
}

}  // namespace

Result<Flags> Flags::parse(std::span<const FlagSpec> specs, std::span<const std::string> arguments,
                           std::span<const std::string> environment) {
  Flags flags;
  std::map<std::string, std::string> given;
  for (const std::string& variable : environment) {
    if (!variable.starts_with(environment_prefix)) continue;
    const size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    const std::string name =
        lower(variable.substr(environment_prefix.size(), equals - environment_prefix.size()));
    if (const FlagSpec* spec = find(specs, name))
      given[std::string(spec->name)] = variable.substr(equals + 1);
    if (!name.starts_with("no_")) continue;
    if (const FlagSpec* spec = find(specs, name.substr(3));
        spec && spec->kind == FlagSpec::Kind::boolean) {
      given[std::string(spec->name)] = "false";
    }
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--") {
      flags.rest_.insert(flags.rest_.end(), arguments.begin() + static_cast<ptrdiff_t>(i) + 1,
                         arguments.end());
      break;
    }
    if (!word.starts_with("--")) {
      flags.rest_.push_back(word);
      continue;
    }
    const std::string* next = i + 1 < arguments.size() ? &arguments[i + 1] : nullptr;
    TRY(const Named named, read_flag(specs, std::string_view(word).substr(2), next));
    if (named.took_next) ++i;
    given[std::string(named.spec->name)] = named.value;
  }
  for (const FlagSpec& spec : specs) {
    const auto found = given.find(std::string(spec.name));
    if (found != given.end()) {
      TRY_VOID(check_value(spec, found->second));
      flags.values_[found->first] = found->second;
      if (!spec.has_effect) flags.without_effect_.push_back(found->first);
    } else if (spec.default_value) {
      flags.values_[std::string(spec.name)] = std::string(*spec.default_value);
    }
  }
  return flags;
}

const std::string& Flags::text(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  CHECK(found != values_.end());
  return found->second;
}

std::string Flags::text_or(std::string_view name, std::string_view fallback) const {
  return has(name) ? text(name) : std::string(fallback);
}

bool Flags::boolean(std::string_view name) const {
  return boolean_of(text(name)).value();
}
int64_t Flags::number(std::string_view name) const {
  return number_of(text(name)).value();
}
Duration Flags::duration(std::string_view name) const {
  return parse_duration(text(name)).value();
}

std::string describe_flags(std::span<const FlagSpec> specs) {
  std::string text;
  for (const FlagSpec& spec : specs) {
    std::string name = "--";
    if (spec.kind == FlagSpec::Kind::boolean) name += "[no-]";
    name += std::string(spec.name) + (spec.kind == FlagSpec::Kind::boolean ? "" : "=VALUE");
    text +=
        fmt::format("  {:<44} {}{}{}\n", name, spec.help,
                    spec.default_value ? fmt::format(" (default: {})", *spec.default_value) : "",
                    spec.has_effect ? "" : " [no effect here]");
  }
  return text;
}

Result<uint64_t> parse_bytes(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  constexpr std::array<std::string_view, 5> units = {"B", "KB", "MB", "GB", "TB"};
  const auto found = std::find(units.begin(), units.end(), unit);
  if (error != std::errc() || found == units.end()) {
    return failure(
        Code::invalid,
        fmt::format("'{}' is not a size: write a whole number and B, KB, MB, GB or TB", text));
  }
  const auto shift = static_cast<unsigned>(10 * (found - units.begin()));
  if (number > (~uint64_t{0} >> shift))
    return failure(Code::invalid, fmt::format("'{}' is too large", text));
  return number << shift;
}

}  // namespace mesolith
