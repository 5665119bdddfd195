// SPDX-License-Identifier: Apache-2.0
#include "wire/record_io.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace mesolith::wire {

void append_record(std::string_view record, std::string& out) {
  CHECK(!record.empty());
  out += std::to_string(record.size());
  out += '\n';
  out += record;
}

Result<void> RecordDecoder::fail(Code code, std::string message) {
  error_ = Error(code, std::move(message));
  return std::unexpected(*error_);
}

Result<void> RecordDecoder::take_length(char c) {
  if (c == '\n') {
    if (digits_ == 0) return fail(Code::invalid, "A record has no length");
    if (length_ == 0) return fail(Code::invalid, "A record has length 0");
    in_body_ = true;
    return {};
  }
  if (c < '0' || c > '9') {
    return fail(Code::invalid, "A record's length has something other than digits");
  }
  if (++digits_ > 20) return fail(Code::invalid, "A record's length has more than 20 digits");
  const size_t digit = static_cast<size_t>(c - '0');
  if (length_ > (record_bytes_max_ - std::min(digit, record_bytes_max_)) / 10 ||
      length_ * 10 + digit > record_bytes_max_) {
    return fail(Code::too_large, "A record is longer than " + std::to_string(record_bytes_max_) +
                                     " bytes, the most that is taken");
  }
  length_ = length_ * 10 + digit;
  return {};
}

Result<void> RecordDecoder::feed(std::string_view bytes) {
  if (error_) return std::unexpected(*error_);
  while (!bytes.empty()) {
    if (!in_body_) {
      TRY_VOID(take_length(bytes.front()));
      bytes.remove_prefix(1);
      continue;
    }
    const size_t taken = std::min(length_ - body_.size(), bytes.size());
    body_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (body_.size() == length_) {
      ready_.push_back(std::exchange(body_, {}));
      length_ = 0;
      digits_ = 0;
      in_body_ = false;
    }
  }
  return {};
}

std::optional<std::string> RecordDecoder::next() {
  if (ready_.empty()) return std::nullopt;
  std::string record = std::move(ready_.front());
  ready_.pop_front();
  return record;
}

}  // namespace mesolith::wire
