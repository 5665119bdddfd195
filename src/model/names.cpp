// SPDX-License-Identifier: Apache-2.0
#include "model/names.hpp"

#include <array>

namespace mesolith::model {

namespace {
constexpr std::array<std::string_view, Name::known_count> known_texts{"cpus", "disk", "gpus", "mem",
                                                                      "ports"};
}  // namespace

Name::Name(std::string_view text) : known_(other_id) {
  for (size_t i = 0; i < known_count; ++i) {
    if (text == known_texts[i]) {
      known_ = static_cast<Known>(i);
      return;
    }
  }
  text_ = std::make_shared<const std::string>(text);
}

std::string_view Name::text() const {
  return known_ == other_id ? std::string_view(*text_) : known_texts[known_];
}

std::strong_ordering Name::operator<=>(const Name& other) const {
  if (known_ != other_id && other.known_ != other_id) return known_ <=> other.known_;
  return text() <=> other.text();
}

}  // namespace mesolith::model
