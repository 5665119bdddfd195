// SPDX-License-Identifier: Apache-2.0
// RecordIO: each record is its length in decimal, a newline, its bytes. Where the transport cuts
// the stream means nothing. A RecordDecoder holds at most one unfinished record and those not yet
// taken; a length that is malformed, zero or above the limit ends it for good.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mesolith::wire {

// A record is never empty.
void append_record(std::string_view record, std::string& out);

class RecordDecoder {
 public:
  explicit RecordDecoder(size_t record_bytes_max) : record_bytes_max_(record_bytes_max) {}

  // Takes the next bytes of the stream. Once it has failed, each later call fails likewise. Records
  // completed before the fault stay available.
  Result<void> feed(std::string_view bytes);
  // The oldest complete record not yet taken.
  std::optional<std::string> next();
  // Whether the stream may end here: no record is half read.
  bool at_boundary() const { return !in_body_ && digits_ == 0; }

 private:
  Result<void> take_length(char c);
  Result<void> fail(Code code, std::string message);

  size_t record_bytes_max_;
  size_t length_ = 0;  // of the record being read
  int digits_ = 0;     // of its length, read so far
  bool in_body_ = false;
  std::string body_;
  std::deque<std::string> ready_;
  std::optional<Error> error_;
};

}  // namespace mesolith::wire
