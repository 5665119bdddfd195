// SPDX-License-Identifier: Apache-2.0
// Command-line flags as Mesos has them (mesos-api.md 6.4): --name=value, --name and --no-name for
// booleans, parsing ends at "--"; MESOS_<NAME> in the environment where the command line says
// nothing; slave_* and agent_* are one flag. Unknown flags are errors, unknown MESOS_* variables
// are ignored. A value of file:///path stands for that file's content; reading it is left to the
// caller.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace mesolith {

struct FlagSpec {
  enum class Kind { text, boolean, number, duration };
  std::string_view name;
  Kind kind = Kind::text;
  std::optional<std::string_view> default_value;  // none: the flag may be absent
  bool has_effect = true;  // false: accepted for the sake of scripts, and said so once
  std::string_view help;
};

class Flags {
 public:
  // `environment` holds NAME=value pairs. Values are checked against their kind here, so the
  // getters cannot fail.
  static Result<Flags> parse(std::span<const FlagSpec> specs,
                             std::span<const std::string> arguments,
                             std::span<const std::string> environment);

  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  // For flags with a default or after has(); a name that is not in the table is a programming error
  // (CHECK).
  const std::string& text(std::string_view name) const;
  std::string text_or(std::string_view name, std::string_view fallback) const;
  bool boolean(std::string_view name) const;
  int64_t number(std::string_view name) const;
  Duration duration(std::string_view name) const;

  const std::map<std::string, std::string>& values() const { return values_; }  // defaults included
  const std::vector<std::string>& without_effect() const { return without_effect_; }
  const std::vector<std::string>& rest() const {
    return rest_;
  }  // after "--", and words that are no flags

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> without_effect_;
  std::vector<std::string> rest_;
};

// The table as text for --help: name, default, help.
std::string describe_flags(std::span<const FlagSpec> specs);

// "4KB", "2GB", "100B": bytes, 1024-based (6.4).
Result<uint64_t> parse_bytes(std::string_view text);

}  // namespace mesolith
